"""One demo store for all tests, at a path that needs percent-encoding, and a small reader of its own."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlruns_tui.demo.store import DemoStore, write_demo

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text("utf-8"), Loader=_LOADER)


@dataclass(frozen=True)
class RunOnDisk:
    path: Path
    meta: dict[str, Any]
    tags: dict[str, str]

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def experiment_id(self) -> str:
        return self.path.parent.name

    @property
    def active(self) -> bool:
        return self.meta["lifecycle_stage"] == "active"

    @property
    def ended(self) -> bool:
        return self.meta["status"] in (3, 4, 5)


@dataclass(frozen=True)
class StoreOnDisk:
    """What a plain walk finds, knowing nothing of the room under test."""

    root: Path
    experiments: dict[str, dict[str, Any] | None]
    """By directory name in the root; None without ``meta.yaml``."""
    runs: dict[str, RunOnDisk]
    """Directories with a 32-digit name in them."""
    versions: list[dict[str, Any]]
    logged_models: list[dict[str, Any]]


def read_store(root: Path) -> StoreOnDisk:
    experiments: dict[str, dict[str, Any] | None] = {}
    runs: dict[str, RunOnDisk] = {}
    logged = []
    for folder in sorted(root.iterdir()):
        if folder.name in (".trash", "models"):
            continue
        meta = folder / "meta.yaml"
        experiments[folder.name] = read_yaml(meta) if meta.exists() else None
        for child in sorted(folder.iterdir()):
            if child.is_dir() and len(child.name) == 32:
                assert child.name not in runs
                tags = {}
                for base, _, names in os.walk(child / "tags"):
                    for name in names:
                        file = Path(base, name)
                        tags[str(file.relative_to(child / "tags"))] = file.read_text("utf-8")
                runs[child.name] = RunOnDisk(child, read_yaml(child / "meta.yaml"), tags)
        logged += [read_yaml(one) for one in sorted(folder.glob("models/m-*/meta.yaml"))]
    versions = [read_yaml(one) for one in sorted(root.glob("models/*/version-*/meta.yaml"))]
    return StoreOnDisk(root, experiments, runs, versions, logged)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoStore:
    parent = tmp_path_factory.mktemp("demo") / "my project 실험"
    parent.mkdir()
    return write_demo(str(parent / "mlruns"), now_ms=time.time_ns() // 1_000_000)


@pytest.fixture(scope="session")
def on_disk(demo: DemoStore) -> StoreOnDisk:
    return read_store(Path(demo.root))
