"""Metadata that MLflow's parser takes and that of its migration does not; metadata of many megabytes; lineage of what
is gone; prompts."""

from __future__ import annotations

from breaking import Case, added, both, copied, file, gone, having, kept_elsewhere, pipe

RUN = "{second}/{plain}/meta.yaml"
MODEL = "{first}/models/{model}/meta.yaml"
INFO = "{first}/traces/{trace}/trace_info.yaml"
SCORER = "models/scorer/meta.yaml"
VERSION = "models/scorer/version-1/meta.yaml"
TAB = added("more: x\t\n")
PROMPT = "tags/mlflow.prompt.is_prompt"
MUCH = added("more: '" + "x" * 9_000_000 + "'\n")


def _tagged(text):
    """The tag that makes a registered model a prompt."""
    return lambda path: file(text)(path.parent / PROMPT)


def _of_another_with_a_broken_dataset(path):
    for meta in path.glob("*/meta.yaml"):
        having(experiment_id="7")(meta)
    file("- a\n")(sorted(path.glob("datasets/*/meta.yaml"))[0])


def _with_metadata_of_another(trace):
    other = next(one for one in sorted(trace.parent.iterdir()) if one != trace)
    (trace / "trace_info.yaml").write_bytes((other / "trace_info.yaml").read_bytes())


TABS = [
    Case("experiment: meta.yaml with a tab after a value", "{second}/meta.yaml", TAB),
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

LOST = [
    Case(
        "dataset: a broken one, only needed by runs of another experiment",
        "{first}",
        _of_another_with_a_broken_dataset,
        needs="inputs",
    ),
    Case(
        "logged model: a copy called meta.yaml",
        "{first}/models/{model2}",
        copied("meta.yaml"),
        "{first}/models/meta.yaml",
        needs="model",
    ),
    Case("output: its logged model is gone", "{first}/models/{model}", gone, "{first}", needs="model"),
    Case("output: all logged models are gone", "{first}/models", gone, "{first}", needs="model"),
]

ANOTHERS = [
    Case("trace: metadata of another one, a stray assessment", "{first}/traces/{trace}",
         both(_with_metadata_of_another, lambda path: file("x")(path / "assessments" / "x.txt")), needs="assessments"),
    Case("trace: metadata of another one, no folder of assessments", "{first}/traces/{trace}",
         both(_with_metadata_of_another, lambda path: file("x")(path / "assessments")), needs="assessments"),
    Case("run: a name not UTF-8, with inputs", "{first}/{child}", lambda path: path.rename(path.with_name("\udcff")),
         "{first}", needs="inputs"),
    Case("run: a name not UTF-8, with outputs", "{first}/{parent}", lambda path: path.rename(path.with_name("\udcff")),
         "{first}", needs="model"),
    Case("output: a name not UTF-8", "{first}/{parent}/outputs",
         lambda path: sorted(path.iterdir())[0].rename(path / "\udcff"), needs="model"),
]  # fmt: skip

PROMPTS = [
    *(
        Case(f"registered model: {what}, with another kind of name", SCORER, both(having(name=5), _tagged(text)),
             needs="registry")
        for what, text in (
            ("a prompt", "true"), ("a prompt in capitals", "TRUE"), ("a prompt with a line end", "true\n"),
            ("no prompt", "false"), ("a prompt with spaces", " true "), ("an empty prompt tag", ""),
        )
    ),
    Case("registered model: a prompt by a link", SCORER,
         both(having(name=5), _tagged("true"), lambda path: kept_elsewhere(path.parent / PROMPT)), needs="registry"),
    Case("registered model: a prompt by a link, not UTF-8", "models/ranker/meta.yaml",
         both(_tagged(b"caf\xe9 au lait"), lambda path: kept_elsewhere(path.parent / PROMPT)), "models/ranker",
         needs="registry"),
    Case("registered model: a prompt with a tag not UTF-8", "models/ranker/meta.yaml",
         both(_tagged("true"), lambda path: (path.parent / "tags" / "more").write_bytes(b"caf\xe9 au lait")),
         "models/ranker", needs="registry"),
    Case("version: of a prompt, with another kind of time", VERSION,
         both(having(last_updated_timestamp="late"), lambda path: _tagged("true")(path.parent)), needs="registry"),
    Case("version: tagged as a prompt's, with another kind of time", VERSION,
         both(having(last_updated_timestamp="late"), _tagged("true")), needs="registry"),
]  # fmt: skip

CASES = [*TABS, *LARGE, *LOST, *ANOTHERS, *PROMPTS]
