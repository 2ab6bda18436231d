"""What is known of the file system something is on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlruns_tui.disk import place


def in_order(path: Path) -> bool:
    fd = os.open(path, os.O_RDONLY)
    try:
        return place.keeps_order(fd)
    finally:
        os.close(fd)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a new ext4 made with these options."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("needs root and mkfs.ext4, to mount a file system")
    points: list[Path] = []

    def mount(*options: str) -> Path:
        image, point = tmp_path / f"{len(points)}.img", tmp_path / f"{len(points)}"
        with open(image, "wb") as file:
            file.truncate(16 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", *options, str(image)], check=True)
        point.mkdir()
        done = subprocess.run(["mount", "-o", "loop", image, point], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"cannot mount a file system here: {done.stderr.strip()}")
        points.append(point)
        return point

    yield mount
    for point in points:
        subprocess.run(["umount", "--lazy", point], check=True)


@pytest.mark.root
def test_a_journal_keeps_the_order_of_renames_and_removals_and_ext4_without_one_is_not_trusted_to(
    mounted: Callable[..., Path],
) -> None:
    with_one, without = mounted(), mounted("-O", "^has_journal")
    (with_one / "inside").mkdir()
    assert (in_order(with_one), in_order(with_one / "inside"), in_order(without)) == (True, True, False)


@pytest.mark.parametrize(
    ("kind", "known"), [("xfs", True), ("tmpfs", True), ("vfat", False), ("nfs4", False), ("fuse.sshfs", False),
                        ("overlay", False), ("btrfs", False), ("ext2", False), ("", False)],
)  # fmt: skip
def test_only_file_systems_known_for_it_are_said_to_keep_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, known: bool
) -> None:
    monkeypatch.setattr(place, "file_system", lambda path: (kind, False))
    assert in_order(tmp_path) is known


def test_ext4_of_which_the_kernel_lists_no_journals_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(path: str) -> list[str]:
        raise FileNotFoundError(path)

    monkeypatch.setattr(place, "file_system", lambda path: ("ext4", False))
    monkeypatch.setattr(place.os, "listdir", missing)
    assert in_order(tmp_path) is False
