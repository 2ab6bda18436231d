"""What packing would bring, looked at before anything is moved; and directories on other disks."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace

from mlruns_tui.model.batch import MIN_GAIN_PERCENT
from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.forecast import Forecast
from mlruns_tui.model.plan import Plan
from mlruns_tui.model.store import Snapshot
from mlruns_tui.model.text import safe
from mlruns_tui.triage.enough import enough

from .deciding import leaving_out
from .reading import space_of


def real_dir(backup_dir: str) -> str:
    """The directory as it will be remembered."""
    from mlruns_tui.cleanup.otherdisk import real

    return real(backup_dir)


def check_backup_dir(root: str, backup_dir: str) -> None:
    """Raises UsageError when archives of the store at ``root`` cannot go to this directory; changes nothing."""
    from mlruns_tui.cleanup import otherdisk
    from mlruns_tui.cleanup.layout import open_root
    from mlruns_tui.cleanup.vault import batches

    root_fd = open_root(root)
    try:
        os.close(otherdisk.check(root_fd, backup_dir))
    finally:
        os.close(root_fd)
    path = otherdisk.real(backup_dir)
    lost = next((batch.id for batch in batches(root) if path in batch.away_dirs), "")
    if lost:
        raise UsageError(
            "backup-away",
            f"the archives of batch {lost} are not in {safe(path)}, where they were put: its disk is not mounted, or "
            "another one is; nothing was changed",
            path=safe(path),
            hint="mount it, or name another directory",
        )


def forecast_of(plan: Plan, backup_dir: str = "", min_gain_percent: int = MIN_GAIN_PERCENT) -> Forecast:
    """What packing the items of a plan would bring, where they are now. Reads some of every large file.

    Raises MlrunsError (no compressor).
    """
    from mlruns_tui.cleanup.gain import gains_in_place

    return _forecast(Forecast(gains_in_place(plan), backup_dir, min_gain_percent))


def forecast_of_batch(
    root: str,
    batch_id: str,
    keys: Sequence[str] | None = None,
    backup_dir: str = "",
    min_gain_percent: int = MIN_GAIN_PERCENT,
) -> Forecast:
    """The same for what a batch keeps, or its items with these keys. Raises UsageError (no such batch or key),
    DamagedError, MlrunsError."""
    from .changing import gains

    return _forecast(Forecast(gains(root, batch_id, keys), backup_dir, min_gain_percent))


def _forecast(made: Forecast) -> Forecast:
    space = space_of(made.backup_dir) if made.backup_dir else None
    return replace(made, bytes_free=space.bytes_free if space else 0)


def check_room(forecast: Forecast) -> None:
    """Raises UsageError when a directory on another disk has not the room its archives are expected to take."""
    if forecast.backup_dir and forecast.after_bytes > forecast.bytes_free:
        raise UsageError(
            "no-room",
            f"{safe(forecast.backup_dir)} has {forecast.bytes_free:,} bytes free, and the archives would take about "
            f"{forecast.after_bytes:,}; nothing was changed",
            path=safe(forecast.backup_dir),
            hint="make room there, choose less, or name another directory",
        )


def only_enough(plan: Plan, snapshot: Snapshot, size_bytes: int, forecast: Forecast | None) -> Plan:
    """As much of a plan as really frees so many bytes, longest idle first: by being deleted, or packed."""
    frees = {item.key: item.allocated_bytes for item in plan.items}
    if forecast is not None:
        frees = {one.key: forecast.frees(one) for one in forecast.gains}
    return enough(plan, size_bytes, frees, leaving_out(plan, snapshot))


def narrowed(forecast: Forecast, keys: Collection[str]) -> Forecast:
    """The forecast for some of its items."""
    return replace(forecast, gains=tuple(one for one in forecast.gains if one.key in keys))
