"""The model registry of a file store (``models/`` in the root), as ``_get_registered_model_from_path`` and
``_get_file_model_version_from_dir`` read it (``store/model_registry/file_store.py``, 3.17)."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from typing import Any, Final

from mlruns_tui.disk import look
from mlruns_tui.model.findings import Symptom
from mlruns_tui.model.text import safe

from .. import layout
from . import columns, folders, links
from .contents import check_folder
from .context import Owner, Store
from .folders import Met
from .order import Descending, kind, unsortable
from .seen import Listing, Seen
from .siblings import Kind

_PROMPT_TAG: Final = "mlflow.prompt.is_prompt"
_STAGES: Final = frozenset({"None", "Staging", "Production", "Archived"})
_DELETED: Final = "Deleted_Internal"
_NOBODY: Final = Owner()
_MODEL_OF_ANOTHER: Final[dict[Kind, str]] = {
    "exchanged": "registered-model-name-of-another",
    "copy": "registered-model-copy",
    "covered": "registered-model-meta-of-another",
    "elsewhere": "registered-model-name-of-another",
}
_VERSION_OF_ANOTHER: Final[dict[Kind, str]] = {
    "exchanged": "version-number-of-another",
    "copy": "version-copy",
    "covered": "version-meta-of-another",
    "elsewhere": "version-number-of-another",
}
Version = tuple[str, dict[Any, Any], Owner, bool]
"""Path and content of a version's metadata, whose it is, and whether it is a prompt's."""


def check_registry(store: Store, seen: Seen) -> Iterator[Symptom]:
    """Every registered model. A missing registry is made by MLflow itself."""
    place = layout.REGISTRY
    found = folders.kind_of(place, store.fd)
    if found is None:
        return
    owner = links.through(found, place, _NOBODY, store)
    if found == "link-to-folder":
        yield links.told(place, _NOBODY, owner, store)
    elif found != "folder":
        yield _NOBODY.says("registry-not-a-folder", place)
        return
    if owner is None:
        return
    fd, access = folders.enter(place, store.fd, found)
    try:
        if access != "open":
            if access == "no-enter":
                yield owner.says("registry-no-enter", place, runs=sum(one.is_folder for one in folders.entries(fd)))
            elif access != "gone":
                yield owner.says("registry-closed", place)
            return
        yield owner.says("registry-present", place)
        for one in folders.entries(fd):
            store.pulse()
            path = layout.join(place, one.name)
            if one.kind == "link-to-folder":
                yield from _check_link(one, path, fd, owner, store, seen)
            elif one.is_folder:
                yield from _check_model(one, fd, path, owner, store, seen)
    except OSError:
        yield owner.says("registry-closed", place)
    finally:
        if fd >= 0:
            os.close(fd)
    yield from seen.registered.check(place, layout.META, _MODEL_OF_ANOTHER, owner, store)
    yield from seen.registered_versions.check(place, layout.META, _VERSION_OF_ANOTHER, owner, store)
    yield from _check_order(seen.registered_models, seen.all_registered, name="str")
    usual = {"last_updated_timestamp": "number", "name": "str", "version": "number"}
    yield from _check_order(seen.versions, seen.all_versions, **usual)
    yield from seen.versions_without_null.check(last_updated_timestamp="number")


def _check_order(listed: Listing, with_prompts: Listing, **usual: str) -> Iterator[Symptom]:
    """What prompts do to a listing is only told where the rest of it can be sorted."""
    found = [*listed.check(**usual)]
    yield from found if found else with_prompts.check(**usual)


def _check_link(met: Met, path: str, registry_fd: int, owner: Owner, store: Store, seen: Seen) -> Iterator[Symptom]:
    if not links.has_metadata(met.name, registry_fd):
        yield owner.says("registry-stray", path, "a link to a folder without meta.yaml")
        return
    leads_to = folders.target(store.root, path)
    if leads_to is not None and leads_to.rpartition("/")[0] == layout.REGISTRY:
        yield owner.says("link-to-a-registered-model", path, safe(leads_to, 200))
        return
    behind = links.through(met.kind, path, owner, store)
    yield links.told(path, owner, behind, store)
    if behind is not None:
        yield from _check_model(met, registry_fd, path, behind, store, seen)


def _check_model(met: Met, registry_fd: int, path: str, owner: Owner, store: Store, seen: Seen) -> Iterator[Symptom]:
    name, place = met.name, layout.join(path, layout.META)
    yield from _check_name(name, path, owner)
    fd, access = folders.enter(name, registry_fd, met.kind)
    try:
        if access == "gone":
            return
        if access != "open":
            yield owner.says(f"registered-model-{access}", path)
            return
        meta, of_meta = links.read(layout.META, fd, place, owner, store)
        inside = folders.entries(fd)
        versions = [one for one in inside if one.is_folder and one.name.startswith("version-")]
        if not meta.usable:
            state = meta.state
            code = "registry-stray" if state == "missing" and not versions else f"registered-model-meta-{state}"
            yield of_meta.says(code, path if code == "registry-stray" else place, f"meta.yaml {meta.reason}")
            for key in meta.lacks("name"):
                yield of_meta.says("registered-model-key-missing", place, key)
        else:
            if meta.unmigrated:
                yield of_meta.says(f"registered-model-meta-{meta.unmigrated}", place)
            yield from _check_values(meta.value, name, place, of_meta, fd, seen)
        yield from check_folder(fd, "tags", layout.join(path, "tags"), "registered-model-tag", owner, store)
        yield from check_folder(fd, "aliases", layout.join(path, "aliases"), "registered-model-alias", owner, store)
        yield from _check_aliases(fd, path, owner, {one.name for one in versions})
        known: list[Version] = []
        for one in versions:
            store.pulse()
            yield from _check_version(one, fd, layout.join(path, one.name), owner, store, known)
        yield from _compare(known, seen)
    except OSError:
        yield owner.says("registered-model-no-list", path)
    finally:
        if fd >= 0:
            os.close(fd)


def _check_name(name: str, path: str, owner: Owner) -> Iterator[Symptom]:
    """``_validate_model_name``; a slash cannot be in a directory's name."""
    if "%" in name:
        yield owner.says("registered-model-name-with-percent", path, safe(name, 80))
    elif ":" in name or not name.strip() or posixpath.normpath(name) != name or name.startswith(".."):
        yield owner.says("registered-model-name-refused", path, safe(name, 80))


def _is_prompt(fd: int) -> bool:
    """Prompts are registered models with a tag, and so are their versions, each by its own; listings leave them
    out (``add_prompt_filter_string``)."""
    try:
        return look.read_small(f"tags/{_PROMPT_TAG}", fd, 100, follow=True) == b"true"
    except OSError:
        return False


def _check_values(meta: dict[Any, Any], name: str, path: str, owner: Owner, fd: int, seen: Seen) -> Iterator[Symptom]:
    yield from _check_workspace(meta, path, owner, "registered-model")
    if "name" not in meta:
        yield owner.says("registered-model-key-missing", path, "name")
    else:
        seen.all_registered.add((meta["name"],), path, owner)
        if not _is_prompt(fd):
            seen.registered_models.add((meta["name"],), path, owner)
            if isinstance(meta["name"], str):
                seen.registered.add(name, meta["name"])
    for reason in columns.refusals(meta, columns.REGISTERED_MODEL):
        yield owner.says("registered-model-value-not-storable", path, reason)
    stated = meta.get("name", name)
    if isinstance(stated, str | int | float):
        yield from seen.model_names.add(str(stated), path.rpartition("/")[0])


def _check_workspace(meta: dict[Any, Any], path: str, owner: Owner, what: str) -> Iterator[Symptom]:
    workspace = meta.get("workspace")
    if workspace is not None and not isinstance(workspace, str):
        yield owner.says(f"{what}-workspace-refused", path, columns.name_of(workspace))


def _check_aliases(fd: int, path: str, owner: Owner, versions: set[str]) -> Iterator[Symptom]:
    """Aliases of versions that are not there: MLflow finds out when somebody asks for one."""
    aliases, access = folders.enter("aliases", fd, folders.kind_of("aliases", fd))
    try:
        if access != "open":
            return
        for one in folders.entries(aliases):
            if one.kind not in ("file", "link-to-file"):
                continue
            try:
                text = look.read_small(one.name, aliases, 1_000, follow=True).decode("utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            if f"version-{text}" not in versions:
                yield owner.says("alias-of-a-missing-version", f"{path}/aliases/{one.name}", safe(text, 40))
    except OSError:
        return
    finally:
        if aliases >= 0:
            os.close(aliases)


def _check_version(
    met: Met, model_fd: int, path: str, owner: Owner, store: Store, known: list[Version]
) -> Iterator[Symptom]:
    place = layout.join(path, layout.META)
    behind = links.through(met.kind, path, owner, store)
    if met.kind == "link-to-folder":
        if not links.has_metadata(met.name, model_fd):
            yield owner.says("version-meta-missing", path)
            return
        yield links.told(path, owner, behind, store)
    if behind is None:
        return
    owner = behind
    fd, access = folders.enter(met.name, model_fd, met.kind)
    try:
        if access == "gone":
            return
        if access != "open":
            yield owner.says(f"version-{access}", path)
            return
        meta, of_meta = links.read(layout.META, fd, place, owner, store)
        if not meta.usable:
            yield of_meta.says(f"version-meta-{meta.state}", place, f"meta.yaml {meta.reason}")
            for key in meta.lacks("name", "creation_timestamp", "version"):
                yield of_meta.says(f"version-{'number' if key == 'version' else 'key'}-missing", place, key)
        else:
            if meta.unmigrated:
                yield of_meta.says(f"version-meta-{meta.unmigrated}", place)
            yield from _check_version_values(meta.value, place, of_meta)
            known.append((place, meta.value, of_meta, _is_prompt(fd)))
        yield from check_folder(fd, "tags", layout.join(path, "tags"), "version-tag", owner, store)
    finally:
        if fd >= 0:
            os.close(fd)


def _check_version_values(meta: dict[Any, Any], path: str, owner: Owner) -> Iterator[Symptom]:
    yield from _check_workspace(meta, path, owner, "version")
    for key in ("name", "creation_timestamp"):
        if key not in meta:
            yield owner.says("version-key-missing", path, key)
    if "version" not in meta:
        yield owner.says("version-number-missing", path, "version")
    else:
        try:
            reason = columns.refused(int(meta["version"]))
        except (TypeError, ValueError, OverflowError):
            reason = f"is {columns.shown(meta['version'])}"
        if reason:
            yield owner.says("version-value-not-storable", path, f"version {reason}")
    stage = meta.get("current_stage")
    if isinstance(stage, list | dict | set):
        yield owner.says("version-stage-refused", path, columns.name_of(stage))
    for reason in columns.refusals(meta, columns.VERSION):
        yield owner.says("version-value-not-storable", path, reason)


def _compare(known: list[Version], seen: Seen) -> Iterator[Symptom]:
    """What shows only when the versions of one model are put side by side."""
    numbers: dict[int, str] = {}
    stages: dict[str, list[Version]] = {}
    for path, meta, owner, prompt in known:
        with_number = _number(meta.get("version"))
        if with_number is not None:
            first = numbers.setdefault(with_number, path)
            if first is not path:
                yield owner.says("version-number-twice", first, str(with_number))
                yield owner.says("version-number-twice", path, str(with_number))
        stage = meta.get("current_stage")
        _note_references(meta, path, owner, seen)
        if "version" in meta and isinstance(stage, str) and stage in _STAGES:
            stages.setdefault(stage, []).append((path, meta, owner, prompt))
        if stage == _DELETED or any(key not in meta for key in ("name", "version", "creation_timestamp")):
            continue
        updated = meta.get("last_updated_timestamp")
        key = (Descending(updated), meta["name"], Descending(meta["version"]))
        seen.all_versions.add(key, path, owner)
        if not prompt:
            seen.versions.add(key, path, owner)
            # Before 3.0 null was compared like any value.
            seen.versions_without_null.add((updated,), path, owner)
            if isinstance(meta["name"], str) and isinstance(meta["version"], str | int):
                folder = path.split("/", 1)[1].rpartition("/")[0]
                seen.registered_versions.add(folder, f"{meta['name']}/version-{meta['version']}")
    for alike in stages.values():
        yield from _check_latest(alike)


def _note_references(meta: dict[Any, Any], path: str, owner: Owner, seen: Seen) -> None:
    """What a version came from; of deleted ones MLflow itself forgets it."""
    if meta.get("current_stage") == _DELETED:
        return
    for code, value in (
        ("version-of-a-lost-run", meta.get("run_id")),
        ("version-of-a-lost-model", meta.get("model_id")),
    ):
        if isinstance(value, str) and value:
            seen.references.append((code, value, path, owner))


def _check_latest(versions: list[Version]) -> Iterator[Symptom]:
    """MLflow compares the numbers of a stage's versions to find the latest."""
    values = [meta["version"] for _, meta, *_ in versions]
    if len(values) > 1 and (len({kind(one) for one in values}) > 1 or kind(values[0]) in ("null", "unordered")):
        for at, _ in unsortable([(one,) for one in values], ["number"]):
            path, meta, owner, _ = versions[at]
            yield owner.says("version-number-unsortable", path, columns.shown(meta["version"]))


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
