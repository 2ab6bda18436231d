"""Sizes equal what du and find say; every file is counted once, and nothing outside is."""

from __future__ import annotations

import itertools
import os
import subprocess
import time

import pytest

from mlruns_tui.model.store import Size
from mlruns_tui.scanner.store import open_store


def found_by_find(folder, *without):
    """Bytes, blocks and number of regular files, each inode once, as ``find`` sees them."""
    command = [
        "find",
        str(folder),
        *(word for path in without for word in ("-path", f"{folder}/{path}", "-prune", "-o")),
    ]
    command += ["-type", "f", "-printf", "%i %s %b\n"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    inodes = {inode: (int(size), int(blocks) * 512) for inode, size, blocks in map(str.split, lines)}
    return sum(one[0] for one in inodes.values()), sum(one[1] for one in inodes.values()), len(inodes)


def figures(size: Size):
    return size.size_bytes, size.allocated_bytes, size.files


@pytest.fixture
def full(store):
    """A store with everything that can be counted wrongly."""
    for experiment in ("0", "1", "123456789012345678"):
        store.experiment(experiment)
        for number in range(3):
            store.run(experiment, number)
        store.logged_model(experiment, 1)
        store.write(f"{experiment}/tags/team", "growth")
        store.write(f"{experiment}/notes.txt", "stray file")
        store.write(f"{experiment}/traces/tr-1/trace_info.yaml", "trace_id: tr-1\n")
    store.experiment("5", ".trash")
    store.run(".trash/5", 9)
    store.write(".trash/file", "x")
    store.version("scorer", 1)
    store.write("models/file", "x")
    store.write("readme.txt", "file in the root")
    store.write(".git/objects/pack", b"x" * 3000)
    store.run("7", 4)
    os.truncate(store.write("1/sparse.bin"), 10_000_000)
    first = store.root / "0" / os.listdir(store.root / "0")[0]
    source = store.write("0/shared.bin", b"s" * 20_000)
    for target in ("0/again.bin", "1/elsewhere.bin", "models/scorer/linked.bin"):
        os.link(source, store.root / target)
    (store.root / "0" / "symbolic").symlink_to(source)
    (store.root / "outside").symlink_to("/usr/lib")
    assert first.exists()
    store.grow_old()
    return store


def test_the_total_is_what_du_and_find_say(full, read):
    snapshot = read(full)
    assert figures(snapshot.total) == found_by_find(full.root)
    files = subprocess.run(
        f"find '{full.root}' -type f -print0 | du -cb --files0-from=- | tail -1",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert snapshot.total.size_bytes == int(files.stdout.split()[0])


def test_every_experiment_and_run_has_its_own_share(full, read):
    snapshot = read(full)
    assert len(snapshot.experiments) == 6
    for one in (*snapshot.experiments, *snapshot.all_runs()):
        assert figures(one.size) == found_by_find(full.root / one.path), one.path
    for stray in snapshot.strays:
        assert figures(stray.size) == found_by_find(full.root / stray.path), stray.path
    for model in snapshot.models:
        assert figures(model.size) == found_by_find(full.root / model.path), model.path


def test_our_backups_are_counted_apart(full, read):
    full.write(".mlruns-tui.trash/x", b"x" * 100)
    os.link(full.root / "0/shared.bin", full.root / ".mlruns-tui.trash/linked.bin")
    snapshot = read(full)
    assert figures(snapshot.total) == found_by_find(full.root, ".mlruns-tui.trash")
    assert snapshot.backup_bytes == 20_100


def test_a_file_hard_linked_within_and_between_runs_is_counted_once_in_each_sum(store, read, run, experiment):
    for identifier in ("1", "2"):
        store.experiment(identifier)
    paths = [store.run("1", 1), store.run("1", 2), store.run("2", 3)]
    source = store.write(f"{paths[0]}/artifacts/shared", b"x" * 1000)
    for path, name in ((paths[0], "twice"), (paths[1], "a"), (paths[1], "b"), (paths[2], "c")):
        os.link(source, store.root / path / "artifacts" / name)
    snapshot = read(store)
    own = run(read(store), 1).size.files
    assert own == 6
    for number in (1, 2, 3):
        assert figures(run(snapshot, number).size) == found_by_find(store.root / run(snapshot, number).path)
    assert figures(experiment(snapshot, "1").size) == found_by_find(store.root / "1")
    assert figures(snapshot.total) == found_by_find(store.root)


def test_the_newest_time_is_that_of_anything_inside(store, read, run, experiment):
    store.experiment("1")
    path = store.run("1", 1)
    store.grow_old()
    os.utime(store.root / path / "artifacts", ns=(7, 1_711_111_111_123_456_789))
    snapshot = read(store)
    assert run(snapshot, 1).size.newest_ns == 1_711_111_111_123_456_789
    assert experiment(snapshot, "1").size.newest_ns == 1_711_111_111_123_456_789
    os.symlink("x", store.root / path / "params" / "link")
    os.utime(store.root / path / "params" / "link", ns=(7, 1_722_222_222_000_000_001), follow_symlinks=False)
    os.utime(store.root / path / "params", ns=(7, 7))
    assert run(read(store), 1).size.newest_ns == 1_722_222_222_000_000_001


@pytest.mark.parametrize(
    ("value", "keep"),
    [
        ("true", "keep=true"),
        ("yes\n", "keep=yes"),
        ("", "keep="),
        ("false", ""),
        ("0", ""),
        ("No", ""),
        ("a\x1bb", "keep=a\\x1bb"),
    ],
)
def test_a_keep_tag_keeps_unless_it_says_no(store, read, run, experiment, value, keep):
    store.experiment("1")
    store.write("1/tags/keep", value)
    store.run("1", 1, tags={"keep": value, "mlflow.parentRunId": "  abc\n", "keep.not": "x"})
    snapshot = read(store)
    assert (run(snapshot, 1).keep, run(snapshot, 1).parent, experiment(snapshot, "1").keep) == (keep, "abc", keep)


@pytest.mark.parametrize("kind", ["folder", "large", "link", "closed place"])
@pytest.mark.parametrize("of", ["run", "experiment"])
def test_a_keep_tag_that_cannot_be_read_keeps(store, read, run, experiment, kind, of):
    store.experiment("1")
    path = store.run("1", 1)
    tag = store.root / (path if of == "run" else "1") / "tags/keep"
    tag.parent.mkdir(exist_ok=True)
    if kind == "folder":
        tag.mkdir()
    elif kind == "large":
        tag.write_bytes(b"x" * (3 << 20))
    elif kind == "link":
        tag.symlink_to("nowhere")
    else:
        tag.write_text("false")
        tag.parent.rename(tag.parent.parent / "elsewhere")
        tag.parent.symlink_to("tags")
    snapshot = read(store)
    kept = run(snapshot, 1) if of == "run" else experiment(snapshot, "1")
    assert kept.keep == "keep=(cannot be read)"


@pytest.mark.parametrize("kind", ["folder", "large", "link"])
def test_a_parent_tag_that_cannot_be_read_may_name_any_run_of_the_experiment(store, read, run, run_ids, kind):
    store.experiment("1")
    path = store.run("1", 1)
    tag = store.root / path / "tags/mlflow.parentRunId"
    if kind == "folder":
        tag.mkdir()
    elif kind == "large":
        tag.write_bytes(b"x" * (3 << 20))
    else:
        tag.symlink_to("nowhere")
    (found,) = read(store).references
    assert (found.kind, found.target_kind, found.target, found.by_path) == ("parent", "any", "1", path)


def test_what_cannot_be_counted_is_said(open_project, make_store, as_somebody, read, run, experiment):
    store = make_store(open_project / "mlruns")
    store.experiment("1")
    closed, open_run, gone = store.run("1", 1), store.run("1", 2), store.run("1", 3)
    (store.root / closed / "artifacts").chmod(0)
    (store.root / gone).chmod(0o311)
    store.grow_old()
    with as_somebody():
        snapshot = read(store)
    assert run(snapshot, 1).trouble == ("unreadable",)
    assert run(snapshot, 1).size.files == 4
    assert run(snapshot, 2).trouble == ()
    assert run(snapshot, 2).owner == os.stat(store.root / open_run).st_uid
    assert run(snapshot, 3).trouble == ("unreadable",)
    assert run(snapshot, 3).size is None
    assert experiment(snapshot, "1").trouble == ("unreadable",)
    assert snapshot.complete


@pytest.mark.root
def test_another_disk_mounted_inside_is_neither_entered_nor_counted(store, read, run, experiment):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount")
    store.experiment("1")
    path = store.run("1", 1)
    store.run("1", 2)
    place = store.folder(f"{path}/artifacts/mounted")
    done = subprocess.run(["mount", "-t", "tmpfs", "none", str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
    try:
        (place / "file").write_bytes(b"x" * 999)
        snapshot = read(store)
        evidence = open_store(str(store.root)).inspect([run(snapshot, 1).key])
    finally:
        subprocess.run(["umount", str(place)], check=True)
    assert (run(snapshot, 1).trouble, run(snapshot, 1).size.files) == (("other-device",), 5)
    assert run(snapshot, 2).trouble == ()
    assert experiment(snapshot, "1").trouble == ("other-device",)
    (item,) = evidence.items.values()
    assert item.survey.trouble == ("other-device",)


def test_a_reading_stops_within_a_moment_even_in_one_huge_directory(store):
    store.experiment("1")
    path = store.run("1", 1)
    folder = os.open(store.root / path / "artifacts", os.O_RDONLY)
    for number in range(30_000):
        os.close(os.open(f"{number:05d}", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    asked = []

    def stop():
        asked.append(time.monotonic())
        return len(asked) > 2

    *_, last = open_store(str(store.root)).scan(None, stop)
    ended = time.monotonic()
    assert last.progress.stage == "stopped"
    assert ended - asked[-1] < 0.2
    assert max(later - earlier for earlier, later in itertools.pairwise(asked)) < 0.2


def test_snapshots_grow_and_share_what_did_not_change(store):
    for experiment in ("1", "2"):
        store.experiment(experiment)
        for number in range(5):
            store.run(experiment, number)
    reader = open_store(str(store.root))
    snapshots = list(reader.scan())
    assert [one.progress.stage for one in snapshots][:1] == ["listing"]
    assert snapshots[0].experiments[0].name == "experiment 1"
    assert [one.runs for one in snapshots[0].experiments] == [5, 5]
    assert snapshots[0].runs == {}
    assert snapshots[-1].complete
    read = [one.progress.runs_read for one in snapshots]
    assert read == sorted(read)
    again = list(reader.scan(snapshots[-1]))[-1]
    assert again.runs.keys() == snapshots[-1].runs.keys()
    for key, runs in again.runs.items():
        assert runs is snapshots[-1].runs[key]
    store.run("2", 9)
    changed = list(reader.scan(again))[-1]
    assert changed.runs["experiment/1"] is again.runs["experiment/1"]
    assert len(changed.runs["experiment/2"]) == 6


def test_experiments_are_in_order_root_before_trash_numbers_by_value(store, read):
    for identifier in ("10", "9", "0", "abc", "123456789012345678"):
        store.experiment(identifier)
    for identifier in ("3", "20"):
        store.experiment(identifier, ".trash")
    assert [one.key for one in read(store).experiments] == [
        "experiment/0", "experiment/9", "experiment/10", "experiment/123456789012345678", "experiment/abc",
        "trash/3", "trash/20",
    ]  # fmt: skip


def test_the_same_id_in_the_root_and_in_the_trash_are_two_experiments(store, read):
    store.experiment("5")
    store.run("5", 1)
    store.experiment("5", ".trash")
    store.run(".trash/5", 2)
    snapshot = read(store)
    assert [one.key for one in snapshot.experiments] == ["experiment/5", "trash/5"]
    assert [len(runs) for runs in snapshot.runs.values()] == [1, 1]


def test_links_in_the_places_of_the_trash_and_the_registry_are_said(store, read, tmp_path):
    store.experiment("1")
    store.run("1", 1)
    (tmp_path / "other").mkdir()
    (store.root / ".trash").symlink_to(tmp_path / "other")
    (store.root / "models").symlink_to(tmp_path / "other")
    snapshot = read(store)
    assert snapshot.messages == (
        ".trash is a symbolic link: what it holds is not looked at",
        "models is a symbolic link, not followed: which runs registered models need is not known, all are kept",
    )
    assert [(one.kind, one.target_kind) for one in snapshot.references] == [("model-version", "any")]
