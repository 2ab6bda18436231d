"""What MLflow does because of defects in params, metrics, tags and the like: the same for each owner, but for
what stops working."""

from __future__ import annotations

from typing import Final

from .impact_facts import EXPERIMENT, FIRST, SILENT, STORE, Area, Fact, Since, fact, since

_FOREIGN = "Left by another program."
_RIGHTS = "Made by another user, or with an umask that shuts others out."
_TORN = "The program was killed or the disk was full while it was written."
_KILLED = "The program was killed in the middle of a line, or two wrote at once."

_OWNERS: Final[dict[str, tuple[tuple[Since, ...], Area]]] = {
    "experiment-tag": (since((FIRST, None), ((1, 2), STORE)), "experiments"),
    "run-param": (((FIRST, EXPERIMENT),), "runs"),
    "run-metric": (((FIRST, EXPERIMENT),), "runs"),
    "run-tag": (((FIRST, EXPERIMENT),), "runs"),
    "registered-model-tag": (since((FIRST, None), ((2, 1), STORE)), "models"),
    "registered-model-alias": (since((FIRST, None), ((2, 3), STORE)), "models"),
    "version-tag": (since((FIRST, None), ((2, 1), STORE)), "models"),
    "logged-model-param": (since((FIRST, None), ((3,), EXPERIMENT)), "logged models"),
    "logged-model-metric": (since((FIRST, None), ((3,), EXPERIMENT)), "logged models"),
    "logged-model-tag": (since((FIRST, None), ((3,), EXPERIMENT)), "logged models"),
    "trace-tag": (since((FIRST, None), ((2, 13), EXPERIMENT)), "traces"),
    "trace-metadata": (since((FIRST, None), ((2, 13), EXPERIMENT)), "traces"),
}


def _files(owner: str, impact: tuple[Since, ...], area: Area) -> dict[str, Fact]:
    noun = owner.rpartition("-")[2].replace("metadata", "metadata entry")
    # Colons were refused before 2.16.
    with_colon = (*((at, one) for at, one in impact if at < (2, 16)), ((2, 16), None))
    if impact[-1][0] >= (2, 16):
        with_colon = ((FIRST, None),)
    return {
        f"{owner}-name-refused": fact(
            impact, f"{noun} whose name MLflow refuses: {{}}", area, remedy="repair", cause=_FOREIGN
        ),
        f"{owner}-name-not-utf8": fact(
            impact, f"{noun} whose name is not UTF-8: {{}}", area, migration="fails", remedy="repair", cause=_FOREIGN
        ),
        f"{owner}-name-with-colon": fact(with_colon, f"{noun} with a colon in its name: {{}}", area),
        f"{owner}-not-utf8": fact(
            impact, f"{noun} that is not UTF-8", area, migration="fails", remedy="repair", cause=_FOREIGN
        ),
        f"{owner}-unreadable": fact(impact, f"{noun} that cannot be read", area, migration="fails", cause=_RIGHTS),
        f"{owner}-dangling": fact(impact, f"{noun} that is a link to nothing", area, remedy="repair"),
        f"{owner}-pipe": fact(impact, f"{noun} that is no file: a pipe, a socket or a device", area, remedy="repair"),
    }


def _lines(owner: str, impact: tuple[Since, ...], area: Area) -> dict[str, Fact]:
    return {
        f"{owner}-empty": fact(impact, "metric without a line", area, remedy="repair", cause=_TORN),
        f"{owner}-line-unreadable": fact(
            impact, "metric line MLflow cannot read", area, migration="fails", remedy="repair", cause=_KILLED
        ),
        f"{owner}-line-fields": fact(
            impact, "metric line with a wrong number of fields", area, remedy="repair",
            cause="A dataset with a space in its name, or two programs wrote at once.",
        ),
        f"{owner}-step-unreadable": fact(
            since((FIRST, EXPERIMENT), ((3,), SILENT)), "metric line whose step is no number", area, migration="fails",
            remedy="repair",
        ),
        f"{owner}-line-with-dataset": fact(
            since((FIRST, EXPERIMENT), ((3,), None)), "metric line with a dataset, which this MLflow does not know",
            area, cause="Written by MLflow 3.",
        ),
        f"{owner}-line-repeated": fact(
            SILENT, "metric line that is there twice", area, migration="fails", remedy="repair",
            cause="The same value was logged twice within a millisecond, or a file was joined with itself.",
        ),
        f"{owner}-beyond-64-bits": fact(
            SILENT, "metric line with a number beyond 64 bits", area, migration="fails", remedy="repair"
        ),
    }  # fmt: skip


CONTENTS: Final[dict[str, Fact]] = {
    code: row
    for owner, (impact, area) in _OWNERS.items()
    for rows in (_files(owner, impact, area), _lines(owner, impact, area) if owner.endswith("metric") else {})
    for code, row in rows.items()
}
