"""What a repair is not done without: places its own work would break, and the other half of an exchange. Pure."""

from __future__ import annotations

from mlruns_tui.model.findings import Finding
from mlruns_tui.model.mending import Look, Spot, Wanted
from mlruns_tui.model.text import safe


def following(look: Look) -> tuple[Wanted, ...]:
    """Places that are only broken by the repairs of these: inputs of runs whose dataset goes."""
    known = {spot.wanted.path for spot in look.spots}
    found = []
    for spot in look.spots:
        for path in spot.users:
            if path in known:
                continue
            why = "its dataset is moved out, for MLflow cannot read it"
            about = Finding(
                "input-dataset-missing", "warns", path, why, experiment_id=spot.wanted.findings[0].experiment_id,
                run_id=path.split("/")[-3], remedy="repair", what=why,
            )  # fmt: skip
            found.append(Wanted("out", path, (about,), after=spot.wanted.path))
        if any(one.code == "run-meta-missing" for one in spot.wanted.findings):
            found += [_missing_folder(spot, name) for name in spot.traces.lacks]
        if spot.exchange is not None and not spot.exchange.why_not and spot.exchange.path not in known:
            known.add(spot.exchange.path)
            found.append(_other_half(spot, spot.exchange.path))
    return tuple(found)


def _missing_folder(spot: Spot, name: str) -> Wanted:
    """Of a run without metadata, which MLflow asks for once it has some."""
    why, about = f"{name}/ is missing", spot.wanted.findings[0]
    path = f"{spot.wanted.path.rpartition('/')[0]}/{name}"
    finding = Finding(
        "run-folder-missing", "breaks-run", path, why, experiment_id=about.experiment_id, run_id=about.run_id,
        remedy="repair", what=why,
    )  # fmt: skip
    return Wanted("folder", path, (finding,), after=spot.wanted.path)


def _other_half(spot: Spot, path: str) -> Wanted:
    """The run that has the metadata of this one."""
    experiment_id, run_id = path.split("/")[-3:-1]
    why = f"its meta.yaml is that of run {safe(spot.wanted.path.split('/')[-2], 80)}"
    about = Finding(
        "run-exchanged", "breaks-run", path, why, experiment_id=experiment_id, run_id=run_id, remedy="repair", what=why
    )
    return Wanted("run", path, (about,))
