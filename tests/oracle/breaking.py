"""A small language to say how a store is broken: where, and what is done there."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Deed = Callable[[Path], None]

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
"""YAML that costs its reader nothing, and whoever writes it out all there is."""
MANY = "".join(f"k{n}: 1\n" for n in range(5_000))


@dataclass(frozen=True)
class Case:
    """One way to break a healthy store, done to one path of a copy."""

    name: str
    path: str
    """Relative to the store, with the names of the healthy store in braces: ``{first}/meta.yaml``."""
    deed: Deed
    found_at: str = ""
    """Where the finding must be when not at, below or above ``path``."""
    needs: str = ""
    """A name only stores of newer versions have (``experiment_tags``, ``model``, ``trace``, ``assessments``, ``registry``)."""
    below: str = ""
    """Put the store into a directory of this name."""

    def applies_to(self, names: Mapping[str, Any]) -> bool:
        return not self.needs or self.needs in names

    def break_it(self, store: Path, names: Mapping[str, Any]) -> None:
        self.deed(Path(os.path.join(store, self.path.format(**names))))

    def place(self, names: Mapping[str, Any]) -> str:
        return (self.found_at or self.path).format(**names)


def nothing(path: Path) -> None:
    assert path.exists()


def gone(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def folder(path: Path) -> None:
    """An empty directory, in place of whatever was there."""
    if os.path.lexists(path):
        gone(path)
    os.makedirs(path)


def holding(*names: str) -> Deed:
    """A directory with a few files of foreign content in it."""

    def deed(path: Path) -> None:
        for name in names:
            target = path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("foreign\n")

    return deed


def file(content: str | bytes = "") -> Deed:
    """A regular file with this content, in place of whatever was there."""

    def deed(path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return deed


def added(content: str | bytes) -> Deed:
    """More bytes at the end of a file."""

    def deed(path: Path) -> None:
        with open(path, "ab") as out:
            out.write(content if isinstance(content, bytes) else content.encode())

    return deed


def cut(share: float) -> Deed:
    def deed(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return deed


def torn(path: Path) -> None:
    """Cut off in the middle of the second key."""
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\n") + 5])


def without(*keys: str) -> Deed:
    return edited(lambda meta: [meta.pop(key, None) for key in keys])


def having(**values: Any) -> Deed:
    return edited(lambda meta: meta.update(values))


def edited(change: Callable[[dict[str, Any]], Any]) -> Deed:
    def deed(path: Path) -> None:
        meta = yaml.safe_load(path.read_text())
        change(meta)
        path.write_text(yaml.safe_dump(meta))

    return deed


def replaced(old: str, new: str) -> Deed:
    """A text edit, for what a YAML writer would write in another way."""

    def deed(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return deed


def mode(bits: int) -> Deed:
    return lambda path: os.chmod(path, bits)


def pipe(path: Path) -> None:
    """A FIFO nobody writes to."""
    if os.path.lexists(path):
        gone(path)
    os.mkfifo(path)


def endpoint(path: Path) -> None:
    """A socket nobody listens on."""
    if os.path.lexists(path):
        gone(path)
    fd = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        # By the number of its folder: the name of a socket may not be as long as a path.
        made.bind(f"/proc/self/fd/{fd}/{path.name}")
    os.close(fd)


def link(target: str) -> Deed:
    """A symbolic link in place of whatever was there."""

    def deed(path: Path) -> None:
        if os.path.lexists(path):
            gone(path)
        path.symlink_to(target)

    return deed


def kept_elsewhere(path: Path) -> None:
    """Moved out of the store, with a link in its place."""
    store = next(parent for parent in path.parents if (parent / ".trash").exists())
    elsewhere = store.parent / f"{store.name}-elsewhere" / path.name
    elsewhere.parent.mkdir(exist_ok=True)
    os.rename(path, elsewhere)
    path.symlink_to(elsewhere)


def copied(target: str, *more: Deed) -> Deed:
    """A copy beside it (or below the store's root with a leading ``/``), then whatever else to the copy."""

    def deed(path: Path) -> None:
        place = _beside(path, target)
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, place)
        for one in more:
            one(place / "meta.yaml" if place.is_dir() else place)

    return deed


def moved(target: str, *more: Deed) -> Deed:
    def deed(path: Path) -> None:
        place = _beside(path, target)
        os.rename(path, place)
        for one in more:
            one(place / "meta.yaml" if place.is_dir() else place)

    return deed


def _beside(path: Path, target: str) -> Path:
    if target.startswith("/"):
        store = next(parent for parent in path.parents if (parent / ".trash").exists())
        others = sorted(one.name for one in store.iterdir() if one.name.isdigit() and one.name != "0")
        other = next(name for name in others if name not in path.parts)
        return store / target[1:].replace("OTHER", other).replace("SAME", path.name)
    return path.with_name(target.replace("SAME", path.name))


def exchanged(path: Path) -> None:
    """A directory, or a file in one, changes places with that of another entry beside it."""
    other, between = beside(path), path.with_name(f"{path.name}.between")
    os.rename(path, between)
    os.rename(other, path)
    os.rename(between, other)


def over(how: Callable[[Path, Path], Any] = shutil.copyfile) -> Deed:
    """Another entry's file of this name is put over it: copied, or what else ``how`` makes of the two paths."""

    def deed(path: Path) -> None:
        other = beside(path)
        path.unlink()
        how(other, path)

    return deed


def beside(path: Path) -> Path:
    """The next entry's directory, or its file of the same name."""
    if path.is_dir():
        file = next(one for one in sorted(path.iterdir()) if one.suffix == ".yaml")
        return beside(file).parent
    return next(one / path.name for one in sorted(path.parent.parent.iterdir()) if _has(one, path))


def _has(folder: Path, path: Path) -> bool:
    return folder != path.parent and (folder / path.name).exists()


def both(*deeds: Deed) -> Deed:
    def deed(path: Path) -> None:
        for one in deeds:
            one(path)

    return deed


def inside(name: str, deed: Deed) -> Deed:
    return lambda path: deed(path / name)


def first_in(deed: Deed) -> Deed:
    """To the first entry of a directory, whose name is not known beforehand."""
    return lambda path: deed(sorted(path.iterdir())[0])


def first_meta_in(deed: Deed) -> Deed:
    return lambda path: deed(sorted(path.iterdir())[0] / "meta.yaml")
