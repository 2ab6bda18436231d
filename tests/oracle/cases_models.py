"""Ways to break the model registry, logged models, traces and assessments."""

from __future__ import annotations

import os

from breaking import (
    BOMB,
    MANY,
    Case,
    added,
    both,
    copied,
    exchanged,
    file,
    first_in,
    folder,
    gone,
    having,
    holding,
    kept_elsewhere,
    link,
    mode,
    moved,
    over,
    pipe,
    without,
)

OTHER = "ab" * 16
SCORER = "models/scorer"
VERSION = SCORER + "/version-1/meta.yaml"

REGISTRY = [
    Case("registry: models missing", "models", gone, needs="registry"),
    Case("registry: models a file", "models", file("x"), needs="registry"),
    Case("registry: models a dangling link", "models", link("/nowhere/at/all"), needs="registry"),
    Case("registry: models not readable", "models", mode(0), needs="registry"),
    Case("registry: models may be listed, not entered", "models", mode(0o444), needs="registry"),
    Case("registry: models kept elsewhere", "models", kept_elsewhere, needs="registry"),
    Case("registry: folder without meta.yaml", "models/resnet", holding("model.pkl"), needs="registry"),
    Case("registry: hidden folder", "models/.ipynb_checkpoints", folder, needs="registry"),
    Case("registry: stray file", "models/notes.txt", file("x"), needs="registry"),
    Case("registry: a dangling link", "models/x", link("/nowhere/at/all"), needs="registry"),
    Case("registry: a link to a folder elsewhere", "models/x", link("/usr"), needs="registry"),
    Case("registered model: kept elsewhere", SCORER, kept_elsewhere, needs="registry"),
    Case("version: kept elsewhere", SCORER + "/version-1", kept_elsewhere, needs="registry"),
    Case("version: a link to a folder elsewhere", SCORER + "/version-7", link("/usr"), needs="registry"),
    Case("logged model: a link to a folder elsewhere", "{first}/models/m-x", link("/usr"), needs="model"),
    Case("logged models: kept elsewhere", "{first}/models", kept_elsewhere, needs="model"),
    Case("trace: a link to a folder elsewhere", "{first}/traces/tr-x", link("/usr"), needs="trace"),
    Case("traces: kept elsewhere", "{first}/traces", kept_elsewhere, needs="trace"),
    Case("registry: a link to a model", "models/x", link("scorer"), needs="registry"),
    Case(
        "registry: name with a percent sign", SCORER, moved("a%b", having(name="a%b")), "models/a%b", needs="registry"
    ),
    Case("registry: name with a colon", SCORER, moved("a:b", having(name="a:b")), "models/a:b", needs="registry"),
    Case(
        "registry: name with two leading dots", SCORER, moved("..a", having(name="..a")), "models/..a", needs="registry"
    ),
    Case("registry: name of spaces", SCORER, moved("  ", having(name="  ")), "models/  ", needs="registry"),
    Case("registered model: meta.yaml missing", SCORER + "/meta.yaml", gone, needs="registry"),
    Case("registered model: meta.yaml of 0 bytes", SCORER + "/meta.yaml", file(""), needs="registry"),
    Case("registered model: meta.yaml not YAML", SCORER + "/meta.yaml", file("a: ["), needs="registry"),
    Case("registered model: meta.yaml nothing but an alias bomb", SCORER + "/meta.yaml", file(BOMB), needs="registry"),
    Case("registered model: meta.yaml with an alias bomb", SCORER + "/meta.yaml", added(BOMB), needs="registry"),
    Case("registered model: meta.yaml of thousands of other keys", SCORER + "/meta.yaml", file(MANY), needs="registry"),
    Case("registered model: meta.yaml with thousands of keys", SCORER + "/meta.yaml", added(MANY), needs="registry"),
    Case("registered model: meta.yaml a list", SCORER + "/meta.yaml", file("- a\n"), needs="registry"),
    Case("registered model: meta.yaml not readable", SCORER + "/meta.yaml", mode(0), needs="registry"),
    Case("registered model: meta.yaml a folder", SCORER + "/meta.yaml", folder, needs="registry"),
    Case("registered model: name missing", SCORER + "/meta.yaml", without("name"), needs="registry"),
    Case("registered model: name null", SCORER + "/meta.yaml", having(name=None), needs="registry"),
    Case("registered model: name a number", SCORER + "/meta.yaml", having(name=42), needs="registry"),
    Case("registered model: name a list", SCORER + "/meta.yaml", having(name=["a"]), needs="registry"),
    Case("registered model: name of another", SCORER + "/meta.yaml", having(name="ranker"), needs="registry"),
    Case("registered model: meta.yaml exchanged with another's", SCORER + "/meta.yaml", exchanged, needs="registry"),
    Case("registered model: meta.yaml another's, copied", SCORER + "/meta.yaml", over(), needs="registry"),
    Case("registered model: copied folder", SCORER, copied("scorer2"), "models/scorer2", needs="registry"),
    Case("registered model: renamed folder", SCORER, moved("scorer2"), "models/scorer2", needs="registry"),
    Case(
        "registered model: times missing",
        SCORER + "/meta.yaml",
        without("creation_timestamp", "last_updated_timestamp"),
        needs="registry",
    ),
    Case("registered model: description a list", SCORER + "/meta.yaml", having(description=["a"]), needs="registry"),
    Case(
        "registered model: creation_timestamp a word",
        SCORER + "/meta.yaml",
        having(creation_timestamp="now"),
        needs="registry",
    ),
    Case("registered model: folder not readable", SCORER, mode(0), needs="registry"),
    Case("registered model: folder may be entered, not listed", SCORER, mode(0o111), needs="registry"),
    Case("registered model: tag not UTF-8", SCORER + "/tags/owner", file(b"caf\xe9"), needs="registry"),
    Case("registered model: tag name refused", SCORER + "/tags/a?b", file("x"), needs="registry"),
    Case("registered model: tag a FIFO", SCORER + "/tags/owner", pipe, needs="registry"),
    Case("registered model: stray folder", SCORER + "/notes", folder, needs="registry"),
    Case("registered model: stray file", SCORER + "/version-7", file("x"), needs="registry"),
    Case("alias: of a missing version", SCORER + "/aliases/best", file("77"), needs="registry"),
    Case("alias: not a number", SCORER + "/aliases/best", file("newest"), needs="registry"),
    Case("alias: not UTF-8", SCORER + "/aliases/best", file(b"\xff"), needs="registry"),
    Case("alias: empty", SCORER + "/aliases/best", file(""), needs="registry"),
    Case("alias: a dangling link", SCORER + "/aliases/best", link("/nowhere/at/all"), needs="registry"),
    Case("alias: stray file of the Finder", SCORER + "/aliases/.DS_Store", file(b"\0\xff"), needs="registry"),
    Case("version: meta.yaml missing", VERSION, gone, needs="registry"),
    Case("version: empty folder", SCORER + "/version-9", folder, needs="registry"),
    Case("version: meta.yaml of 0 bytes", VERSION, file(""), needs="registry"),
    Case("version: meta.yaml not YAML", VERSION, file("a: ["), needs="registry"),
    Case("version: meta.yaml nothing but an alias bomb", VERSION, file(BOMB), needs="registry"),
    Case("version: meta.yaml with an alias bomb", VERSION, added(BOMB), needs="registry"),
    Case("version: meta.yaml of thousands of other keys", VERSION, file(MANY), needs="registry"),
    Case("version: meta.yaml with thousands of keys", VERSION, added(MANY), needs="registry"),
    Case("version: meta.yaml a list", VERSION, file("- a\n"), needs="registry"),
    Case("version: meta.yaml not readable", VERSION, mode(0), needs="registry"),
    Case("version: name missing", VERSION, without("name"), needs="registry"),
    Case("version: version missing", VERSION, without("version"), needs="registry"),
    Case("version: version null", VERSION, having(version=None), needs="registry"),
    Case("version: version a word", VERSION, having(version="one"), needs="registry"),
    Case("version: version quoted", VERSION, having(version="1"), needs="registry"),
    Case("version: version of another", VERSION, having(version=2), needs="registry"),
    Case("version: creation_timestamp missing", VERSION, without("creation_timestamp"), needs="registry"),
    Case("version: last_updated_timestamp missing", VERSION, without("last_updated_timestamp"), needs="registry"),
    Case("version: last_updated_timestamp a word", VERSION, having(last_updated_timestamp="now"), needs="registry"),
    Case("version: current_stage missing", VERSION, without("current_stage"), needs="registry"),
    Case("version: current_stage a bogus word", VERSION, having(current_stage="Zombie"), needs="registry"),
    Case("version: current_stage a list", VERSION, having(current_stage=["None"]), needs="registry"),
    Case("version: status a bogus word", VERSION, having(status="Zombie"), needs="registry"),
    Case("version: deleted", VERSION, having(current_stage="Deleted_Internal"), needs="registry"),
    Case(
        "version: deleted, version missing",
        VERSION,
        both(having(current_stage="Deleted_Internal"), without("version")),
        needs="registry",
    ),
    Case("version: name of another", VERSION, having(name="ranker"), needs="registry"),
    Case("version: name a number", VERSION, having(name=42), needs="registry"),
    Case("version: run is gone", VERSION, having(run_id=OTHER), needs="registry"),
    Case("version: run null", VERSION, having(run_id=None), needs="registry"),
    Case("version: source is gone", VERSION, having(source="file:///nowhere"), needs="registry"),
    Case("version: source null", VERSION, having(source=None), needs="registry"),
    Case("version: model_id of a missing model", VERSION, having(model_id="m-" + OTHER), needs="registry"),
    Case(
        "version: a folder that is not a number",
        SCORER + "/version-1",
        copied("version-x"),
        SCORER + "/version-x",
        needs="registry",
    ),
    Case("version: copied folder", SCORER + "/version-1", copied("version-5"), SCORER + "/version-5", needs="registry"),
    Case("version: meta.yaml exchanged with another's", VERSION, exchanged, needs="registry"),
    Case("version: meta.yaml another's, copied", VERSION, over(), needs="registry"),
    Case("version: renamed folder", SCORER + "/version-1", moved("version-5"), SCORER + "/version-5", needs="registry"),
    Case("version: folder not readable", SCORER + "/version-1", mode(0), needs="registry"),
    Case("version: tag not UTF-8", SCORER + "/version-1/tags/checked", file(b"\xff"), needs="registry"),
    Case("version: tag name refused", SCORER + "/version-1/tags/a?b", file("x"), needs="registry"),
    Case("version: workspace a number", VERSION, having(workspace=7), needs="registry"),
    Case("registered model: workspace a number", SCORER + "/meta.yaml", having(workspace=7), needs="registry"),
    Case(
        "registered model: aliases in meta.yaml stale",
        SCORER + "/meta.yaml",
        having(aliases={"x": "9"}),
        needs="registry",
    ),
]

MODEL = "{first}/models/{model}"
LOGGED_MODELS = [
    Case("logged model: meta.yaml missing", MODEL + "/meta.yaml", gone, needs="model"),
    Case("logged model: empty folder", "{first}/models/m-" + OTHER, folder, needs="model"),
    Case("logged model: meta.yaml of 0 bytes", MODEL + "/meta.yaml", file(""), needs="model"),
    Case("logged model: meta.yaml not YAML", MODEL + "/meta.yaml", file("a: ["), needs="model"),
    Case("logged model: meta.yaml a list", MODEL + "/meta.yaml", file("- a\n"), needs="model"),
    Case("logged model: meta.yaml not readable", MODEL + "/meta.yaml", mode(0), needs="model"),
    Case("logged model: meta.yaml a dangling link", MODEL + "/meta.yaml", link("/nowhere/at/all"), needs="model"),
    *(
        Case(f"logged model: {key} missing", MODEL + "/meta.yaml", without(key), needs="model")
        for key in (
            "experiment_id",
            "model_id",
            "name",
            "artifact_location",
            "creation_timestamp",
            "last_updated_timestamp",
            "source_run_id",
            "status",
            "model_type",
        )
    ),
    Case("logged model: status 9", MODEL + "/meta.yaml", having(status=9), needs="model"),
    Case("logged model: status a word", MODEL + "/meta.yaml", having(status="READY"), needs="model"),
    Case("logged model: status null", MODEL + "/meta.yaml", having(status=None), needs="model"),
    Case("logged model: status a bogus word", MODEL + "/meta.yaml", having(status="Zombie"), needs="model"),
    Case("logged model: experiment_id of another", MODEL + "/meta.yaml", having(experiment_id="0"), needs="model"),
    Case("logged model: experiment_id a number", MODEL + "/meta.yaml", having(experiment_id=17), needs="model"),
    Case("logged model: model_id of another", MODEL + "/meta.yaml", having(model_id="m-" + OTHER), needs="model"),
    Case("logged model: model_id a number", MODEL + "/meta.yaml", having(model_id=7), needs="model"),
    Case("logged model: name null", MODEL + "/meta.yaml", having(name=None), needs="model"),
    Case(
        "logged model: creation_timestamp a word", MODEL + "/meta.yaml", having(creation_timestamp="now"), needs="model"
    ),
    Case("logged model: creation_timestamp null", MODEL + "/meta.yaml", having(creation_timestamp=None), needs="model"),
    Case(
        "logged model: lifecycle_stage a bogus word",
        MODEL + "/meta.yaml",
        having(lifecycle_stage="zombie"),
        needs="model",
    ),
    Case("logged model: deleted", MODEL + "/meta.yaml", having(lifecycle_stage="deleted"), needs="model"),
    Case(
        "logged model: deleted, name missing",
        MODEL + "/meta.yaml",
        both(having(lifecycle_stage="deleted"), without("name")),
        needs="model",
    ),
    Case("logged model: source run is gone", MODEL + "/meta.yaml", having(source_run_id=OTHER), needs="model"),
    Case(
        "logged model: metric of three fields",
        MODEL + "/metrics/score-net",
        file("1700000000000 0.5 7\n"),
        needs="model",
    ),
    Case(
        "logged model: metric of five fields",
        MODEL + "/metrics/score-net",
        file("1700000000000 0.5 7 a b\n"),
        needs="model",
    ),
    Case(
        "logged model: metric of six fields",
        MODEL + "/metrics/score-net",
        file("1700000000000 0.5 7 a b c\n"),
        needs="model",
    ),
    Case(
        "logged model: metric value a word",
        MODEL + "/metrics/score-net",
        file("1700000000000 high 7 a\n"),
        needs="model",
    ),
    Case(
        "logged model: metric step a word", MODEL + "/metrics/score-net", file("1700000000000 0.5 x a\n"), needs="model"
    ),
    Case("logged model: metric empty", MODEL + "/metrics/score-net", file(""), needs="model"),
    Case("logged model: metric blank line", MODEL + "/metrics/score-net", added("\n"), needs="model"),
    Case("logged model: metric repeated", MODEL + "/metrics/score-net", file("1 0.5 7 a\n1 0.5 7 a\n"), needs="model"),
    Case(
        "logged model: metric repeated, other run",
        MODEL + "/metrics/score-net",
        file("1 0.5 7 a\n1 0.5 7 b\n"),
        needs="model",
    ),
    Case(
        "logged model: metric repeated, other value",
        MODEL + "/metrics/score-net",
        file("1 0.5 7 a\n1 0.6 7 a\n"),
        needs="model",
    ),
    Case("logged model: metric nan", MODEL + "/metrics/score-net", file("1 nan 7 a\n"), needs="model"),
    Case("logged model: metric inf", MODEL + "/metrics/score-net", file("1 inf 7 a\n"), needs="model"),
    Case("logged model: metric of a lost run", MODEL + "/metrics/score-net", file(f"1 0.5 7 {OTHER}\n"), needs="model"),
    Case("logged model: metric not UTF-8", MODEL + "/metrics/score-net", file(b"1 0.5 7 \xff\n"), needs="model"),
    Case(
        "logged model: metric step beyond 64 bits",
        MODEL + "/metrics/score-net",
        file(f"1 0.5 {1 << 70} a\n"),
        needs="model",
    ),
    Case("logged model: param not UTF-8", MODEL + "/params/depth", file(b"\xff"), needs="model"),
    Case("logged model: param name refused", MODEL + "/params/a?b", file("x"), needs="model"),
    Case("logged model: tag not UTF-8", MODEL + "/tags/kind", file(b"\xff"), needs="model"),
    Case("logged model: tag a dangling link", MODEL + "/tags/kind", link("/nowhere/at/all"), needs="model"),
    Case("logged model: metrics missing", MODEL + "/metrics", gone, needs="model"),
    Case("logged model: folder not readable", MODEL, mode(0), needs="model"),
    Case("logged model: folder may be entered, not listed", MODEL, mode(0o111), needs="model"),
    Case("logged model: copied folder", MODEL, copied("m-" + OTHER), "{first}/models/m-" + OTHER, needs="model"),
    Case(
        "logged model: copied to another experiment", MODEL, copied("/0/models/SAME"), "0/models/{model}", needs="model"
    ),
    Case("logged model: meta.yaml exchanged with another's", MODEL + "/meta.yaml", exchanged, needs="model"),
    Case("logged model: meta.yaml another's, copied", MODEL + "/meta.yaml", over(), needs="model"),
    Case("logged model: meta.yaml another's, linked", MODEL + "/meta.yaml", over(os.link), needs="model"),
    Case("logged model: meta.yaml nothing but an alias bomb", MODEL + "/meta.yaml", file(BOMB), needs="model"),
    Case("logged model: meta.yaml with an alias bomb", MODEL + "/meta.yaml", added(BOMB), needs="model"),
    Case("logged model: meta.yaml of thousands of other keys", MODEL + "/meta.yaml", file(MANY), needs="model"),
    Case("logged model: meta.yaml with thousands of keys", MODEL + "/meta.yaml", added(MANY), needs="model"),
    Case("logged model: renamed folder", MODEL, moved("m-" + OTHER), "{first}/models/m-" + OTHER, needs="model"),
    Case("logged model: a stray folder", "{first}/models/notes", holding("x"), needs="model"),
    Case("logged model: a folder of a reserved name", "{first}/models/tags", holding("meta.yaml"), needs="model"),
    Case("logged model: stray file", "{first}/models/notes.txt", file("x"), needs="model"),
    Case(
        "logged model: a link to another one",
        "{first}/models/m-" + OTHER,
        lambda path: path.symlink_to(sorted(path.parent.iterdir())[0]),
        needs="model",
    ),
    Case(
        "logged model: a link to one of another experiment",
        "{second}/models/m-" + OTHER,
        lambda path: path.parent.mkdir() or path.symlink_to(_a_model(path)),
        needs="model",
    ),
    Case("logged model: kept elsewhere", MODEL, kept_elsewhere, needs="model"),
    Case("logged models: a file", "{second}/models", file("x"), needs="model"),
    Case("logged models: not readable", "{first}/models", mode(0), needs="model"),
    Case("logged models: all gone", "{first}/models", gone, needs="model"),
]

TRACE = "{first}/traces/{trace}"
INFO = TRACE + "/trace_info.yaml"
TRACES = [
    Case("trace: trace_info.yaml missing", INFO, gone, needs="trace"),
    Case("trace: empty folder", "{first}/traces/tr-" + OTHER, folder, needs="trace"),
    Case("trace: trace_info.yaml of 0 bytes", INFO, file(""), needs="trace"),
    Case("trace: trace_info.yaml not YAML", INFO, file("a: ["), needs="trace"),
    Case("trace: trace_info.yaml nothing but an alias bomb", INFO, file(BOMB), needs="trace"),
    Case("trace: trace_info.yaml with an alias bomb", INFO, added(BOMB), needs="trace"),
    Case("trace: trace_info.yaml of thousands of other keys", INFO, file(MANY), needs="trace"),
    Case("trace: trace_info.yaml with thousands of keys", INFO, added(MANY), needs="trace"),
    Case("trace: trace_info.yaml a list", INFO, file("- a\n"), needs="trace"),
    Case("trace: trace_info.yaml plain text", INFO, file("hello\n"), needs="trace"),
    Case("trace: trace_info.yaml text request_id", INFO, file("a request_id b\n"), needs="trace"),
    Case("trace: trace_info.yaml not readable", INFO, mode(0), needs="trace"),
    Case("trace: trace_info.yaml a folder", INFO, folder, needs="trace"),
    Case("trace: trace_info.yaml a dangling link", INFO, link("/nowhere/at/all"), needs="trace"),
    Case("trace: unknown key", INFO, having(colour="green"), needs="trace"),
    Case("trace: key that is no word", INFO, having(**{"a b": 1}), needs="trace"),
    Case("trace: a key that is a number", INFO, added("7: x\n"), needs="trace"),
    Case("trace: assessments in it", INFO, having(assessments=[{"a": 1}]), needs="trace"),
    Case("trace: assessments null", INFO, having(assessments=None), needs="trace"),
    Case("trace: folder not readable", TRACE, mode(0), needs="trace"),
    Case("trace: folder may be entered, not listed", TRACE, mode(0o111), needs="trace"),
    Case("trace: copied folder", TRACE, copied("tr-" + OTHER), "{first}/traces/tr-" + OTHER, needs="trace"),
    Case(
        "trace: copied to another experiment",
        TRACE,
        copied("/OTHER/traces/SAME"),
        "{second}/traces/{trace}",
        needs="trace",
    ),
    Case("trace: trace_info.yaml exchanged with another's", INFO, exchanged, needs="trace"),
    Case("trace: trace_info.yaml another's, copied", INFO, over(), needs="trace"),
    Case(
        "trace: copied folder, then tagged",
        TRACE,
        copied("tr-" + OTHER, lambda path: file("x")(path.with_name("tags") / "more")),
        "{first}/traces/tr-" + OTHER,
        needs="trace",
    ),
    Case("trace: renamed folder", TRACE, moved("tr-" + OTHER), "{first}/traces/tr-" + OTHER, needs="trace"),
    Case("trace: stray file in traces", "{first}/traces/notes.txt", file("x"), needs="trace"),
    Case("trace: stray hidden folder in traces", "{first}/traces/.ipynb_checkpoints", folder, needs="trace"),
    Case("trace: tag not UTF-8", TRACE + "/tags/x", file(b"\xff"), needs="trace"),
    Case("trace: tag name refused", TRACE + "/tags/a?b", file("x"), needs="trace"),
    Case("trace: tag a FIFO", TRACE + "/tags/x", pipe, needs="trace"),
    Case("trace: metadata not UTF-8", TRACE + "/request_metadata/x", file(b"\xff"), needs="trace"),
    Case("trace: metadata name refused", TRACE + "/request_metadata/a?b", file("x"), needs="trace"),
    Case("trace: metadata not readable", TRACE + "/request_metadata/x", both(file("x"), mode(0)), needs="trace"),
    Case("trace: metadata missing", TRACE + "/request_metadata", gone, needs="trace"),
    Case("trace: tags missing", TRACE + "/tags", gone, needs="trace"),
    Case("trace: tags a file", TRACE + "/tags", file("x"), needs="trace"),
    Case(
        "trace: artifacts missing",
        TRACE + "/artifacts",
        lambda path: gone(path) if path.exists() else None,
        needs="trace",
    ),
    Case("trace: run is gone", TRACE + "/request_metadata/mlflow.sourceRun", file(OTHER), needs="trace"),
    Case(
        "trace: run of the store",
        TRACE + "/request_metadata/mlflow.sourceRun",
        lambda path: path.write_text(_some_run(path)),
        needs="trace",
    ),
    Case("trace: model is gone", TRACE + "/request_metadata/mlflow.modelId", file("m-" + OTHER), needs="trace"),
    Case(
        "trace: token usage not JSON", TRACE + "/request_metadata/mlflow.trace.tokenUsage", file("many"), needs="trace"
    ),
    Case(
        "trace: token usage a word",
        TRACE + "/request_metadata/mlflow.trace.tokenUsage",
        file('{"input_tokens": "x"}'),
        needs="trace",
    ),
    Case("trace: cost not JSON", TRACE + "/request_metadata/mlflow.trace.cost", file("much"), needs="trace"),
    Case("trace: cost a list", TRACE + "/request_metadata/mlflow.trace.cost", file("[1]"), needs="trace"),
    Case(
        "trace: a link to another one",
        "{first}/traces/tr-" + OTHER,
        lambda path: path.symlink_to(sorted(path.parent.iterdir())[0]),
        needs="trace",
    ),
    Case("trace: kept elsewhere", TRACE, kept_elsewhere, needs="trace"),
    Case("traces: a file", "{second}/traces", file("x"), needs="trace"),
    Case("traces: not readable", "{first}/traces", mode(0), needs="trace"),
    Case("traces: all gone", "{first}/traces", gone, needs="trace"),
]

TRACES_3 = [
    *(
        Case(f"trace: {key} missing", INFO, without(key), needs="assessments")
        for key in ("trace_id", "request_time", "state", "trace_location", "execution_duration_ms", "request_preview")
    ),
    *(
        Case(f"trace: {key} null", INFO, having(**{key: None}), needs="assessments")
        for key in ("trace_id", "request_time", "state", "trace_location", "execution_duration_ms", "request_preview")
    ),
    Case("trace: state a bogus word", INFO, having(state="ZOMBIE"), needs="assessments"),
    Case("trace: state a number", INFO, having(state=1), needs="assessments"),
    Case("trace: request_time a word", INFO, having(request_time="yesterday"), needs="assessments"),
    Case("trace: request_time a number", INFO, having(request_time=1700000000000), needs="assessments"),
    Case("trace: request_time without a zone", INFO, having(request_time="2025-01-01T00:00:00"), needs="assessments"),
    Case(
        "trace: request_time with an offset",
        INFO,
        having(request_time="2025-01-01T00:00:00+02:00"),
        needs="assessments",
    ),
    Case(
        "trace: request_time unquoted",
        INFO,
        lambda path: path.write_text(path.read_text().replace("'", "")),
        needs="assessments",
    ),
    Case("trace: trace_id of another", INFO, having(trace_id="tr-" + OTHER), needs="assessments"),
    Case("trace: trace_id a number", INFO, having(trace_id=7), needs="assessments"),
    Case("trace: trace_location a word", INFO, having(trace_location="here"), needs="assessments"),
    Case(
        "trace: trace_location without a type",
        INFO,
        having(trace_location={"mlflow_experiment": {"experiment_id": "1"}}),
        needs="assessments",
    ),
    Case("trace: trace_location of a bogus type", INFO, having(trace_location={"type": "X"}), needs="assessments"),
    Case(
        "trace: trace_location without experiment",
        INFO,
        having(trace_location={"type": "MLFLOW_EXPERIMENT"}),
        needs="assessments",
    ),
    Case(
        "trace: trace_location without experiment id",
        INFO,
        having(trace_location={"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"x": 1}}),
        needs="assessments",
    ),
    Case(
        "trace: trace_location of another type",
        INFO,
        having(trace_location={"type": "INFERENCE_TABLE", "mlflow_experiment": {"experiment_id": "1"}}),
        needs="assessments",
    ),
    Case(
        "trace: experiment of another",
        INFO,
        having(trace_location={"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "1"}}),
        needs="assessments",
    ),
    Case("trace: execution_duration_ms a word", INFO, having(execution_duration_ms="long"), needs="assessments"),
    Case("trace: execution_duration as well", INFO, having(execution_duration=7), needs="assessments"),
    Case("trace: request_preview a list", INFO, having(request_preview=["a"]), needs="assessments"),
    Case("trace: request_id added", INFO, having(request_id="x"), needs="assessments"),
    Case("trace: tags in it", INFO, having(tags={"a": "b"}), needs="assessments"),
]

NOTE = TRACE + "/assessments"


def _one_with_assessments(path):
    return next(one.parent.name for one in path.parent.parent.glob("*/assessments") if one != path)


ASSESSMENTS = [
    Case("assessments: a file", NOTE, file("x"), needs="assessments"),
    Case("assessments: not readable", NOTE, mode(0), needs="assessments"),
    Case("assessments: empty folder", NOTE, folder, needs="assessments"),
    Case("assessments: kept elsewhere", NOTE, kept_elsewhere, needs="assessments"),
    Case(
        "assessments: a link to those of another trace",
        "{first}/traces/{trace2}/assessments",
        lambda path: link(f"../{_one_with_assessments(path)}/assessments")(path),
        needs="assessments",
    ),
    Case("assessments: stray file", NOTE + "/notes.txt", file("x"), needs="assessments"),
    Case("assessments: stray file of the Finder", NOTE + "/.DS_Store", file("x"), needs="assessments"),
    Case("assessments: stray folder", NOTE + "/sub", folder, needs="assessments"),
    Case("assessment: of 0 bytes", NOTE, first_in(file("")), needs="assessments"),
    Case("assessment: not YAML", NOTE, first_in(file("a: [")), needs="assessments"),
    Case("assessment: a list", NOTE, first_in(file("- a\n")), needs="assessments"),
    Case("assessment: not readable", NOTE, first_in(mode(0)), needs="assessments"),
    Case("assessment: a dangling link", NOTE + "/a-x.yaml", link("/nowhere/at/all"), needs="assessments"),
    Case("assessment: copied", NOTE, first_in(copied("a-copy.yaml")), needs="assessments"),
    Case("assessment: renamed with more dots", NOTE, first_in(moved("a-x.bak.yaml")), needs="assessments"),
    *(
        Case(f"assessment: {key} missing", NOTE, first_in(without(key)), needs="assessments")
        for key in (
            "assessment_id",
            "assessment_name",
            "trace_id",
            "source",
            "create_time",
            "last_update_time",
            "valid",
        )
    ),
    Case("assessment: no value", NOTE, first_in(lambda path: _no_value(path)), needs="assessments"),
    Case(
        "assessment: feedback without value",
        NOTE,
        first_in(lambda path: _only(path, feedback={"x": 1})),
        needs="assessments",
    ),
    Case("assessment: feedback null", NOTE, first_in(lambda path: _only(path, feedback=None)), needs="assessments"),
    Case("assessment: feedback a word", NOTE, first_in(lambda path: _only(path, feedback="good")), needs="assessments"),
    Case(
        "assessment: feedback with an error",
        NOTE,
        first_in(lambda path: _only(path, feedback={"value": 1, "error": {"error_code": "X"}})),
        needs="assessments",
    ),
    Case(
        "assessment: feedback with a bad error",
        NOTE,
        first_in(lambda path: _only(path, feedback={"value": 1, "error": {"x": 1}})),
        needs="assessments",
    ),
    Case(
        "assessment: expectation",
        NOTE,
        first_in(lambda path: _only(path, expectation={"value": [1]})),
        needs="assessments",
    ),
    Case(
        "assessment: expectation serialized",
        NOTE,
        first_in(lambda path: _only(path, expectation={"serialized_value": {"value": "[1]"}})),
        needs="assessments",
    ),
    Case(
        "assessment: expectation serialized, not JSON",
        NOTE,
        first_in(lambda path: _only(path, expectation={"serialized_value": {"value": "["}})),
        needs="assessments",
    ),
    Case("assessment: issue", NOTE, first_in(lambda path: _only(path, issue={"issue_name": "x"})), needs="assessments"),
    Case(
        "assessment: issue without name",
        NOTE,
        first_in(lambda path: _only(path, issue={"x": "x"})),
        needs="assessments",
    ),
    Case(
        "assessment: source type bogus",
        NOTE,
        first_in(having(source={"source_type": "ROBOT", "source_id": "x"})),
        needs="assessments",
    ),
    Case(
        "assessment: source type in small letters",
        NOTE,
        first_in(having(source={"source_type": "human"})),
        needs="assessments",
    ),
    Case(
        "assessment: source type old", NOTE, first_in(having(source={"source_type": "AI_JUDGE"})), needs="assessments"
    ),
    Case(
        "assessment: source with more keys",
        NOTE,
        first_in(having(source={"source_type": "HUMAN", "x": 1})),
        needs="assessments",
    ),
    Case("assessment: source null", NOTE, first_in(having(source=None)), needs="assessments"),
    Case("assessment: create_time a word", NOTE, first_in(having(create_time="now")), needs="assessments"),
    Case("assessment: create_time a number", NOTE, first_in(having(create_time=1700000000000)), needs="assessments"),
    Case("assessment: metadata a list", NOTE, first_in(having(metadata=["a"])), needs="assessments"),
    Case("assessment: metadata a word", NOTE, first_in(having(metadata="a")), needs="assessments"),
    Case(
        "assessment: run is gone",
        NOTE,
        first_in(having(metadata={"mlflow.assessment.sourceRunId": OTHER})),
        needs="assessments",
    ),
    Case("assessment: unknown key", NOTE, first_in(having(colour="green")), needs="assessments"),
    Case("assessment: of another trace", NOTE, first_in(having(trace_id="tr-" + OTHER)), needs="assessments"),
]


def _a_model(path):
    return sorted(path.parent.parent.parent.glob("[0-9]*/models/m-*"))[0]


def _some_run(path):
    experiment = path.parents[3]
    return next(one.name for one in sorted(experiment.iterdir()) if (one / "params").is_dir())


def _no_value(path):
    _only(path)


def _only(path, **values):
    import yaml

    meta = yaml.safe_load(path.read_text())
    for key in ("feedback", "expectation", "issue"):
        meta.pop(key, None)
    meta.update(values)
    path.write_text(yaml.safe_dump(meta))


_ = os
CASES = [*REGISTRY, *LOGGED_MODELS, *TRACES, *TRACES_3, *ASSESSMENTS]
