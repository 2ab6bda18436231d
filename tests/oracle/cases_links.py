"""Links in any place, and what is broken behind them: MLflow reads it there."""

from __future__ import annotations

from breaking import Case, added, both, file, folder, gone, having, inside, kept_elsewhere, link, pipe, without

OTHER = "ab" * 16
RUN = "{second}/{plain}"
SCORER = "models/scorer"
MODEL = "{first}/models/{model}"
TRACE = "{first}/traces/{trace}"
NOTE = TRACE + "/assessments"
TEXT = file(b"caf\xe9 au lait")
LINE = added("x\n")


def _first(pattern, deed):
    """To the first of what is below a folder."""
    return lambda path: deed(sorted(path.glob(pattern))[0])


def _link_to(pattern):
    """To the first of what is beside it."""
    return lambda path: link(str(sorted(path.parent.glob(pattern))[0]))(path)


def _of_no_status_and_linked(path):
    run = sorted(path.glob("*/params"))[0].parent
    having(status=99)(run / "meta.yaml")
    (path.parent / "0" / OTHER).symlink_to(run)


def _case(what, path, deed=None, *, needs=""):
    """A link to what was moved away, broken first."""
    deeds = [kept_elsewhere] if deed is None else [deed, kept_elsewhere]
    kind, _, about = what.partition(":")
    return Case(f"{kind}: a link to what is elsewhere,{about}", path, both(*deeds), needs=needs)


def _twice(what, path, deed, *, found_at="777", needs=""):
    """An experiment with this in it, under the name of a link as well."""
    deeds = both(deed, lambda path: path.with_name("777").symlink_to(path))
    return Case(f"experiment: a link to one with {what}", path, deeds, found_at, needs)


FOLDERS = [
    _case("run: metrics", RUN + "/metrics"),
    _case("run: metrics with a torn line", RUN + "/metrics", inside("loss", LINE)),
    _case("run: params", RUN + "/params"),
    _case("run: params not UTF-8", RUN + "/params", inside("lr", TEXT)),
    _case("run: tags", RUN + "/tags"),
    _case("run: tags with a refused name", RUN + "/tags", inside("a?b", file("x"))),
    _case("run: inputs with a stray file", "{first}/{child}/inputs", inside("x", file("x")), needs="inputs"),
    _case("run: outputs with a stray file", "{first}/{parent}/outputs", inside("x", file("x")), needs="model"),
    _case("experiment: tags not UTF-8", "{first}/tags", inside("team", TEXT), needs="experiment_tags"),
    _case("experiment: one without a name", "{second}", inside("meta.yaml", without("name"))),
    _case("experiment: one with a broken run", "{second}", _first("*/params/lr", TEXT)),
    _case("run: one of no status", RUN, inside("meta.yaml", having(status=99))),
    _case("run: one with a broken metric", RUN, inside("metrics/loss", LINE)),
    _case("run: one without metrics", RUN, inside("metrics", file("x"))),
    _case("datasets: one without source", "{first}/datasets", inside("x", folder), needs="inputs"),
    _case("logged models: a broken one", "{first}/models", _first("*/meta.yaml", file("")), needs="model"),
    _case("logged model: a torn metric", MODEL, _first("metrics/*", LINE), needs="model"),
    _case("logged model: its params", MODEL + "/params", inside("depth", TEXT), needs="model"),
    _case("traces: a broken one", "{first}/traces", _first("*/trace_info.yaml", file("- a\n")), needs="trace"),
    _case("trace: a broken tag", TRACE, inside("tags/mlflow.traceName", TEXT), needs="trace"),
    _case("trace: its tags", TRACE + "/tags", inside("mlflow.traceName", TEXT), needs="trace"),
    _case("assessments: with a stray file", NOTE, inside("x.txt", file("x")), needs="assessments"),
    _case("registry: with a stray folder", "models", inside("x", folder), needs="registry"),
    _case("registered model: without a name", SCORER, inside("meta.yaml", without("name")), needs="registry"),
    _case("registered model: its tags", SCORER + "/tags", inside("owner", TEXT), needs="registry"),
    _case("registered model: its aliases", SCORER + "/aliases", inside("champion", TEXT), needs="registry"),
    _case("version: without a name", SCORER + "/version-1", inside("meta.yaml", without("name")), needs="registry"),
    _case("version: its tags", SCORER + "/version-1/tags", inside("checked", TEXT), needs="registry"),
    _case("trash: a broken one", ".trash", _first("*/meta.yaml", without("name"))),
    _case("trash: a refused name", ".trash", inside("a b", folder)),
]

FILES = [
    _case("metric: a torn one", RUN + "/metrics/loss", LINE),
    _case("metric: an empty one", RUN + "/metrics/loss", file("")),
    _case("param: one not UTF-8", RUN + "/params/lr", TEXT),
    _case("tag: one not UTF-8", RUN + "/tags/note", TEXT),
    _case("tag: one cut off", RUN + "/tags/note", file(b"caf\xc3")),
    _case("experiment tag: one not UTF-8", "{first}/tags/team", TEXT, needs="experiment_tags"),
    _case("run: an empty meta.yaml", RUN + "/meta.yaml", file("")),
    _case("run: a meta.yaml of no status", RUN + "/meta.yaml", having(status=99)),
    _case("run: a meta.yaml of another experiment", RUN + "/meta.yaml", having(experiment_id="7")),
    _case("run: a meta.yaml that cannot be stored", RUN + "/meta.yaml", having(end_time=[1])),
    _case("experiment: an empty meta.yaml", "{second}/meta.yaml", file("")),
    _case("experiment: a meta.yaml without name", "{second}/meta.yaml", without("name")),
    _case("experiment: a meta.yaml of another id", "{second}/meta.yaml", having(experiment_id="7")),
    _case("logged model: a meta.yaml that is a list", MODEL + "/meta.yaml", file("- a\n"), needs="model"),
    _case("trace: an empty trace_info.yaml", TRACE + "/trace_info.yaml", file(""), needs="trace"),
    _case("registered model: an empty meta.yaml", SCORER + "/meta.yaml", file(""), needs="registry"),
    _case("version: a meta.yaml without name", SCORER + "/version-1/meta.yaml", without("name"), needs="registry"),
    _case("alias: one not UTF-8", SCORER + "/aliases/champion", TEXT, needs="registry"),
]

INSIDE = [
    Case("run: metrics a link to params", RUN + "/metrics", link("params")),
    Case("run: params a link to metrics", RUN + "/params", link("metrics")),
    Case("run: tags a link to the run", RUN + "/tags", link(".")),
    Case("run: params a link to the store", RUN + "/params", link("../..")),
    Case("run: inputs a link to metrics", RUN + "/inputs", link("metrics")),
    Case("run: outputs a link to artifacts", RUN + "/outputs", link("artifacts")),
    Case("run: outputs a link to metrics", RUN + "/outputs", link("metrics")),
    Case("run: meta.yaml a link to a param", RUN + "/meta.yaml", link("params/lr")),
    Case("run: meta.yaml a link to that of its experiment", RUN + "/meta.yaml", link("../meta.yaml")),
    Case("run: meta.yaml a link to itself", RUN + "/meta.yaml", link("meta.yaml")),
    Case("experiment: meta.yaml a link to that of a run", "{second}/meta.yaml", _link_to("*/meta.yaml")),
    Case("experiment: meta.yaml a link to that of another", "{second}/meta.yaml", link("../0/meta.yaml")),
    Case("experiment: tags a link to itself", "{second}/tags", link("tags")),
    Case("experiment: tags a link to a run's", "{second}/tags", _link_to("*/tags")),
    Case("experiment: datasets a link to the experiment", "{first}/datasets", link("."), "{first}/{child}",
         needs="inputs"),
    Case("experiment: traces a link to the experiment", "{first}/traces", link("."), needs="trace"),
    Case("experiment: models a link to the experiment", "{first}/models", link("."), needs="model"),
    Case("metric: a link to a param", RUN + "/metrics/loss", link("../params/lr")),
    Case("metric: a link to another metric", RUN + "/metrics/loss", link("val/acc")),
    Case("metric: a link to a pipe", RUN + "/metrics", both(inside("../x", pipe), inside("y", link("../x")))),
    Case("param: a link to itself", RUN + "/params/lr", link("lr")),
    Case("trash: a link to the store", ".trash", link(".")),
    Case("trash: a link to the registry", ".trash", link("models"), needs="registry"),
    Case("trash: a link to an experiment", ".trash", link("0")),
    Case("registry: models a link to the store", "models", link("."), needs="registry"),
    Case("registry: models a link to the trash", "models", link(".trash"), needs="registry"),
    Case("registry: models a link to an empty experiment", "models", link("0"), needs="registry"),
    Case("registered model: tags a link to a version", SCORER + "/tags", link("version-1"), needs="registry"),
    Case("registered model: aliases a link to its tags", SCORER + "/aliases", link("tags"), needs="registry"),
    Case("version: a link to another", SCORER + "/version-7", link("version-1"), needs="registry"),
    Case("version: meta.yaml a link to that of another", SCORER + "/version-1/meta.yaml",
         link("../version-2/meta.yaml"), needs="registry"),
    Case("registered model: meta.yaml a link to that of another", SCORER + "/meta.yaml", link("../ranker/meta.yaml"),
         needs="registry"),
    Case("logged model: metrics a link to its params", MODEL + "/metrics", link("params"), needs="model"),
    Case("logged model: meta.yaml a link to a param", MODEL + "/meta.yaml", link("params/depth"), needs="model"),
    Case("trace: tags a link to its metadata", TRACE + "/tags", link("request_metadata"), needs="trace"),
    Case("trace: trace_info.yaml a link to a tag", TRACE + "/trace_info.yaml", link("tags/mlflow.traceName"),
         needs="trace"),
    Case("assessments: a link to the tags", NOTE, link("tags"), needs="assessments"),
]  # fmt: skip

TWICE = [
    _twice("a broken run", "{second}", _first("*/meta.yaml", file(""))),
    _twice("a run of no status", "{second}", _first("*/meta.yaml", having(status=99))),
    _twice("a run of no metrics", "{second}", _first("*/metrics", file("x"))),
    _twice("a broken metric", "{second}", _first("*/metrics/loss", LINE), found_at="{second}"),
    _twice("a broken model", "{first}", _first("models/*/meta.yaml", file("")), needs="model"),
    _twice("a broken trace", "{first}", _first("traces/*/trace_info.yaml", file("")), needs="trace"),
    _twice("a broken tag", "{first}", _first("tags/*", TEXT), needs="experiment_tags"),
    _twice("no metadata", "{second}", inside("meta.yaml", gone)),
    _twice("empty metadata", "{second}", inside("meta.yaml", file(""))),
    Case("experiment: a link to a trashed one", "777", _link_to(".trash/*")),
    Case("trash: a link to an active experiment", ".trash/777", link("../0")),
    Case("run: a link to a run of no status elsewhere", "{second}", _of_no_status_and_linked, "0/" + OTHER),
]

CASES = [*FOLDERS, *FILES, *INSIDE, *TWICE]
