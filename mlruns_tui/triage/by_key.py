"""Every run of a snapshot by its key, without a key for each of them: 100,000 keys take as much as what is in a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlruns_tui.model.store import Run

_RUN = "/run/"


class RunsByKey(Mapping[str, Run]):
    """Looks a run up by experiment and id. Two threads at once may do the same work twice, no more."""

    __slots__ = ("_inside", "_runs")

    def __init__(self, runs: Mapping[str, tuple[Run, ...]]) -> None:
        """``runs``: by experiment key, as in a snapshot."""
        self._runs = runs
        self._inside: dict[str, dict[str, Run]] = {}

    def __getitem__(self, key: str) -> Run:
        container, found, run_id = key.partition(_RUN)
        if not found:
            raise KeyError(key)
        inside = self._inside.get(container)
        if inside is None:
            inside = self._inside[container] = {run.run_id: run for run in self._runs.get(container, ())}
        return inside[run_id]

    def __len__(self) -> int:
        return sum(map(len, self._runs.values()))

    def __iter__(self) -> Iterator[str]:
        return (run.key for runs in self._runs.values() for run in runs)
