"""Fifty-six bad inputs, one after the other: what is said, how it ends, and that nothing was harmed.

Inputs that can be laid out beforehand are rows of ``LAID_OUT``: the command must end with that code, say that,
and leave every byte, mode and date of the store (and of everything beside it) as it was. What needs a disk that
fails or somebody who comes in between has a test of its own below, named after its number as well.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import zstandard

from mlruns_tui.cleanup.apply import apply
from mlruns_tui.cleanup.pack import pack
from mlruns_tui.cleanup.purge import purge
from mlruns_tui.cleanup.vault import batches
from mlruns_tui.disk import change, look
from mlruns_tui.model import codec
from mlruns_tui.model.errors import MlrunsError, StaleError, UsageError
from mlruns_tui.model.plan import Plan, PlanItem, Step
from mlruns_tui.workflow.asking import plan_cleanup
from mlruns_tui.workflow.changing import start_apply
from mlruns_tui.workflow.reading import open_reader, read_all

Run = Callable[..., Any]
OLD = "a" * 32
CLEAN = ("cleanup", "{store}", "--days-old", "30", "--force")
DRY = ("cleanup", "{store}", "--days-old", "30", "--dry-run", "--json")


def content(top: Path) -> dict[bytes, tuple[Any, ...]]:
    """Everything below ``top``: mode, owner, time, size, and what is in it."""
    found: dict[bytes, tuple[Any, ...]] = {}
    stack = [os.fsencode(top)]
    while stack:
        path = stack.pop()
        status = os.lstat(path)
        inside: Any = None
        if stat.S_ISDIR(status.st_mode):
            stack += [os.path.join(path, name) for name in os.listdir(path)]
        elif stat.S_ISLNK(status.st_mode):
            inside = os.readlink(path)
        elif stat.S_ISREG(status.st_mode) and status.st_size < 1 << 24:
            inside = hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest()
        size = 0 if stat.S_ISDIR(status.st_mode) else status.st_size
        found[path] = (status.st_mode, status.st_uid, status.st_mtime_ns, size, inside)
    return found


class Place:
    """A project directory with a store of one experiment and one fresh run: alone, nothing in it would go."""

    def __init__(self, top: Path, make_store: Callable[[Path], Any]) -> None:
        self.top = top
        self.store = make_store(top / "mlruns")
        self.root: Path = self.store.root
        for name in ("2", "617283940118264051", f"1/{1}{0:031x}", f"1/{1}{1:031x}"):
            shutil.rmtree(self.root / name)
        self.beside = top / "beside"
        self.beside.mkdir()
        (self.beside / "precious").write_text("precious")
        self.original: dict[bytes, tuple[Any, ...]] = {}

    def old_run(self, name: str = "old", run_id: str = OLD, **tags: str) -> Path:
        """A run that would go, were nothing wrong with it."""
        return self.store.run("1", run_id, name, 90, **tags)

    def meta(self, old: str, new: str, run_id: str = OLD) -> None:
        """An old run with one thing in its ``meta.yaml`` replaced."""
        path = (self.root / "1" / run_id if (self.root / "1" / run_id).exists() else self.old_run()) / "meta.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        self.age("1/" + run_id)

    def meta_is(self, data: bytes) -> None:
        path = self.old_run() / "meta.yaml"
        path.write_bytes(data)
        self.age("1/" + OLD)

    def age(self, path: str) -> None:
        then = time.time() - 90 * 86_400
        for folder, below, files in os.walk(self.root / path, topdown=False):
            for one in (*files, *below, "."):
                os.utime(os.path.join(folder, one), (then, then), follow_symlinks=one == ".")


@dataclass(frozen=True)
class Bad:
    """One input: how it comes about, the words of the command, its exit code, and what it says: all of these."""

    make: Callable[[Place], Any]
    words: tuple[str, ...]
    code: int
    says: tuple[str, ...]
    doctor: str = ""
    """What ``doctor`` says of it besides."""


def nothing(place: Place) -> None:
    """The store as it is."""


def file_beside(place: Place) -> None:
    (place.top / "file").write_text("")


def git_project(place: Place) -> None:
    for path in (".git/objects", "src"):
        (place.top / "project" / path).mkdir(parents=True)
    (place.top / "project" / "src" / "main.py").write_text("")


def linked_experiment(place: Place) -> None:
    shutil.move(place.old_run(), place.beside / OLD)
    os.symlink(place.beside, place.root / "5")


def links_in_a_run(place: Place) -> None:
    art = place.old_run() / "artifacts"
    for name, target in (
        ("etc", "/etc"),
        ("up", ".."),
        ("loop", "loop"),
        ("gone", "nowhere"),
        ("out", str(place.beside)),
    ):
        os.symlink(target, art / name)
    place.age("1/" + OLD)


def twins(place: Place) -> None:
    other = place.old_run("twin", "b" * 32)
    mine = place.old_run()
    (mine / "artifacts" / "model.bin").unlink()
    os.link(other / "artifacts" / "model.bin", mine / "artifacts" / "model.bin")
    place.age("1")


def vault_is_a_link(place: Place) -> None:
    place.old_run()
    os.symlink(place.beside, place.root / ".mlruns-tui.trash")


def vault_is_anybodys(place: Place) -> None:
    place.old_run()
    vault = place.root / ".mlruns-tui.trash"
    (vault / "batches").mkdir(parents=True)
    os.chown(vault, 12345, 12345)
    os.chmod(vault, 0o777)


def hostile(name: str) -> Callable[[Place], None]:
    return lambda place: place.meta("run_name: old", f"run_name: {json.dumps(name)}")


def bytes_name(place: Place) -> None:
    run = place.old_run()
    (run / "artifacts" / os.fsdecode(b"\xff\xfe")).write_text("x")
    shutil.copytree(run, place.root / "1" / os.fsdecode(b"caf\xe9"))
    place.age("1")


def sparse_meta(place: Place) -> None:
    with open(place.old_run() / "meta.yaml", "ab") as file:
        file.truncate(1 << 30)
    place.age("1/" + OLD)


def meta_of_kind(kind: str) -> Callable[[Place], None]:
    def make(place: Place) -> None:
        path = place.old_run() / "meta.yaml"
        path.unlink()
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            here = os.getcwd()
            os.chdir(path.parent)
            with socket.socket(socket.AF_UNIX) as made:
                made.bind("meta.yaml")
            os.chdir(here)
        elif kind == "directory":
            path.mkdir()
        else:
            os.symlink("/dev/zero", path)
        place.age("1/" + OLD)

    return make


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(ord("b"), ord("i"))
)
UNJUDGED, UNPARSED = "meta.yaml is not judged: meta.yaml", "meta.yaml cannot be parsed as YAML"
YAMLS = {
    "20,000 levels": (b"a: " + b"[" * 20_000 + b"]" * 20_000, f"{UNJUDGED} is nested too deeply"),
    "a python object": (b"!!python/object/apply:os.system ['touch /tmp/never']\n", UNPARSED),
    "100,000 digits": (b"status: " + b"9" * 100_000, "meta.yaml holds a number of absurd length"),
    "no date": (b"end_time: 2026-13-45\nstatus: 3\n", "cannot be parsed"),
    "NUL and BEL": (b"run_id: a\x00b\x07\n", UNPARSED),
    "BOM alone": (b"\xef\xbb\xbf", "Run with an empty meta.yaml"),
    "the same key twice": (b"status: 3\nstatus: 1\n", "run_id is missing"),
    "a list": (b"- a\n- b\n", "meta.yaml is not a mapping but a list"),
}


def linked_root(place: Place) -> None:
    place.old_run()
    shutil.move(place.root, place.top / "really")
    os.symlink("really", place.root)


def huge_metric(place: Place) -> None:
    run = place.store.run("1", OLD, "big", 1)
    with open(run / "metrics" / "loss", "ab") as file:
        file.write(b"\x00\xff\xfe")
        file.truncate(10 << 30)


def half_made(place: Place) -> None:
    (place.root / "777").mkdir()


def cut_short(place: Place) -> None:
    run = place.store.run("1", OLD, "young", 0)
    text = (run / "meta.yaml").read_bytes()
    (run / "meta.yaml").write_bytes(text[: len(text) // 2])


def newer_vault(place: Place) -> None:
    place.old_run()
    vault = place.root / ".mlruns-tui.trash"
    (vault / "batches").mkdir(parents=True)
    (vault / "vault.json").write_text('{"format": 99}')


NO_STORE = "is not an MLflow store: no experiment in it (looked for meta.yaml, mlflow.db and run directories)"
SERVER = "a server's store can only be opened where its files are"
STAYS = ("Nothing to remove.",)
MALFORMED_FILES = {
    "fifo": "meta.yaml is a pipe MLflow waits for",
    "socket": "meta.yaml is a folder or a socket",
    "directory": "meta.yaml is a folder",
    "link to a device": "meta.yaml is a pipe MLflow waits for",
}
LAID_OUT: dict[str, Bad] = {
    "1 a path that is missing": Bad(nothing, ("list", "{top}/nowhere"), 2, ("{top}/nowhere: no such directory",)),
    "1 a file": Bad(file_beside, ("cleanup", "{top}/file", "--force"), 2, ("{top}/file is a file, not a store",)),
    "1 an empty path": Bad(nothing, ("undo", ""), 2, ("Invalid value for '[STORE]': it is empty",)),
    "2 not a store": Bad(nothing, ("cleanup", "{top}/beside", "--force"), 2, ("{top}/beside " + NO_STORE,)),
    "2 the root directory": Bad(nothing, ("cleanup", "/", "--force"), 2, ("/ " + NO_STORE,)),
    "2 a project under git": Bad(git_project, ("cleanup", "{top}/project", "--force"), 2, ("{top}/project " + NO_STORE,)),
    "3 a store behind a link": Bad(linked_root, ("list", "{store}"), 0, ("{top}/really  file store",)),
    "4 a database that is missing": Bad(nothing, ("list", "sqlite:///{top}/no.db"), 2, ("no.db: no such database",)),
    "4 a server": Bad(
        nothing, ("cleanup", "https://mlflow.example.com", "--force"), 2, ("https://mlflow.example.com: " + SERVER,)
    ),
    "4 an object store": Bad(nothing, ("cleanup", "s3://bucket/mlruns", "--force"), 2, ("s3://bucket/mlruns: " + SERVER,)),
    "5 an experiment that is a link": Bad(linked_experiment, CLEAN, 0, STAYS),
    "6 links inside a run": Bad(links_in_a_run, DRY, 0, ('"size_bytes":5', '"files":3')),
    "7 files two runs share": Bad(twins, ("list", "{store}", "--json"), 0, ('"size_bytes":11', '"files":9', '"runs":3')),
    "9 backups folder is a link": Bad(
        vault_is_a_link, CLEAN, 1,
        ("{store}/.mlruns-tui.trash: the backups' folder is a link; nothing was read or changed (move it away",),
    ),
    "9 backups folder is anybody's": Bad(
        vault_is_anybodys, CLEAN, 1,
        ("the backups' folder belongs to 12345 and anybody may write to it; nothing was changed (look at what is in it",),
    ),
    "10 the backups folder as an experiment": Bad(
        newer_vault, ("cleanup", "{store}", "--experiment", ".mlruns-tui.trash", "--orphans", "--force"), 2,
        (".mlruns-tui.trash",),
    ),
    "12 control codes in a name": Bad(
        hostile("a\x1b]0;title\x07b\x9bc\nd\te"), ("list", "{store}", "--runs"), 0, (r"a\x1b]0;title\x07b\x9bc\nd\te",)
    ),
    "13 a name that runs backwards": Bad(
        hostile("a\u202eb\u200bc"), ("list", "{store}", "--runs"), 0, (r"a\u202eb\u200bc",)
    ),
    "14 a name that is no text": Bad(
        bytes_name, ("list", "{store}", "--runs", "--json"), 0, ('"path":"1/caf\\\\xe9"', '"path_b64":"MS9jYWbp"')
    ),
    "15 markup in a name": Bad(
        hostile("[/][@click=app.quit]x[/]"), ("list", "{store}", "--runs"), 0, ("[/][@click=app.quit]x[/]  ",)
    ),
    "17 a meta.yaml of 1 GB": Bad(sparse_meta, CLEAN, 0, STAYS, "1,073,741,824 bytes are too many for this file"),
    **{
        f"17 a meta.yaml that is a {kind}": Bad(meta_of_kind(kind), CLEAN, 0, STAYS, said)
        for kind, said in MALFORMED_FILES.items()
    },
    "18 a YAML bomb": Bad(lambda place: place.meta_is(BOMB), CLEAN, 0, STAYS, "run_id is missing"),
    **{
        f"19 YAML: {name}": Bad(lambda place, data=data: place.meta_is(data), CLEAN, 0, STAYS, said)
        for name, (data, said) in YAMLS.items()
    },
    "20 an id that is another's": Bad(
        lambda place: place.meta(f"run_id: {OLD}", "run_id: ../../beside"), CLEAN, 0, STAYS, "run_id is ‘../../beside’"
    ),
    "21 artifacts elsewhere": Bad(
        lambda place: place.meta("artifact_uri: file://", "artifact_uri: s3://bucket/../"), DRY, 0,
        ('"size_bytes":5', '"files":3'),
    ),
    **{
        f"22 an end at {value}": Bad(
            lambda place, value=value: place.meta(_end(place), f"end_time: {value}"), CLEAN, 0, STAYS
        )
        for value in (".nan", "-5", "1e999", "0x1F", "99999999999999")
    },
    "23 a status of 99": Bad(lambda place: place.meta("status: 3", "status: 99"), CLEAN, 0, STAYS, "status is 99"),
    "23 a status in words": Bad(
        lambda place: place.meta("status: 3", "status: finished"), CLEAN, 0, STAYS, "status is ‘finished’"
    ),
    "23 no status": Bad(
        lambda place: place.meta("status: 3", ""), CLEAN, 0, (*STAYS, "it never ended and may be alive")
    ),
    "24 a metric of 10 GB that is none": Bad(
        huge_metric, ("list", "{store}", "--json"), 0, ('"size_bytes":10737',), "Metric line MLflow cannot read"
    ),
    "25 an experiment being made": Bad(half_made, ("cleanup", "{store}", "--force"), 0, STAYS, "No meta.yaml"),
    "26 a meta.yaml being written": Bad(cut_short, CLEAN, 0, STAYS, "meta.yaml cannot be parsed as YAML"),
    "46 backups of a newer version": Bad(
        newer_vault, CLEAN, 1, ("made by a newer mlruns-tui (format 99); nothing was changed (update mlruns-tui)",)
    ),
    "55 an option that is no number": Bad(
        nothing, ("cleanup", "{store}", "--days-old", "nan"), 2, ("'--days-old': 'nan' is not a valid integer",)
    ),
    "55 a negative age": Bad(
        nothing, ("cleanup", "{store}", "--days-old", "-1"), 2, ("'--days-old': -1 is not in the range 0<=x<=36500",)
    ),
    "55 an option nobody knows": Bad(
        nothing, ("cleanup", "{store}", "--day-old", "3"), 2, ("No such option '--day-old'. Did you mean '--days-old'?",)
    ),
}  # fmt: skip


def _end(place: Place) -> str:
    run = place.old_run()
    return next(line for line in (run / "meta.yaml").read_text().splitlines() if line.startswith("end_time"))


@pytest.fixture
def place(tmp_path: Path, make_store: Callable[[Path], Any]) -> Place:
    (tmp_path / "project").mkdir()
    return Place(tmp_path / "project", make_store)


@pytest.mark.parametrize("name", LAID_OUT)
def test_what_is_laid_out(place: Place, run: Run, name: str) -> None:
    bad = LAID_OUT[name]
    if "anybody" in name and os.geteuid() != 0:
        pytest.skip("needs root, to give a folder away")
    bad.make(place)
    before = content(place.top)
    words = [word.format(store=place.root, top=place.top) for word in bad.words]
    done = run(*words)
    told = done.out + done.err
    assert done.code == bad.code, told
    for said in bad.says:
        assert said.replace("{store}", str(place.root)).replace("{top}", str(place.top)) in told, told
    assert "Traceback" not in told
    assert not any(ord(sign) < 32 and sign not in "\n\t" for sign in told)
    if bad.code:
        assert len(done.err.splitlines()) == 1
    if bad.doctor:
        found = run("doctor", str(place.root), "--json")
        assert found.code == 10
        messages = [f"{one['path']}: {one['message']}" for one in found.json["findings"]]
        assert any(bad.doctor in message for message in messages), messages
    assert content(place.top) == before


# Somebody comes in between, or the disk fails.


def planned(place: Place, days: int = 30) -> Plan:
    reader = open_reader(str(place.root))
    return plan_cleanup(reader, read_all(reader), days_old=days, orphans=False)


def clean(place: Place, run: Run) -> None:
    assert run("cleanup", str(place.root), "--days-old", "30", "--force").code == 0
    assert not (place.root / "1" / OLD).exists()


def vault(place: Place) -> Path:
    return place.root / ".mlruns-tui.trash"


def without_vault(place: Place) -> dict[bytes, tuple[Any, ...]]:
    top = os.fsencode(vault(place))
    return {
        path: entry for path, entry in content(place.top).items() if path != top and not path.startswith(top + b"/")
    }


@pytest.fixture
def mounted(request: pytest.FixtureRequest) -> Any:
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount")

    def mount(path: Path, options: str) -> None:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", path], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"cannot mount here: {done.stderr.decode()}")
        request.addfinalizer(lambda: subprocess.run(["umount", path], check=False))

    return mount


def test_3_a_store_behind_a_link_that_is_turned_elsewhere(place: Place) -> None:
    linked_root(place)
    plan = planned(place)
    other = place.top / "other"
    shutil.copytree(place.top / "really", other, symlinks=True)
    place.root.unlink()
    os.rename(place.top / "really", place.top / "away")
    os.rename(other, place.top / "really")
    before = content(place.top)
    with pytest.raises(StaleError, match="another directory is in the store's place") as error:
        apply(plan)
    assert error.value.exit_code == 4
    assert content(place.top) == before


def test_8_a_run_that_became_a_link_since_the_plan(place: Place) -> None:
    run = place.old_run()
    plan = planned(place)
    shutil.move(run, place.beside / OLD)
    os.symlink(place.beside / OLD, run)
    before = without_vault(place)
    one = apply(plan).items[0]
    assert (one.outcome, one.error) == ("skipped", "replaced by another since the plan was made. It is where it was.")
    assert without_vault(place) == before


@pytest.mark.parametrize(
    "path", [".mlruns-tui.trash", ".mlruns-tui.trash/batches", "1/.mlruns-tui.trash", "../beside", "/etc"]
)
def test_10_a_plan_that_names_the_backups_or_leads_out(place: Place, path: str) -> None:
    place.old_run()
    plan = planned(place)
    item = replace(plan.items[0], path=path, steps=(Step("move-out", path),))
    before = content(place.top)
    with pytest.raises(UsageError, match=r"item 1 of the plan cannot be carried out: .*; nothing was changed") as error:
        apply(replace(plan, items=(item,)))
    assert error.value.exit_code == 2
    assert content(place.top) == before


def test_11_something_is_mounted_inside_a_run(place: Place, mounted: Any, run: Run) -> None:
    art = place.old_run() / "artifacts"
    mounted(art, "size=1m")
    (art / "theirs").write_text("theirs")
    before = content(place.top)
    done = run("cleanup", str(place.root), "--days-old", "30", "--force", "--json")
    assert done.code == 0
    protected = done.json["plan"]["refused"][0]["protected"]
    assert "other-device" in [one["kind"] for one in protected]
    assert any("artifacts" in one["reason"] and "another" in one["reason"] for one in protected), protected
    assert content(place.top) == before


@pytest.fixture
def no_deep_tree_left(place: Place) -> Iterator[None]:
    """However the test ends: pytest removes its folders by recursion, which a tree so deep would break at exit."""
    yield
    subprocess.run(["rm", "-rf", "--", str(place.top)], check=True)


@pytest.mark.usefixtures("no_deep_tree_left")
def test_16_names_of_255_bytes_and_three_thousand_levels(place: Place, run: Run) -> None:
    art = place.old_run() / "artifacts"
    (art / ("n" * 255)).write_text("long")
    fd = os.open(art, os.O_RDONLY)
    for _ in range(3_000):
        os.mkdir("deep", dir_fd=fd)
        below = os.open("deep", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    then = time.time() - 90 * 86_400
    for path in (art, art / ("n" * 255), place.root / "1" / OLD):
        os.utime(path, (then, then))
    plan = planned(place)
    # What was just made deep down is fresh, whatever its top says.
    assert plan.refused[0].protected[0].kind == "too-fresh"
    done = run("cleanup", str(place.root), "--days-old", "30", "--force")
    assert (done.code, art.is_dir()) == (0, True)
    assert "Nothing to remove." in done.out and "too-fresh" in done.out
    batch = apply(replace(planned(place), items=(as_item(place, plan),)))
    assert batch.state == "moved"
    assert run("backups", "purge", str(place.root), batch.id, "--force").code == 0
    assert not list(vault(place).glob("batches/*/d*/*"))


def as_item(place: Place, plan: Plan) -> PlanItem:
    """The item a refused run would be."""
    refused = plan.refused[0]
    fd = os.open(place.root / "1", os.O_RDONLY)
    seen = look.survey(fd, OLD)
    os.close(fd)
    return PlanItem(
        key=refused.key, kind="run", action="remove", experiment_id="1", run_id=OLD, name="old", path=f"1/{OLD}",
        reason="old", rule="old", size_bytes=0, allocated_bytes=0, files=0, entries=seen.entries, identity=seen.identity,
        fingerprint=seen.fingerprint, newest_ns=0, steps=(Step("move-out", f"1/{OLD}"),),
    )  # fmt: skip


def test_27_a_trainer_writes_between_mark_and_apply(place: Place) -> None:
    run = place.old_run()
    plan = planned(place)
    (run / "metrics" / "loss").write_text("1 2 3\n")
    before = without_vault(place)
    one = apply(plan).items[0]
    assert one.outcome == "skipped"
    assert one.error.startswith("written to ")
    assert one.error.endswith(" s ago. It is where it was.")
    assert without_vault(place) == before


def test_28_a_trainer_writes_between_the_look_and_the_move(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    run = place.old_run()
    plan = planned(place)
    rename = change.rename

    def late(source_fd: int, source: str, target_fd: int, target: str) -> None:
        if source == OLD:
            (run / "metrics" / "loss").write_text("1 2 3\n")
        rename(source_fd, source, target_fd, target)

    monkeypatch.setattr(change, "rename", late)
    one = apply(plan).items[0]
    assert (one.outcome, one.error) == ("skipped", "written to meanwhile; put back.")
    assert (run / "metrics" / "loss").read_text() == "1 2 3\n"


@pytest.mark.parametrize("code", [errno.EBUSY, errno.ENOTEMPTY])
def test_30_what_is_still_open_over_nfs_is_deleted_later(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    place.old_run()
    clean(place, run)
    rmdir = os.rmdir

    def busy(path: Any, *, dir_fd: int | None = None) -> None:
        if path == "0":
            raise OSError(code, os.strerror(code))
        rmdir(path, dir_fd=dir_fd)

    batch = batches(str(place.root))[0].id
    with monkeypatch.context() as patched:
        patched.setattr(change.os, "rmdir", busy)
        one = purge(str(place.root), batch).items[0]
    assert one.outcome == "failed"
    assert one.error.endswith("It is gone in part; the next purge deletes the rest.")
    purge(str(place.root), batch)
    assert not list(vault(place).glob("batches/*/d*/*"))


def test_31_a_handle_that_went_stale(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.old_run()
    plan, before = planned(place), without_vault(place)

    def stale(root_fd: int, path: str) -> int:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(look, "open_path", stale)
    one = apply(plan).items[0]
    assert (one.outcome, one.error) == ("failed", "stale file handle. It is where it was.")
    assert without_vault(place) == before


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_32_no_room_for_plan_and_journal_anywhere(place: Place, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    place.old_run()
    plan, before = planned(place), content(place.top)

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(code, os.strerror(code))

    for name in ("create_file", "make_directories"):
        monkeypatch.setattr(change, name, full)
    with pytest.raises(MlrunsError, match=r"cannot be kept in .* either .*; nothing was changed") as error:
        apply(plan)
    assert error.value.code == "disk-full"
    assert "set XDG_STATE_HOME" in error.value.hint
    monkeypatch.undo()
    assert {path for path in content(place.top) if b".mlruns-tui" not in path} == set(before)
    assert (place.root / "1" / OLD / "meta.yaml").exists()


def test_33_no_inodes_left(place: Place, mounted: Any, make_store: Any, run: Run) -> None:
    mounted(place.beside, "size=4m,nr_inodes=120")
    store = make_store(place.beside / "mlruns")
    at = 0
    with pytest.raises(OSError, match="No space"):
        while True:
            (place.beside / f"filler{at}").touch()
            at += 1
    before = content(place.beside)
    done = run("cleanup", store.path, "--days-old", "30", "--force")
    assert done.code == 0
    assert "The disk has no inodes left, so plan and journal are kept in " in done.out + done.err
    assert content(place.beside) != before
    assert run("undo", store.path).code == 0
    assert content(place.beside) == before


def test_35_a_sync_that_fails_is_never_tried_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.old_run()
    plan = planned(place)
    commits = 0

    def broken(fd: int) -> None:
        nonlocal commits
        commits += os.readlink(f"/proc/self/fd/{fd}").endswith("/journal")
        if commits:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(change, "sync", broken)
    one = apply(plan).items[0]
    assert one.outcome == "failed"
    assert one.error == "stopped by an error of the disk (input/output error). It is where it was."
    assert commits == 1
    assert (place.root / "1" / OLD / "meta.yaml").exists()


def test_36_a_disk_that_says_it_wrote_and_did_not(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.old_run()
    plan, before = planned(place), without_vault(place)
    monkeypatch.setattr(change, "write_all", lambda fd, data: None)
    with pytest.raises(MlrunsError, match="the disk gave back something else than was written") as error:
        apply(plan)
    assert error.value.exit_code == 1
    monkeypatch.undo()
    assert without_vault(place) == before


def test_37_a_disk_mounted_read_only(place: Place, mounted: Any, make_store: Any, run: Run) -> None:
    mounted(place.beside, "size=4m")
    store = make_store(place.beside / "mlruns")
    subprocess.run(["mount", "-o", "remount,ro", place.beside], check=True)
    before = content(place.top)
    assert run("list", store.path).code == 0
    done = run("cleanup", store.path, "--days-old", "30", "--force")
    assert done.code == 2
    assert "its file system is mounted read-only; nothing was done" in done.err
    assert content(place.top) == before


def test_38_a_run_of_another_user_in_a_shared_experiment(
    place: Place, command: list[str], ordinary_user: list[str]
) -> None:
    if not ordinary_user:
        pytest.skip("needs root, to give files away")
    for folder, below, files in os.walk(place.old_run()):
        for one in (*below, *files, "."):
            os.chown(os.path.join(folder, one), 12345, 12345)
    before = content(place.top)
    done = subprocess.run(
        [*ordinary_user, *command, "cleanup", str(place.root), "--days-old", "30", "--force", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    refused = json.loads(done.stdout)["plan"]["refused"][0]["protected"]
    assert any(one["reason"].startswith("no permission to move it (owner ") for one in refused)
    assert content(place.top) == before


def test_39_a_run_with_the_immutable_flag(place: Place, run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    old = place.old_run()
    if os.geteuid() != 0 or subprocess.run(["chattr", "+i", old], capture_output=True, check=False).returncode:
        pytest.skip("needs root and a file system with immutable files")
    try:
        before = without_vault(place)
        done = run("cleanup", str(place.root), "--days-old", "30", "--force")
        assert without_vault(place) == before
    finally:
        subprocess.run(["chattr", "-i", old], check=True)
    assert done.code == 0
    assert "the system forbids to move it (an immutable or append-only flag: see lsattr)" in done.out


def test_40_attributes_come_back_with_a_move(place: Place, run: Run) -> None:
    file = place.old_run() / "artifacts" / "model.bin"
    try:
        os.setxattr(file, "user.note", b"kept")
    except OSError:
        pytest.skip("this file system has no attributes of users")
    before = without_vault(place)
    clean(place, run)
    back = run("undo", str(place.root))
    assert (back.code, "1 run is back, every byte and date as before." in back.out) == (0, True)
    assert os.getxattr(file, "user.note") == b"kept"
    assert without_vault(place) == before


@pytest.mark.parametrize("how", ["held", "left by a killed one", "deleted"])
def test_41_to_43_locks(place: Place, run: Run, how: str) -> None:
    place.old_run()
    clean(place, run)
    assert run("undo", str(place.root)).code == 0
    lock = vault(place) / "lock"
    text = {"user": "mira", "host": "gpu07", "pid": 4121, "op": "apply", "batch": "b", "since_ms": 0, "boot": "x"}
    lock.write_text(json.dumps({**text, "started": "1"}))
    if how == "deleted":
        lock.unlink()
    before = without_vault(place)
    with open(lock if how == "held" else os.devnull, "rb") as held:
        if how == "held":
            fcntl.flock(held, fcntl.LOCK_EX)
        done = run("cleanup", str(place.root), "--days-old", "30", "--force")
    if how == "held":
        assert done.code == 11
        assert "mira on gpu07 has been cleaning this store since" in done.err
        assert "nothing was changed (wait until it is done, or give --lock-timeout SECONDS)" in done.err
        assert without_vault(place) == before
    else:
        assert done.code == 0
        assert "1 run moved to a backup" in done.out
        assert not (place.root / "1" / OLD).exists()
        assert run("undo", str(place.root)).code == 0
        assert without_vault(place) == before


def test_44_a_hang_up_does_not_stop_the_worker(place: Place, run: Run) -> None:
    place.old_run()
    before = without_vault(place)
    task = start_apply(planned(place))
    next(task.events())  # it is at work: from now on nobody can hang up on it
    os.kill(task.pid, signal.SIGHUP)
    assert task.result().state == "moved"
    assert task._process.returncode == 0
    back = run("undo", str(place.root))
    assert (back.code, "1 run is back, every byte and date as before." in back.out) == (0, True)
    assert without_vault(place) == before


def test_45_killed_in_the_middle(place: Place, run: Run) -> None:
    place.old_run()
    place.old_run("second", "b" * 32)
    before = without_vault(place)
    script = (
        "import json, os, signal, sys\n"
        "from mlruns_tui.cleanup import worker\n"
        "from mlruns_tui.disk import change\n"
        "rename = change.rename\n"
        "def last(a, b, c, d):\n"
        "    rename(a, b, c, d)\n"
        f"    if b == {OLD!r}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "change.rename = last\n"
        "worker.main()\n"
    )
    request = json.dumps({"do": "apply", "plan": codec.encode(planned(place))})
    done = subprocess.run([sys.executable, "-c", script], input=request.encode(), check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    again = run("cleanup", str(place.root), "--days-old", "30", "--force")
    assert again.code == 11
    assert "stopped half-way: every item is whole" in again.err
    assert run("undo", str(place.root)).code == 0
    assert without_vault(place) == before


@pytest.mark.parametrize("damage", ["torn", "garbage", "wrong sum", "empty", "gone"])
def test_46_a_damaged_journal_costs_no_item(place: Place, run: Run, damage: str) -> None:
    place.old_run()
    before = without_vault(place)
    clean(place, run)
    journal = next(vault(place).glob("batches/*/journal"))
    data = journal.read_bytes()
    if damage == "gone":
        journal.unlink()
    else:
        journal.write_bytes(
            {
                "torn": data[:-20],
                "garbage": data + os.urandom(99),
                "wrong sum": data.replace(b"moved", b"mowed"),
                "empty": b"",
            }[damage]
        )
    back = run("undo", str(place.root))
    assert (back.code, "1 run is back, every byte and date as before." in back.out) == (0, True)
    assert without_vault(place) == before


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../../etc", "leads out of the store"),
        ("/etc", "leads out of the store"),
        ("1/../../beside", "leads out of the store"),
        ("", "it is the store itself"),
        (".mlruns-tui.trash", "it is one of the backups"),
        ("1\u0000", "leads out of the store"),
    ],
)
def test_47_an_edited_plan_leads_nowhere(place: Place, run: Run, path: str, said: str) -> None:
    place.old_run()
    clean(place, run)
    file = next(vault(place).glob("batches/*/plan.json"))
    plan = json.loads(file.read_text())
    plan["plan"]["items"][0]["path"] = path
    plan["plan"]["items"][0]["steps"][0]["path"] = path
    file.write_text(json.dumps(plan))
    before = content(place.top)
    done = run("undo", str(place.root))
    assert done.code == 5
    assert said in done.err
    assert "what it keeps was left as it is" in done.err
    assert content(place.top) == before


def packed(place: Place, run: Run) -> Path:
    """The archive of two old runs, of 4 KiB of noise each, so that damage hits what it is meant to."""
    for name in ("a", "b"):
        (place.old_run(name, name * 32) / "artifacts" / "noise").write_bytes(os.urandom(4096))
        place.age("1/" + name * 32)
    place.original = without_vault(place)
    clean(place, run)
    done = run("backups", "pack", str(place.root), batches(str(place.root))[0].id, "--min-gain", "0", "--force")
    assert done.code == 0, done.err
    return next(vault(place).glob("batches/*/pack/*.tar.zst"))


def test_29_a_trainer_writes_through_an_open_file_while_it_is_packed(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = place.old_run() / "metrics" / "loss"
    clean(place, run)
    batch = batches(str(place.root))[0].id
    kept = next(vault(place).glob("batches/*/data/0/metrics/loss"))
    advise, written = os.posix_fadvise, []

    def write_and_advise(*arguments: int) -> None:
        # The archive was just written and is about to be read back.
        if not written:
            written.append(True)
            with open(kept, "a") as late:
                late.write("1 2 3\n")
        advise(*arguments)

    monkeypatch.setattr(os, "posix_fadvise", write_and_advise)
    one = pack(str(place.root), batch, None, 0).items[0]
    assert written
    assert (one.place, one.outcome) == ("moved", "skipped")
    assert "written to" in one.error
    assert not list(vault(place).glob("batches/*/pack/*.tar.zst"))
    # Nothing of it is lost, and that it is not what was moved is said.
    undone = run("undo", str(place.root))
    assert (undone.code, "not as before" in undone.out) == (5, True)
    assert file.read_text().endswith("1 2 3\n")


def test_34_a_file_that_cannot_be_read_while_it_is_packed(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.old_run()
    before = without_vault(place)
    clean(place, run)
    batch = batches(str(place.root))[0].id

    def failing(name: str) -> Callable[..., Any]:
        call = getattr(os, name)

        def read(fd: int, *rest: Any) -> Any:
            if os.readlink(f"/proc/self/fd/{fd}").endswith("model.bin"):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return call(fd, *rest)

        return read

    with monkeypatch.context() as patched:
        for name in ("read", "pread", "readv", "preadv"):
            patched.setattr(os, name, failing(name))
        one = pack(str(place.root), batch, None, 0).items[0]
    assert one.place == "moved"
    assert "input/output error" in one.error, one.error
    assert "model.bin" in one.error, one.error
    assert not list(vault(place).glob("batches/*/pack/*.tar.zst"))
    assert run("undo", str(place.root)).code == 0
    assert without_vault(place) == before


@pytest.mark.parametrize("what", ["../../../evil", "/tmp/never", "0/artifacts/out", "9/extra"])
@pytest.mark.parametrize("where", ["first", "last"])
def test_48_an_archive_somebody_put_something_into(place: Place, run: Run, what: str, where: str) -> None:
    """Before what was packed, that is not where it must be; after it, nobody looks at it. Neither is unpacked."""
    archive, original = packed(place, run), place.original
    data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(archive.read_bytes())).read()
    evil = tarfile.TarInfo(what)
    if what == "0/artifacts/out":
        evil.type, evil.linkname = tarfile.SYMTYPE, str(place.beside)
    else:
        evil.size = 4
    member = evil.tobuf(tarfile.PAX_FORMAT) + (b"evil".ljust(512, b"\0") if evil.size else b"")
    at = len(data) - (1 << 20) - 1024 if where == "last" else 0
    assert where == "first" or not data[at:].strip(b"\0")
    archive.write_bytes(zstandard.ZstdCompressor().compress(data[:at] + member + data[at:]))
    before = without_vault(place)
    done = run("undo", str(place.root))
    if where == "first":
        assert done.code == 5, done.out
        assert done.out.count("its archive is damaged: ") == done.out.count("It stays in the backup.") == 2
        assert without_vault(place) == before
    else:
        assert done.code == 0
        assert without_vault(place) == original
    assert not Path("/tmp/never").exists()
    assert not list(vault(place).rglob("evil"))


@pytest.mark.parametrize("at", [0.02, 0.5, 0.98])
def test_49_an_archive_that_rotted(place: Place, run: Run, at: float) -> None:
    archive = packed(place, run)
    data = bytearray(archive.read_bytes())
    data[int(len(data) * at)] ^= 0x40
    archive.write_bytes(data)
    before = content(place.top)
    verified = run("backups", "verify", str(place.root))
    assert verified.code == 5
    assert content(place.top) == before
    done = run("undo", str(place.root))
    assert done.code == 5, done.out
    assert done.out.count("its archive is damaged: ") == 2
    assert "Traceback" not in done.err
    assert set(content(place.beside)) <= set(before)


def test_50_a_clock_that_went_back(place: Place, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    place.old_run()
    place.old_run("second", "b" * 32)
    before = without_vault(place)
    plan = planned(place)
    first, second = (replace(plan, id=f"20261122-0000-000{n}", items=plan.items[n : n + 1]) for n in (0, 1))
    apply(first)
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now - 10**18)
    apply(replace(second, created_ms=plan.created_ms - 10**9))
    monkeypatch.undo()
    assert batches(str(place.root))[0].id == second.id
    assert run("undo", str(place.root)).code == 0
    assert (place.root / second.items[0].path).exists()
    assert not (place.root / first.items[0].path).exists()
    back = run("backups", "restore", str(place.root), first.id)
    assert (back.code, "1 run is back, every byte and date as before." in back.out) == (0, True)
    assert without_vault(place) == before


def test_51_reading_many_runs_can_be_stopped(place: Place) -> None:
    for at in range(2_000):
        folder = place.root / "1" / f"{at:032x}"
        folder.mkdir()
        (folder / "meta.yaml").write_text(f"run_id: {at:032x}\n")
    before = content(place.top)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 5

    last = list(open_reader(str(place.root)).scan(None, stop))[-1]
    assert last.progress.stage == "stopped"
    assert content(place.top) == before


@pytest.mark.parametrize(("what", "code", "said"), [("data/0", 5, "is missing"), ("", 0, "no batch of yours is kept")])
def test_52_backups_removed_by_hand(place: Place, run: Run, what: str, code: int, said: str) -> None:
    place.old_run()
    clean(place, run)
    shutil.rmtree(next(vault(place).glob("batches/*")) / what if what else vault(place))
    before = content(place.top)
    done = run("undo", str(place.root))
    assert done.code == code
    assert said in done.out + done.err
    assert content(place.top) == before
    assert run("backups", "list", str(place.root)).code == 0


@pytest.mark.parametrize("kind", ["an empty directory", "a ghost", "a run", "a file", "a link"])
def test_53_something_is_in_the_place_of_what_comes_back(place: Place, run: Run, kind: str) -> None:
    old = place.old_run()
    clean(place, run)
    if kind == "a run":
        place.old_run("another")
    elif kind == "a file":
        old.write_text("file")
    elif kind == "a link":
        os.symlink(place.beside, old)
    else:
        (old / "artifacts").mkdir(parents=True) if kind == "a ghost" else old.mkdir()
    before = without_vault(place)
    done = run("undo", str(place.root))
    assert done.code in (0, 3)
    assert f"its place is taken: 1/{OLD} exists again. It stays in the backup." in done.out
    assert without_vault(place) == before
    assert len(list(vault(place).glob("batches/*/data/0/meta.yaml"))) == 1


def test_54_root_leaves_nothing_of_his_in_another_users_store(place: Place, run: Run) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a store away")
    place.old_run()
    for folder, below, files in os.walk(place.root):
        for one in (*below, *files, "."):
            os.chown(os.path.join(folder, one), 12345, 12345, follow_symlinks=False)
    before = without_vault(place)
    clean(place, run)
    assert {entry[1] for path, entry in content(place.root).items()} == {12345}
    back = run("undo", str(place.root))
    assert (back.code, "1 run is back, every byte and date as before." in back.out) == (0, True)
    assert without_vault(place) == before
    assert {entry[1] for path, entry in content(place.root).items()} == {12345}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MLRUNS_TUI_CLEANUP_DAYS_OLD", "many", "'many' is not a valid integer range"),
        ("MLRUNS_TUI_CLEANUP_DAYS_OLD", "nan", "'nan' is not a valid integer range"),
        ("MLRUNS_TUI_CLEANUP_MIN_IDLE", "soon", "soon"),
        ("MLRUNS_TUI_CLEANUP_ORPHANS", "perhaps", "perhaps"),
    ],
)
def test_55_a_setting_of_the_wrong_kind(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    place.old_run()
    monkeypatch.setenv(name, value)
    before = content(place.top)
    done = run("cleanup", str(place.root), "--force")
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert content(place.top) == before


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"LC_ALL": "C"}, {"TERM": ""}, {"COLUMNS": "20", "LINES": "5"}])
def test_56_poor_terminals(place: Place, start: Run, env: dict[str, str]) -> None:
    place.meta("run_name: old", "run_name: schön ✓")
    before = content(place.top)
    listed = start("list", str(place.root), "--runs", env=env)
    assert listed.code == 0
    assert OLD in listed.out
    opened = start(str(place.root), env=env)
    assert opened.code == 2
    assert "terminal" in opened.err
    assert "Traceback" not in listed.err + opened.err
    assert content(place.top) == before


# How the command ends when its worker meets it: exit code, words, and the content of the store.

HURT = """
import sys
if "mlruns_tui.cleanup.worker" in sys.orig_argv:
    import errno, os
    from mlruns_tui.disk import change, look
    OLD = "{old}"

    def raises(code):
        def call(*_, **__):
            raise OSError(code, os.strerror(code))
        return call
"""


@dataclass(frozen=True)
class Met:
    """What happens in the worker (Python) or between the plan and its start, the command, its code and words."""

    worker: str = ""
    between: Callable[[Place], None] = nothing
    words: tuple[str, ...] = CLEAN
    code: int = 0
    says: str = ""
    before: Callable[[Place, Run], None] | None = None
    """What was done with the old run already."""
    but: str = ""
    """The one file somebody else wrote to."""


def write_loss(place: Place) -> None:
    (place.root / "1" / OLD / "metrics" / "loss").write_text("1 2 3\n")


def turn_into_a_link(place: Place) -> None:
    shutil.move(place.root / "1" / OLD, place.beside / OLD)
    os.symlink(place.beside / OLD, place.root / "1" / OLD)


WRITE_LATE = """
    rename = change.rename
    def late(source_fd, source, target_fd, target):
        if source == OLD:
            fd = os.open(f"/proc/self/fd/{source_fd}/{source}/metrics/loss", os.O_WRONLY | os.O_TRUNC)
            os.write(fd, b"1 2 3" + bytes([10]))
            os.close(fd)
        rename(source_fd, source, target_fd, target)
    change.rename = late
"""
BROKEN_SYNC = """
    broken = []
    def sync(fd):
        if broken or os.readlink(f"/proc/self/fd/{fd}").endswith("/journal"):
            broken.append(fd)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
    change.sync = sync
"""
UNREADABLE = """
    def failing(name):
        call = getattr(os, name)
        def read(fd, *rest):
            if os.readlink(f"/proc/self/fd/{fd}").endswith("model.bin"):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return call(fd, *rest)
        return read
    for name in ("read", "pread", "readv", "preadv"):
        setattr(os, name, failing(name))
"""
STUCK = """
    rmdir = os.rmdir
    def busy(path, *, dir_fd=None):
        if path == "0":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        rmdir(path, dir_fd=dir_fd)
    os.rmdir = busy
"""
MET: dict[str, Met] = {
    "8 became a link": Met(
        between=turn_into_a_link, code=4, says="replaced by another since the plan was made. It is where it was."
    ),
    "27 written to before": Met(between=write_loss, code=4, says="s ago. It is where it was."),
    "28 written to while it moves": Met(
        WRITE_LATE, code=4, says="written to meanwhile; put back.", but=f"1/{OLD}/metrics/loss"
    ),
    "30 still open": Met(
        STUCK, words=("backups", "purge", "{store}", "{batch}", "--force"), code=3, before=clean,
        says="It is gone in part; the next purge deletes the rest.",
    ),
    "31 stale handle": Met(
        "    look.open_path = raises(errno.ESTALE)\n", code=3, says="stale file handle. It is where it was."
    ),
    "32 no room": Met(
        "    change.create_file = change.make_directories = raises(errno.ENOSPC)\n", code=1,
        says="nothing was changed (set XDG_STATE_HOME to a disk with some room",
    ),
    "32 no quota": Met(
        "    change.create_file = change.make_directories = raises(errno.EDQUOT)\n", code=1,
        says="nothing was changed (set XDG_STATE_HOME to a disk with some room",
    ),
    "34 unreadable": Met(
        UNREADABLE, words=("backups", "pack", "{store}", "{batch}", "--min-gain", "0", "--force"), code=3,
        before=clean, says="model.bin",
    ),
    "35 a sync that fails": Met(
        BROKEN_SYNC, code=3, says="stopped by an error of the disk (input/output error). It is where it was."
    ),
    "36 lies": Met(
        "    change.write_all = lambda fd, data: None\n", code=1, says="the disk gave back something else than was written"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MET)
def test_how_the_command_ends_when_its_worker_meets_it(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    met = MET[name]
    place.old_run()
    whole = without_vault(place)
    if met.before:
        met.before(place, run)
    hurt = place.top.parent / "hurt"
    hurt.mkdir()
    (hurt / "sitecustomize.py").write_text(HURT.replace("{old}", OLD) + (met.worker or "    pass\n"))
    states: list[dict[bytes, tuple[Any, ...]]] = [] if met.before is None else [without_vault(place)]

    def interfered(*arguments: Any, **options: Any) -> Any:
        met.between(place)
        states.append(without_vault(place))
        return start_apply(*arguments, **options)

    batch = batches(str(place.root))[0].id if met.before else ""
    with monkeypatch.context() as patched:
        patched.setattr("mlruns_tui.cli.cleanup.start_apply", interfered)
        patched.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(hurt), os.environ.get("PYTHONPATH", "")))))
        done = run(*(word.format(store=place.root, batch=batch) for word in met.words))
    assert done.code == met.code, done.out + done.err
    assert met.says in done.out + done.err
    assert "Traceback" not in done.out + done.err
    (before,) = states
    after = without_vault(place)
    if met.but:
        changed = os.fsencode(place.root / met.but)
        assert before.pop(changed) != after.pop(changed)
    assert after == before
    if "purge" in met.words:
        again = run(*(word.format(store=place.root, batch=batch) for word in met.words))
        assert (again.code, "1 run deleted for good." in again.out) == (0, True)
        assert not list(vault(place).glob("batches/*/d*/*"))
        more = run(*(word.format(store=place.root, batch=batch) for word in met.words))
        assert (more.code, "holds nothing any more" in more.out) == (0, True)
    elif met.before:
        assert run("undo", str(place.root)).code == 0
        assert without_vault(place) == whole


def test_every_one_of_the_fifty_six_has_a_test() -> None:
    names = [
        *LAID_OUT,
        *(name.removeprefix("test_").replace("_", " ") for name in globals() if name.startswith("test_")),
    ]
    found: set[int] = set()
    for name in names:
        first, *rest = name.split(" ")
        if first.isdigit():
            last = int(rest[1]) if rest[0] == "to" else int(first)
            found.update(range(int(first), last + 1))
    assert found == set(range(1, 57))
