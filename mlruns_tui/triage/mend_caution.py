"""What a repair must not touch now, and why."""

from __future__ import annotations

from mlruns_tui.model.mending import Look, Spot
from mlruns_tui.model.plan import Protection
from mlruns_tui.model.store import Reference, StoreInfo

from .plan_head import PlanRequest
from .protection import FINISHED_IDLE_MS, HOUR_MS


class Caution:
    """Judges places on a fresh look at them."""

    def __init__(self, store: StoreInfo, look: Look, references: tuple[Reference, ...], request: PlanRequest) -> None:
        self._store = store
        self._look = look
        self._references = references
        self._request = request

    def protections(self, spot: Spot) -> list[Protection]:
        if spot.error:
            return [Protection("unreadable", spot.error)]
        found: list[Protection] = []
        survey = spot.survey
        if survey is not None:
            trouble = [one for one in survey.trouble if one != "link"]
            if "other-device" in trouble:
                found.append(Protection("other-device", "something from another disk is mounted inside"))
            elif trouble:
                found.append(Protection("unreadable", "part of it cannot be read"))
        owner = survey.owner if survey is not None else spot.parent_owner
        if self._look.user not in (0, owner):
            found.append(Protection("other-owner", f"belongs to user id {owner}"))
        elif spot.locked:
            found.append(Protection("unreadable", spot.locked))
        for one in (survey, spot.run):
            if one is not None and one.writers:
                writer = one.writers[0]
                found.append(
                    Protection("open-by-writer", f"in use by {writer.command} (pid {writer.pid}, {writer.user})")
                )
                break
            if one is not None and one.silly_renames:
                found.append(Protection("open-by-writer", "a removed file in it is still open (.nfs…)"))
                break
        return found + self._freshness(spot) + self._needed(spot)

    def _freshness(self, spot: Spot) -> list[Protection]:
        asked = self._request.options.quiet_ms(self._store.network)
        kind = spot.wanted.kind
        if spot.run is not None:
            newest = spot.run.size.newest_ns
            if spot.run_is_over and kind != "run":
                asked = min(asked, FINISHED_IDLE_MS)
        elif kind == "out":
            newest = spot.survey.size.newest_ns if spot.survey is not None else 0
        else:
            # Metadata is written right after its directory is made, and in one piece later on.
            newest = max(spot.survey.size.newest_ns if spot.survey is not None else 0, spot.parent_changed_ns)
            asked = min(asked, FINISHED_IDLE_MS)
        idle = self._request.now_ms - newest // 1_000_000
        if newest and idle < -5 * 60_000:
            return [Protection("too-fresh", "written to in the future: the clocks differ")]
        if newest and idle < asked:
            when = f"written to {_short(max(idle, 0))} ago, {_short(asked)} of quiet are asked"
            return [Protection("too-fresh", when)]
        return []

    def _needed(self, spot: Spot) -> list[Protection]:
        """Who needs what would be moved out."""
        if spot.wanted.kind != "out":
            return []
        path = spot.wanted.path
        for one in self._references:
            below = one.target_kind == "path" and (one.target == path or one.target.startswith(f"{path}/"))
            model = one.target_kind == "logged-model" and path.endswith(f"/models/{one.target}")
            if (below or model) and not one.by_path.startswith(f"{path}/"):
                kind = "claimed" if one.kind == "claim" else one.kind
                return [Protection(kind, f"{one.by} keeps files here" if below else f"{one.by} needs it")]
        return []


def _short(ms: int) -> str:
    if ms < 120_000:
        return f"{ms // 1000} s"
    if ms < 2 * HOUR_MS:
        return f"{ms // 60_000} min"
    return f"{ms // HOUR_MS} h" if ms < 48 * HOUR_MS else f"{ms // (24 * HOUR_MS)} d"
