"""A file system without a free byte is the normal case when somebody cleans up."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.root

CleanUp = Callable[..., dict[str, Any]]
DAY_S = 86_400


INODES = 400
"""Of the disk whose inodes run out first."""


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A 64 MiB ext4 of its own, writable by an ordinary user, without blocks reserved for root. With the parameter
    ``inodes`` it has few of them."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    image, point = tmp_path / "disk.img", tmp_path / "disk"
    point.mkdir()
    with image.open("wb") as file:
        file.truncate(64 << 20)
    few = ["-N", str(INODES)] if getattr(request, "param", "") == "inodes" else []
    make = ["mkfs.ext4", "-q", "-m", "0", *few, "-F", str(image)]
    made = subprocess.run(make, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"mkfs.ext4 does not work here: {made.stderr.strip()}")
    mounted = subprocess.run(
        ["mount", "-o", "loop", str(image), str(point)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"loop mounts are not allowed here: {mounted.stderr.strip()}")
    try:
        yield point
    finally:
        subprocess.run(["umount", "-l", str(point)], check=False)


def write_store(root: Path, now_s: float) -> None:
    """One experiment with ten old runs of 3 MiB and a young one; the rest of the disk is filled up."""
    (root / "0").mkdir(parents=True)
    (root / "0" / "meta.yaml").write_text(
        f"artifact_location: file://{root}/0\ncreation_time: 1\nexperiment_id: '0'\nlast_update_time: 1\n"
        "lifecycle_stage: active\nname: Default\n"
    )
    for number in range(11):
        run = root / "0" / f"{number:032x}"
        for folder in ("artifacts", "metrics", "params", "tags"):
            (run / folder).mkdir(parents=True)
        ended = int((now_s - (60 if number else 1) * DAY_S) * 1000)
        (run / "artifacts" / "model.bin").write_bytes(os.urandom(3 << 20))
        (run / "meta.yaml").write_text(
            f"artifact_uri: file://{run}/artifacts\nend_time: {ended}\nentry_point_name: ''\nexperiment_id: '0'\n"
            f"lifecycle_stage: active\nrun_id: {run.name!r}\nrun_name: run-{number}\nsource_name: ''\n"
            f"source_type: 4\nsource_version: ''\nstart_time: {ended - 1000}\nstatus: 3\ntags: []\nuser_id: nobody\n"
        )
        for path in (*run.rglob("*"), run):
            os.utime(path, (ended / 1000, ended / 1000))


def fill(disk: Path) -> None:
    """Not one block left, not even for a directory."""
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    with contextlib.suppress(OSError):
        for number in range(10_000):
            (disk / "filler.d" / str(number)).mkdir(parents=True)
    subprocess.run(["sync", "-f", str(disk)], check=True)


def fill_inodes(disk: Path) -> None:
    """Not one more file or directory can be made, with room for bytes left."""
    folder = disk / "many"
    folder.mkdir()
    with contextlib.suppress(OSError):
        for number in range(100 * INODES):
            (folder / str(number)).touch()
    status = os.statvfs(disk)
    assert status.f_favail == 0
    assert status.f_bavail > 1000


@pytest.fixture
def clean_up(small_disk: Path, tmp_path: Path, ordinary_user: list[str], command: list[str]) -> CleanUp:
    """Runs a command as an ordinary user whose home is on another, roomy disk; its JSON."""
    home = tmp_path / "home of the user"
    home.mkdir()

    def run(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [*ordinary_user, *command, *arguments, "--json"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")},
        )
        assert done.returncode == 0, done.stderr + done.stdout
        document = json.loads(done.stdout)
        assert isinstance(document, dict)
        return document

    return run


@pytest.fixture
def full_store(small_disk: Path) -> Path:
    root = small_disk / "mlruns"
    write_store(root, time.time())
    fill(small_disk)
    assert free_bytes(root) == 0
    return root


def free_bytes(path: Path) -> int:
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def test_without_a_backup_space_is_freed(full_store: Path, clean_up: CleanUp) -> None:
    document = clean_up("cleanup", str(full_store), "--days-old", "30", "--no-backup", "--force")
    assert len(document["result"]["items"]) == 10
    assert document["result"]["totals"]["freed_bytes"] >= 10 * (3 << 20)
    # Our own folder keeps a reserve, so that the next full disk can be cleaned up as well.
    assert free_bytes(full_store) >= 10 * (3 << 20) - (2 << 20)
    assert sorted(path.name for path in (full_store / "0").iterdir()) == ["0" * 32, "meta.yaml"]


def test_with_a_backup_it_moves_and_says_that_nothing_was_freed(full_store: Path, clean_up: CleanUp) -> None:
    document = clean_up("cleanup", str(full_store), "--days-old", "30", "--force")
    assert [item["outcome"] for item in document["result"]["items"]] == ["done"] * 10
    assert document["result"]["totals"]["freed_bytes"] == 0
    assert document["result"]["totals"]["moved_bytes"] >= 10 * (3 << 20)
    assert sorted(path.name for path in (full_store / "0").iterdir()) == ["0" * 32, "meta.yaml"]
    clean_up("undo", str(full_store))
    assert len(list((full_store / "0").iterdir())) == 12


def runs_of(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "0").iterdir() if path.is_dir())


EITHER = pytest.mark.parametrize(
    "small_disk", ["blocks", "inodes"], indirect=True, ids=["no block left", "no inode left"]
)


def exhaust(disk: Path, request: pytest.FixtureRequest) -> None:
    (fill_inodes if request.node.callspec.params["small_disk"] == "inodes" else fill)(disk)


@EITHER
def test_with_a_vault_from_before_it_moves_takes_back_and_frees(
    small_disk: Path, clean_up: CleanUp, request: pytest.FixtureRequest
) -> None:
    root = small_disk / "mlruns"
    write_store(root, time.time())
    before = runs_of(root)
    first = clean_up("cleanup", str(root), "--run", f"{1:032x}", "--force")["result"]["batch"]
    exhaust(small_disk, request)

    document = clean_up("cleanup", str(root), "--days-old", "30", "--force")
    assert [item["outcome"] for item in document["result"]["items"]] == ["done"] * 9
    assert document["result"]["totals"]["freed_bytes"] == 0
    assert runs_of(root) == ["0" * 32]
    told = clean_up("log", str(root))["batches"]
    assert [one["items"]["moved"] for one in told] == [9, 1]
    assert clean_up("recover", str(root))["batches"] == []
    clean_up("undo", str(root))
    clean_up("backups", "restore", str(root), first)
    assert runs_of(root) == before

    freed = clean_up("cleanup", str(root), "--days-old", "30", "--no-backup", "--force")
    assert freed["result"]["totals"]["freed_bytes"] >= 10 * (3 << 20)
    assert runs_of(root) == ["0" * 32]
    assert os.statvfs(root).f_favail > 0
    assert free_bytes(root) >= 10 * (3 << 20) - (2 << 20)


@pytest.mark.parametrize("small_disk", ["inodes"], indirect=True)
def test_without_an_inode_and_without_a_vault_it_moves_takes_back_and_frees(
    small_disk: Path, clean_up: CleanUp
) -> None:
    root = small_disk / "mlruns"
    write_store(root, time.time())
    before = runs_of(root)
    fill_inodes(small_disk)
    document = clean_up("cleanup", str(root), "--days-old", "30", "--force")
    assert [item["outcome"] for item in document["result"]["items"]] == ["done"] * 10
    assert any("no inodes left, so plan and journal are kept in" in said for said in document["messages"])
    assert not (root / ".mlruns-tui.trash").exists()
    assert runs_of(root) == ["0" * 32]
    clean_up("undo", str(root))
    assert runs_of(root) == before
    clean_up("cleanup", str(root), "--days-old", "30", "--no-backup", "--force")
    assert runs_of(root) == ["0" * 32]
    assert os.statvfs(root).f_favail >= 60


@EITHER
def test_a_purge_frees_what_was_moved_before(
    small_disk: Path, clean_up: CleanUp, request: pytest.FixtureRequest
) -> None:
    root = small_disk / "mlruns"
    write_store(root, time.time())
    batch = clean_up("cleanup", str(root), "--days-old", "30", "--force")["result"]["batch"]
    exhaust(small_disk, request)
    free = free_bytes(root)
    done = clean_up("backups", "purge", str(root), batch, "--force")
    assert done["result"]["batches"][0]["totals"]["freed_bytes"] >= 10 * (3 << 20)
    assert free_bytes(root) - free >= 10 * (3 << 20)
    assert os.statvfs(root).f_favail > 0
