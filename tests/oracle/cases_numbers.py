"""Folders that the migration takes for experiments, for their names are numbers to Python: also some that MLflow
refuses, or that are the same number written otherwise."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml
from breaking import Case, Deed


def called(name: str, *more: Deed) -> Deed:
    """The experiment and its runs say they are the folder's new name."""

    def deed(path: Path) -> None:
        folder = path.with_name(name)
        path.rename(folder)
        for meta in (folder / "meta.yaml", *folder.glob("*/meta.yaml")):
            stated = yaml.safe_load(meta.read_text())
            meta.write_text(yaml.safe_dump({**stated, "experiment_id": name}))
        for one in more:
            one(folder)

    return deed


def without_metadata(folder: Path) -> None:
    (folder / "meta.yaml").unlink()


def with_a_broken_metric(folder: Path) -> None:
    run = min(one for one in folder.iterdir() if (one / "metrics").is_dir())
    (run / "metrics" / "broken").write_text("1 2 3\ngarbage\n")


def beside(name: str) -> Deed:
    """Another experiment, with no run of the same id."""

    def deed(folder: Path) -> None:
        other = folder.with_name(name)
        other.mkdir()
        shutil.copyfile(folder / "meta.yaml", other / "meta.yaml")
        stated = yaml.safe_load((other / "meta.yaml").read_text())
        (other / "meta.yaml").write_text(yaml.safe_dump({**stated, "experiment_id": name, "name": "beside"}))

    return deed


def _case(about: str, name: str, *more: Deed) -> Case:
    return Case(f"experiment: {about}", "{second}", called(name, *more), name)


CASES = [
    _case("a negative number", "-31"),
    _case("a number with a sign", "+32"),
    _case("a number with a space behind it", "33 "),
    _case("a number in full-width digits", "３４"),
    _case("a number with two underscores", "3__5"),
    _case("a number with an underscore", "3_6"),
    _case("zero with a sign", "-0"),
    _case("a superscript number", "3²"),
    _case("a number with a sign, a broken metric in it", "+37", with_a_broken_metric),
    _case("a number with a space, a broken metric in it", " 38", with_a_broken_metric),
    _case("a word with a space, a broken metric in it", "old 38", with_a_broken_metric),
    _case("a negative number, meta.yaml missing", "-39", without_metadata),
    _case("full-width digits, meta.yaml missing", "４０", without_metadata),
    _case("the same number with a sign", "+41", beside("41")),
    _case("the same number in full-width digits", "４２", beside("42")),
    _case("the same number with a zero before it", "043", beside("43")),
]
