"""Names people give to experiments whose metadata is rebuilt."""

from __future__ import annotations

from collections.abc import Mapping

from mlruns_tui.model.errors import UsageError
from mlruns_tui.model.mending import Look, Wanted
from mlruns_tui.model.text import safe

from .mend_entry import experiment_path_key

_LONGEST_NAME = 500
"""Characters MLflow allows an experiment's name (``_validate_experiment_name``)."""


def check_names(names: Mapping[str, str], look: Look, wanted: tuple[Wanted, ...]) -> None:
    """Raises UsageError for a name nobody can give: MLflow refuses it, it is taken, its experiment is not mended."""
    about = {experiment_path_key(one.path): one.path for one in wanted if one.kind == "experiment"}
    taken = {name: path for path, name in look.names.items()}
    for key, name in names.items():
        shown = safe(name, 80)
        if key not in about:
            raise UsageError(
                "no-such-repair",
                f"{safe(key, 200)} needs no repair that would give it a name; nothing was changed",
                hint="mlruns-tui doctor says what is broken",
            )
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise UsageError("bad-name", f"not a name for an experiment: ‘{shown}’; nothing was changed")
        other = taken.get(name)
        if other is not None and other != about[key].rpartition("/")[0]:
            raise UsageError(
                "name-taken",
                f"an experiment called ‘{shown}’ exists ({safe(other)}); nothing was changed",
                hint="MLflow finds experiments by name: give another one",
            )
        taken[name] = about[key].rpartition("/")[0]
