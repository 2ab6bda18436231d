"""Points in time as MLflow's traces write them: protocol buffers' JSON form of a timestamp.

``2025-04-15T08:49:18.699Z`` or with an offset (``google.protobuf.internal.well_known_types.Timestamp``).
"""

from __future__ import annotations

import datetime

_EPOCH = datetime.datetime(1970, 1, 1)
_FIRST_S, _LAST_S = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999."""


def timestamp_ms(text: str) -> int | None:
    """Milliseconds since 1970 UTC, or None for what protocol buffers refuse."""
    at = text.find("Z")
    if at == -1:
        at = text.find("+")
    if at == -1:
        at = text.rfind("-")
    if at == -1:
        return None
    moment, zone = text[:at], text[at:]
    seconds_text, point, fraction = moment.partition(".")
    if "t" in seconds_text or len(fraction) > 9:
        return None
    try:
        parsed = datetime.datetime.strptime(seconds_text, "%Y-%m-%dT%H:%M:%S")
        nanoseconds = round(float(f"0.{fraction}") * 1e9) if point and fraction else 0
        shift = _offset_s(zone)
    except (ValueError, OverflowError):
        return None
    if shift is None:
        return None
    seconds = (parsed - _EPOCH).days * 86_400 + (parsed - _EPOCH).seconds - shift
    if not _FIRST_S <= seconds <= _LAST_S:
        return None
    return seconds * 1000 + nanoseconds // 1_000_000


def _offset_s(zone: str) -> int | None:
    """Seconds east of Greenwich. Raises ValueError for digits that are none."""
    if zone.startswith("Z"):
        return 0 if zone == "Z" else None
    hours, colon, minutes = zone[1:].partition(":")
    if not colon:
        return None
    seconds = (int(hours) * 60 + int(minutes)) * 60
    return seconds if zone[0] == "+" else -seconds
