"""Metadata that MLflow's parser takes and that of its migration does not; and metadata of many megabytes."""

from __future__ import annotations

from breaking import Case, added, both, copied, gone, pipe

RUN = "{second}/{plain}/meta.yaml"
MODEL = "{first}/models/{model}/meta.yaml"
INFO = "{first}/traces/{trace}/trace_info.yaml"
SCORER = "models/scorer/meta.yaml"
VERSION = "models/scorer/version-1/meta.yaml"
TAB = added("more: x\t\n")
MUCH = added("more: '" + "x" * 9_000_000 + "'\n")


TABS = [
    Case("experiment: meta.yaml with a tab", "{second}/meta.yaml", TAB),
    Case("experiment: meta.yaml with a tab in quotes", "{second}/meta.yaml", added("more: 'x\t'\n")),
    Case("experiment: meta.yaml with a tab in a comment", "{second}/meta.yaml", added("#\tx\n")),
    Case("run: meta.yaml with a tab", RUN, TAB),
    Case("run: meta.yaml with a tab after a colon", RUN, added("more:\tx\n")),
    Case("logged model: meta.yaml with a tab", MODEL, TAB, needs="model"),
    Case("registered model: meta.yaml with a tab", SCORER, TAB, needs="registry"),
    Case("version: meta.yaml with a tab", VERSION, TAB, needs="registry"),
    Case("trace: trace_info.yaml with a tab after a word", INFO, added("client_request_id: x\t\n"), needs="trace"),
    Case("input: meta.yaml with a tab", "{first}/{child}/inputs",
         lambda path: TAB(sorted(path.glob("*/meta.yaml"))[0]), needs="inputs"),
    Case("dataset: meta.yaml with a tab", "{first}/datasets",
         lambda path: TAB(sorted(path.glob("*/meta.yaml"))[0]), needs="inputs"),
    Case("trace: trace_info.yaml a pipe", "{first}/traces/{trace2}/trace_info.yaml", pipe, needs="trace"),
    Case("trace: trace_info.yaml a pipe, with assessments", INFO, pipe, needs="assessments"),
    Case("trash: an experiment under an active one's id", ".trash/{gone}", copied("0"), ".trash/0"),
]  # fmt: skip

LARGE = [
    Case("run: meta.yaml with 9 MB of text", RUN, MUCH),
    Case("run: meta.yaml of 9 MB without run_id", RUN, both(gone, added("x: '" + "y" * 9_000_000 + "'\n"))),
    Case("experiment: meta.yaml with 9 MB of text", "{second}/meta.yaml", MUCH),
]

CASES = [*TABS, *LARGE]
