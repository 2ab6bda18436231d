"""Which findings a repair mends, and how: only what is mechanical and certain, each tried with MLflow itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, Literal

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.mending import MendKind, Wanted

_UNUSABLE: Final = ("missing", "empty", "unparsable", "not-a-mapping", "folder", "pipe")
"""States of a metadata file that is there for anybody to read and tells MLflow nothing."""
_KEYS: Final = ("key-missing", "type-unknown", "tags-refused", "value-not-storable")
_LINES: Final = (
    "line-unreadable", "line-fields", "step-unreadable", "line-repeated", "beyond-64-bits", "not-utf8",
)  # fmt: skip
_OWNERS: Final = (
    "experiment-tag", "run-param", "run-metric", "run-tag", "registered-model-tag", "registered-model-alias",
    "version-tag", "logged-model-param", "logged-model-metric", "logged-model-tag", "trace-tag", "trace-metadata",
)  # fmt: skip


def _rows(kind: MendKind, *codes: str) -> dict[str, MendKind]:
    return dict.fromkeys(codes, kind)


_META = tuple(f"meta-{state}" for state in _UNUSABLE)

PLACES: Final[dict[str, MendKind]] = {
    # Strays, and what stands in the place of a folder MLflow wants to list.
    **_rows("out", "root-name-refused", "root-stray", "trash-name-refused", "trash-stray", "registry-stray"),
    **_rows(
        "out", "trash-not-a-folder", "registry-not-a-folder", "datasets-not-a-folder", "traces-not-a-folder",
        "logged-models-not-a-folder", "inputs-not-a-folder", "outputs-not-a-folder", "assessments-not-a-folder",
    ),
    **_rows("out", "experiment-stray", "input-stray", "output-stray", "assessment-stray", "input-twice"),
    **_rows("out", "assessment-refused", "assessment-value-not-storable"),
    **_rows("out", *(f"assessment-{state}" for state in _UNUSABLE[1:])),
    **_rows("folder", "run-folder-missing", "run-folder-is-none"),
    # One file a key.
    **{
        f"{owner}-{code}": "out"
        for owner in _OWNERS
        for code in ("name-refused", "name-not-utf8", "not-utf8", "dangling", "pipe")
    },
    **{f"{owner}-{code}": "bytes" for owner in ("run-metric", "logged-model-metric") for code in _LINES},
    **_rows("out", "run-metric-empty", "logged-model-metric-empty"),
    **_rows(
        "bytes", "text-cut", "experiment-meta-cut", "run-meta-cut", "registered-model-meta-cut", "version-meta-cut",
        "logged-model-meta-cut", "trace-info-cut",
    ),
    # Metadata.
    **_rows("experiment", *(f"experiment-{one}" for one in _META)),
    **_rows(
        "experiment", "experiment-key-missing", "experiment-lifecycle-missing", "experiment-id-mismatch",
        "experiment-workspace-refused", "experiment-unsortable", "experiment-unsortable-by-update",
        "experiment-value-not-storable",
    ),
    **_rows("run", *(f"run-{one}" for one in _META)),
    **_rows(
        "run", "run-key-missing", "run-key-null", "run-ids-missing", "run-id-missing", "run-id-refused",
        "run-id-mismatch", "run-experiment-mismatch", "run-status-refused", "run-lifecycle-refused",
        "run-start-time-refused", "run-value-not-storable", "run-exchanged",
        "run-meta-of-sibling",
    ),
    **_rows("registered-model", *(f"registered-model-{one}" for one in _META)),
    **_rows(
        "registered-model", "registered-model-key-missing", "registered-model-workspace-refused",
        "registered-model-unsortable", "registered-model-value-not-storable",
    ),
    **_rows("out", "registered-model-name-refused", "registered-model-name-with-percent"),
    **_rows(
        "version", "version-key-missing", "version-number-missing", "version-workspace-refused",
        "version-stage-refused", "version-unsortable", "version-unsortable-with-null", "version-number-unsortable",
        "version-value-not-storable",
    ),
    **_rows("logged-model", *(f"logged-model-{one}" for one in _META)),
    **_rows(
        "logged-model", "logged-model-key-missing", "logged-model-status-refused",
        "logged-model-experiment-mismatch", "logged-model-unsortable", "logged-model-value-not-storable",
    ),
    **_rows("output", *(f"output-{one}" for one in (*_META, "key-missing", "type-unknown", "value-not-storable"))),
}  # fmt: skip
"""By code: what mends it, done to the path of the finding."""

ENTRIES: Final[frozenset[str]] = frozenset(
    {
        *(f"input-{one}" for one in (*_META, *_KEYS)),
        *(f"dataset-{one}" for one in (*_META, "key-missing")),
        "input-dataset-missing", "experiment-copy",
        *(f"version-{one}" for one in _META),
        "logged-model-reserved-name",
        *(f"trace-info-{state}" for state in _UNUSABLE),
        # Everything in them is in another one as well.
        "registered-model-copy", "version-copy", "logged-model-copy", "trace-id-of-another",
        "trace-key-missing", "trace-key-unknown", "trace-value-refused", "trace-assessments-refused",
        "trace-id-mismatch", "trace-unsortable",
    }
)  # fmt: skip
"""Codes of entries whose metadata nothing else can tell: the directory of the metadata file is moved out."""

RENAMED: Final = "experiment-name-twice"
"""Mended only where somebody says which of the two is to be called what."""

_ENTRY = re.compile(r"/(meta|trace_info)\.yaml$")


Remedy = Literal["remove", "repair", "none"]


def remedy_of(code: str, otherwise: Remedy) -> Remedy:
    """What mends a finding of this code; ``otherwise`` what its row says where a repair cannot."""
    if code in PLACES or code in ENTRIES:
        return "repair"
    return "none" if otherwise == "repair" else otherwise


def repairable(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those a repair can mend."""
    return tuple(one for one in findings if one.remedy == "repair" and (one.code in PLACES or one.code in ENTRIES))


def is_mended_at(one: Finding) -> bool:
    """Whether its repair is done to the very path it is about."""
    return one.code in PLACES and _target(one, ()) == (PLACES[one.code], one.path)


def wanted(findings: Iterable[Finding], renamed: Collection[str] = ()) -> tuple[Wanted, ...]:
    """The places a repair of these findings is about, by path; what lies in one that is moved out is not
    another one. ``renamed``: paths of experiments that are to be called something else."""
    findings = tuple(findings)
    places: dict[tuple[MendKind, str], list[Finding]] = {}
    foreign = _foreign_versions(findings)
    for one in findings:
        target = _target(one, renamed)
        if one.path in foreign:
            target = "out", _ENTRY.sub("", one.path)
        if target is not None:
            places.setdefault(target, []).append(one)
    out = {path for kind, path in places if kind == "out"}
    found = [
        Wanted(kind, path, tuple(about))
        for (kind, path), about in places.items()
        if not any(above in out for above in _above(path)) and (kind == "out" or path not in out)
    ]
    return tuple(sorted(_one_each(found), key=lambda one: one.path))


def _target(one: Finding, renamed: Collection[str]) -> tuple[MendKind, str] | None:
    if one.code == RENAMED:
        return ("experiment", one.path) if one.path.rpartition("/")[0] in renamed else None
    # Why something is not repaired after all, the plan says as well.
    if one.remedy != "repair" and not one.kept:
        return None
    if one.code in ENTRIES:
        return "out", _ENTRY.sub("", one.path)
    kind = PLACES.get(one.code)
    if kind == "output" and not one.path.split("/")[-2].startswith("m-"):
        return "out", _ENTRY.sub("", one.path)
    return None if kind is None else (kind, one.path)


def _foreign_versions(findings: Iterable[Finding]) -> set[str]:
    """Metadata files of versions that are too much to be read and have no key of MLflow's: as good as none."""
    said: dict[str, list[str]] = {}
    for one in findings:
        if one.code.startswith("version-") and one.remedy != "remove":
            said.setdefault(one.path, []).append(one.code)
    return {
        path
        for path, codes in said.items()
        if "version-meta-unjudged" in codes
        and "version-number-missing" in codes
        and codes.count("version-key-missing") > 1
    }


def _one_each(found: list[Wanted]) -> list[Wanted]:
    """A path once: a metadata file that is written anew need not be cut as well."""
    best: dict[str, Wanted] = {}
    for one in found:
        known = best.get(one.path)
        if known is None or known.kind == "bytes":
            best[one.path] = one
    return list(best.values())


def _above(path: str) -> Iterable[str]:
    above = path.rpartition("/")[0]
    while above:
        yield above
        above = above.rpartition("/")[0]
