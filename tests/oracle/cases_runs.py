"""Ways to break runs: their metadata, folders, metrics, params, tags, inputs and outputs."""

from __future__ import annotations

import datetime
import os
import shutil

from breaking import (
    BOMB,
    MANY,
    Case,
    added,
    both,
    copied,
    endpoint,
    exchanged,
    file,
    first_in,
    first_meta_in,
    folder,
    gone,
    having,
    holding,
    inside,
    kept_elsewhere,
    link,
    mode,
    moved,
    over,
    pipe,
    torn,
    without,
)

RUN = "{second}/{plain}"
META = RUN + "/meta.yaml"
METRIC = RUN + "/metrics/loss"
OTHER = "ab" * 16


def _a_folder_in_a_closed_one(path):
    (path / "b").mkdir(parents=True)
    path.chmod(0o444)


def _nest(path):
    """As an artifact store inside the store looks: a run in the artifacts of another one."""
    other = next(one for one in sorted(path.parent.iterdir()) if one.is_dir() and one != path)
    shutil.copytree(other, path / "artifacts" / other.name)


METADATA = [
    Case("run: meta.yaml missing", META, gone),
    Case("run: only artifacts", RUN, both(folder, holding("artifacts/model.pkl"))),
    Case("run: an empty folder", RUN, folder),
    Case("run: meta.yaml of 0 bytes", META, file("")),
    Case("run: meta.yaml only comments", META, file("# nothing\n")),
    Case("run: meta.yaml cut in a key", META, torn),
    Case("run: meta.yaml not YAML", META, file("a: [b\n")),
    Case("run: meta.yaml with NUL bytes", META, added(b"x: \0\0\n")),
    Case("run: meta.yaml not UTF-8", META, added(b"x: caf\xe9\n")),
    Case("run: meta.yaml a list", META, file("- a\n")),
    Case("run: meta.yaml plain text", META, file("hello\n")),
    Case("run: meta.yaml an empty mapping", META, file("{}\n")),
    Case("run: meta.yaml nothing but an alias bomb", META, file(BOMB)),
    Case("run: meta.yaml with an alias bomb", META, added(BOMB)),
    Case("run: meta.yaml of thousands of other keys", META, file(MANY)),
    Case("run: meta.yaml with thousands of keys", META, added(MANY)),
    Case("run: meta.yaml with a number of 5000 digits", META, added("x: " + "9" * 5000 + "\n")),
    Case("run: meta.yaml with a number of 4000 digits", META, added("x: " + "9" * 4000 + "\n")),
    Case("run: meta.yaml with an alias of nothing", META, added("x: *nothing\n")),
    Case("run: meta.yaml nothing but 3 MB of text", META, file("x: " + "y" * 3_000_000 + "\n")),
    Case("run: meta.yaml with 3 MB of text", META, added("x: " + "y" * 3_000_000 + "\n")),
    Case("run: meta.yaml nested 60 deep", META, added("x: " + "[" * 60 + "]" * 60 + "\n")),
    Case("run: meta.yaml nothing but nested 500 deep", META, file("x: " + "[" * 500 + "]" * 500 + "\n")),
    Case("run: meta.yaml a folder", META, folder),
    Case("run: meta.yaml not readable", META, mode(0)),
    Case("run: meta.yaml a dangling link", META, link("/nowhere/at/all")),
    Case("run: meta.yaml kept elsewhere", META, kept_elsewhere),
    Case("run: meta.yaml a FIFO", META, pipe),
    Case("run: meta.yaml a socket", META, endpoint),
    Case("run: meta.yaml a link to /dev/null", META, link("/dev/null")),
    Case("run: run_id missing", META, without("run_id")),
    Case("run: run_id only, no run_uuid", META, lambda path: having()(path) or _drop(path, "run_uuid")),
    Case("run: run_uuid only", META, lambda path: _only_uuid(path)),
    Case("run: run_uuid of another", META, having(run_uuid=OTHER)),
    Case("run: experiment_id missing", META, without("experiment_id")),
    Case("run: status missing", META, without("status")),
    Case("run: lifecycle_stage missing", META, without("lifecycle_stage")),
    Case("run: artifact_uri missing", META, without("artifact_uri")),
    Case("run: start_time missing", META, without("start_time")),
    Case("run: end_time missing", META, without("end_time")),
    Case("run: user_id missing", META, without("user_id")),
    Case("run: run_name missing", META, without("run_name")),
    Case("run: run_id null", META, having(run_id=None)),
    Case("run: run_id of another", META, having(run_id=OTHER)),
    Case("run: run_id a number", META, having(run_id=42)),
    Case("run: experiment_id null", META, having(experiment_id=None)),
    Case("run: experiment_id of another", META, having(experiment_id="0")),
    Case("run: experiment_id a number", META, lambda path: _number(path)),
    Case("run: experiment_id with a fraction", META, having(experiment_id=1.5)),
    Case("run: start_time null", META, having(start_time=None)),
    Case("run: start_time a word", META, having(start_time="yesterday")),
    Case("run: start_time a date", META, having(start_time=datetime.date(2024, 1, 1))),
    Case("run: start_time with a fraction", META, having(start_time=1.5e12)),
    Case("run: start_time beyond 64 bits", META, having(start_time=1 << 70)),
    Case("run: start_time true", META, having(start_time=True)),
    Case("run: end_time null", META, having(end_time=None)),
    Case("run: end_time a word", META, having(end_time="yesterday")),
    Case("run: end_time a list", META, having(end_time=[1])),
    Case("run: user_id null", META, having(user_id=None)),
    Case("run: user_id a number", META, having(user_id=1000)),
    Case("run: user_id a list", META, having(user_id=["me"])),
    Case("run: run_name a number", META, having(run_name=42)),
    Case("run: run_name a list", META, having(run_name=["a"])),
    Case("run: artifact_uri elsewhere", META, having(artifact_uri="s3://bucket/x")),
    Case("run: artifact_uri a list", META, having(artifact_uri=["s3://bucket/x"])),
    Case("run: deleted_time a word", META, having(deleted_time="yesterday")),
    Case("run: status 99", META, having(status=99)),
    Case("run: status 0", META, having(status=0)),
    Case("run: status a word", META, having(status="FINISHED")),
    Case("run: status a bogus word", META, having(status="NOTHING")),
    Case("run: status null", META, having(status=None)),
    Case("run: status with a fraction", META, having(status=3.0)),
    Case("run: status true", META, having(status=True)),
    Case("run: status a list", META, having(status=[3])),
    Case("run: lifecycle_stage a bogus word", META, having(lifecycle_stage="zombie")),
    Case("run: lifecycle_stage null", META, having(lifecycle_stage=None)),
    Case("run: lifecycle_stage a list", META, having(lifecycle_stage=["active"])),
    Case("run: unknown keys", META, having(colour="green")),
    Case("run: tags a mapping", META, having(tags={"a": "b"})),
    Case("run: source_type a word", META, having(source_type="NOTEBOOK")),
    Case("run: deleted, meta.yaml of 0 bytes", "{second}/{deleted}/meta.yaml", file("")),
    Case("run: deleted, artifacts missing", "{second}/{deleted}/artifacts", gone),
    Case("run: deleted, bad metric", "{second}/{deleted}/metrics/loss", file("1\n")),
    Case("run: in the trash, meta.yaml of 0 bytes", ".trash/{gone}/{old}/meta.yaml", file("")),
    Case("run: in the trash, bad metric", ".trash/{gone}/{old}/metrics/loss", file("1\n")),
    Case("run: folder not readable", RUN, mode(0)),
    Case("run: folder may be entered, not listed", RUN, mode(0o111)),
    Case("run: folder may be listed, not entered", RUN, mode(0o444)),
    Case("run: copied as -copy", RUN, copied("SAME-copy"), RUN + "-copy"),
    Case("run: copied as .bak", RUN, copied("SAME.bak"), RUN + ".bak"),
    Case("run: copied under another id", RUN, copied(OTHER), "{second}/" + OTHER),
    Case("run: copied and given its id", RUN, copied(OTHER, having(run_id=OTHER, run_uuid=OTHER)), "{second}/" + OTHER),
    Case("run: meta.yaml exchanged with another's", META, exchanged, "{second}"),
    Case("run: folder exchanged with another's", RUN, exchanged, "{second}"),
    Case("run: meta.yaml another's, copied", META, over()),
    Case("run: meta.yaml another's, linked", META, over(os.link)),
    Case(
        "run: meta.yaml moved into another folder",
        META,
        lambda path: (
            holding("artifacts/x")(path.parent.with_name(OTHER))
            or path.rename(path.parent.with_name(OTHER) / "meta.yaml")
        ),
        "{second}",
    ),
    Case("run: meta.yaml handed round", META, lambda path: _hand_round(path), "{second}"),
    Case(
        "run: copied under another id, then went on",
        RUN,
        copied(OTHER, lambda path: added("1 2 3\n")(path.parent / "metrics" / "loss")),
        "{second}/" + OTHER,
    ),
    Case(
        "run: copied to the default experiment, adapted, with 3 MB of text",
        RUN,
        copied("/0/SAME", having(experiment_id="0"), added("x: " + "y" * 3_000_000 + "\n")),
        "0/{plain}",
    ),
    Case("run: renamed folder", RUN, moved(OTHER), "{second}/" + OTHER),
    Case(
        "run: an id MLflow refuses", RUN, moved("my run", having(run_id="my run", run_uuid="my run")), "{second}/my run"
    ),
    Case("run: moved to another experiment", RUN, moved("/OTHER/SAME"), "{first}/{plain}"),
    Case("run: copied to another experiment", RUN, copied("/OTHER/SAME"), "{first}/{plain}"),
    Case(
        "run: copied to the default experiment, adapted", RUN, copied("/0/SAME", having(experiment_id="0")), "0/{plain}"
    ),
    Case("run: copied to the trash, adapted", RUN, lambda path: _into_trash(path), ".trash/555/{plain}"),
    Case("run: nested in the artifacts of a run", RUN, _nest),
    Case("run: kept elsewhere", RUN, kept_elsewhere),
    Case("run: a link to a run of this experiment", "{second}/" + OTHER, lambda path: path.symlink_to(_a_run(path))),
    Case(
        "run: a link to a run of another experiment", "0/" + OTHER, lambda path: path.symlink_to(_a_run_elsewhere(path))
    ),
    Case("run: parent is gone", RUN + "/tags/mlflow.parentRunId", file(OTHER)),
    Case("run: artifacts missing", RUN + "/artifacts", gone),
    Case("run: metrics missing", RUN + "/metrics", gone),
    Case("run: params missing", RUN + "/params", gone),
    Case("run: tags missing", RUN + "/tags", gone),
    Case("run: artifacts a file", RUN + "/artifacts", file("x")),
    Case("run: metrics a file", RUN + "/metrics", file("x")),
    Case("run: params a dangling link", RUN + "/params", link("/nowhere/at/all")),
    Case("run: tags a file", RUN + "/tags", file("x")),
    Case("run: artifacts kept elsewhere", RUN + "/artifacts", kept_elsewhere),
    Case("run: artifacts not readable", RUN + "/artifacts", mode(0)),
    Case("run: metrics not readable", RUN + "/metrics", mode(0)),
    Case("run: params not readable", RUN + "/params", mode(0)),
    Case("run: params may be listed, not entered", RUN + "/params", mode(0o444)),
    Case("experiment: stray folder", "{second}/checkpoints", holding("a.pt")),
    Case("experiment: stray hidden folder", "{second}/.ipynb_checkpoints", folder),
    Case("experiment: stray folder with a meta.yaml", "{second}/notes", holding("meta.yaml")),
    Case("experiment: stray file", "{second}/notes.txt", file("x")),
    Case("experiment: a link to a folder elsewhere", "{second}/" + OTHER, link("/usr")),
    Case("experiment: a link to an experiment", "{second}/" + OTHER, lambda path: path.symlink_to(path.parent)),
    Case("experiment: a link to an empty folder", "{second}/" + OTHER, link("../.trash")),
    Case("experiment: dangling link", "{second}/" + OTHER, link("/nowhere/at/all")),
    Case("experiment: datasets folder without reader", "{second}/datasets", folder),
]

METRICS = [
    Case("metric: empty file", METRIC, file("")),
    Case("metric: one field", METRIC, added("1700000000000\n")),
    Case("metric: two fields", METRIC, added("1700000000000 0.5\n")),
    Case("metric: four fields", METRIC, added("1700000000000 0.5 7 x\n")),
    Case("metric: five fields", METRIC, added("1700000000000 0.5 7 train abc\n")),
    Case("metric: five fields, step a word", METRIC, added("1700000000000 0.5 x train abc\n")),
    Case("metric: six fields", METRIC, added("1700000000000 0.5 7 train set abc\n")),
    Case("metric: a word for the value", METRIC, added("1700000000000 high 7\n")),
    Case("metric: time with a fraction", METRIC, added("1700000000000.5 0.5 7\n")),
    Case("metric: step with a fraction", METRIC, added("1700000000000 0.5 7.0\n")),
    Case("metric: time a word", METRIC, added("now 0.5 7\n")),
    Case("metric: nan and inf", METRIC, added("1700000000000 nan 7\n1700000000000 inf 8\n1700000000000 -inf 9\n")),
    Case("metric: blank line at the end", METRIC, added("\n")),
    Case("metric: blank line in the middle", METRIC, added("\n1700000000000 0.5 7\n")),
    Case("metric: a line of spaces", METRIC, added("   \n")),
    Case("metric: no line feed at the end", METRIC, added("1700000000000 0.5 7")),
    Case("metric: cut in the last line", METRIC, added("17000")),
    Case("metric: CR LF", METRIC, added("1700000000000 0.5 7\r\n")),
    Case("metric: tabs", METRIC, added("1700000000000\t0.5\t7\n")),
    Case("metric: two spaces", METRIC, added("1700000000000  0.5 7\n")),
    Case("metric: leading space", METRIC, added(" 1700000000000 0.5 7\n")),
    Case("metric: a line repeated", METRIC, added("1700000000000 0.5 7\n1700000000000 0.5 7\n")),
    Case(
        "metric: a line repeated later",
        METRIC,
        added("1700000000000 0.5 7\n1700000000001 0.5 8\n1700000000000 0.5 7\n"),
    ),
    Case("metric: a line repeated in other words", METRIC, added("1700000000000 0.5 7\n1700000000000 5e-1 07\n")),
    Case("metric: nan repeated", METRIC, added("1700000000000 nan 7\n1700000000000 nan 7\n")),
    Case(
        "metric: inf and the largest number",
        METRIC,
        added("1700000000000 inf 7\n1700000000000 1.7976931348623157e308 7\n"),
    ),
    Case("metric: same time, other value", METRIC, added("1700000000000 0.5 7\n1700000000000 0.6 7\n")),
    Case("metric: zero and minus zero", METRIC, added("1700000000000 0.0 7\n1700000000000 -0.0 7\n")),
    Case("metric: repeated without a step", METRIC, added("1700000000000 0.5\n1700000000000 0.5 0\n")),
    Case("metric: not UTF-8", METRIC, added(b"1700000000000 0.5 \xff\n")),
    Case("metric: NUL bytes at the end", METRIC, added(b"\0" * 40)),
    Case("metric: a form feed in a line", METRIC, added("1700000000000 0.5\f7\n")),
    Case("metric: underscores in numbers", METRIC, added("1_700_000_000_000 0.5 7\n")),
    Case("metric: digits of another script", METRIC, added("١٧٠٠ 0.5 ٧\n")),
    Case("metric: time beyond 64 bits", METRIC, added(f"{1 << 70} 0.5 7\n")),
    Case("metric: step beyond 64 bits", METRIC, added(f"1700000000000 0.5 {1 << 70}\n")),
    Case("metric: a number of 5000 digits", METRIC, added("1" * 5000 + " 0.5 7\n")),
    Case("metric: stray file of the Finder", RUN + "/metrics/.DS_Store", file(b"\0\0\0\1Bud1\0\xff")),
    Case("metric: stray text file", RUN + "/metrics/README", file("these are metrics\n")),
    Case("metric: a name MLflow refuses", RUN + "/metrics/a?b", file("1700000000000 0.5 7\n")),
    Case("metric: a name with two leading dots", RUN + "/metrics/..a", file("1700000000000 0.5 7\n")),
    Case("metric: a name with a colon", RUN + "/metrics/a:b c", file("1700000000000 0.5 7\n")),
    Case("metric: a name that is not ASCII", RUN + "/metrics/größe", file("1700000000000 0.5 7\n")),
    Case("metric: a name that is not UTF-8", RUN + "/metrics/" + os.fsdecode(b"a\xff"), file("1700000000000 0.5 7\n")),
    Case("metric: nested, bad", RUN + "/metrics/a/b/c", file("x\n")),
    Case("metric: an empty folder in it", RUN + "/metrics/a/b", folder),
    Case("metric: a folder that is not readable", RUN + "/metrics/val", mode(0)),
    Case("metric: not readable", METRIC, mode(0)),
    Case("metric: a folder in one that may be listed, not entered", RUN + "/metrics/a", _a_folder_in_a_closed_one),
    Case("metric: a dangling link", METRIC, link("/nowhere/at/all")),
    Case("metric: kept elsewhere", METRIC, kept_elsewhere),
    Case("metric: a link to a folder", METRIC, link("/usr")),
    Case("metric: a FIFO", METRIC, pipe),
    Case("metric: a socket", METRIC, endpoint),
    Case("metric: a link to /dev/null", METRIC, link("/dev/null")),
]

PARAMS_AND_TAGS = [
    Case("param: not UTF-8", RUN + "/params/lr", file(b"caf\xe9")),
    Case("param: empty", RUN + "/params/lr", file("")),
    Case("param: with a byte order mark", RUN + "/params/lr", file("\ufeff0.1")),
    Case("param: NUL bytes", RUN + "/params/lr", file(b"0.1\0")),
    Case("param: very long", RUN + "/params/lr", file("x" * 3_000_000)),
    Case("param: not UTF-8, far inside", RUN + "/params/lr", file(b"x" * 200_000 + b"\xff")),
    Case("param: UTF-8 cut at the end", RUN + "/params/lr", file("größe".encode()[:3])),
    Case("param: a name MLflow refuses", RUN + "/params/a?b", file("1")),
    Case("param: a name that is not UTF-8", RUN + "/params/" + os.fsdecode(b"a\xff"), file("1")),
    Case("param: a file NFS left", RUN + "/params/.nfs000000000123", file("0.1")),
    Case("param: stray file of the Finder", RUN + "/params/.DS_Store", file(b"\0\0\0\1Bud1\xff")),
    Case("param: not readable", RUN + "/params/lr", mode(0)),
    Case("param: a folder in one that may be listed, not entered", RUN + "/params/a", _a_folder_in_a_closed_one),
    Case("param: a dangling link", RUN + "/params/lr", link("/nowhere/at/all")),
    Case("param: a FIFO", RUN + "/params/lr", pipe),
    Case("param: a socket", RUN + "/params/lr", endpoint),
    Case("param: a link to /dev/null", RUN + "/params/lr", link("/dev/null")),
    Case("tag: not UTF-8", RUN + "/tags/note", file(b"caf\xe9")),
    Case("tag: a name MLflow refuses", RUN + "/tags/a?b", file("1")),
    Case("tag: not readable", RUN + "/tags/note", mode(0)),
    Case("tag: a dangling link", RUN + "/tags/note", link("/nowhere/at/all")),
    Case("tag: a FIFO", RUN + "/tags/note", pipe),
]

CHILD = "{first}/{child}"
INPUTS = [
    Case("input: folder without meta.yaml", CHILD + "/inputs/x", folder, needs="inputs"),
    Case("input: stray file", CHILD + "/inputs/.DS_Store", file("x"), needs="inputs"),
    Case("input: stray folder in a run without any", RUN + "/inputs/x", folder, needs="inputs"),
    Case("input: meta.yaml of 0 bytes", CHILD + "/inputs", first_meta_in(file("")), needs="inputs"),
    Case("input: meta.yaml not YAML", CHILD + "/inputs", first_meta_in(file("a: [")), needs="inputs"),
    Case("input: meta.yaml a list", CHILD + "/inputs", first_meta_in(file("- a\n")), needs="inputs"),
    *(
        Case(f"input: {key} missing", CHILD + "/inputs", first_meta_in(without(key)), needs="inputs")
        for key in ("source_type", "source_id", "destination_type", "destination_id", "tags")
    ),
    Case("input: source_type unknown", CHILD + "/inputs", first_meta_in(having(source_type="WHAT")), needs="inputs"),
    Case(
        "input: destination_type unknown",
        CHILD + "/inputs",
        first_meta_in(having(destination_type="WHAT")),
        needs="inputs",
    ),
    Case("input: tags null", CHILD + "/inputs", first_meta_in(having(tags=None)), needs="inputs"),
    Case("input: tags a list", CHILD + "/inputs", first_meta_in(having(tags=["a"])), needs="inputs"),
    Case("input: dataset is another", CHILD + "/inputs", first_meta_in(having(source_id=OTHER)), needs="inputs"),
    Case(
        "input: a model that is gone",
        CHILD + "/inputs",
        first_meta_in(having(source_type="MODEL", source_id="m-" + OTHER)),
        needs="inputs",
    ),
    Case("input: folder not readable", CHILD + "/inputs", mode(0), needs="inputs"),
    Case("input: entry not readable", CHILD + "/inputs", first_in(mode(0)), needs="inputs"),
    Case("input: the folder a file", RUN + "/inputs", file("x"), needs="inputs"),
    Case("input: twice the same dataset", CHILD + "/inputs", first_in(copied("y" * 32)), needs="inputs"),
    Case("dataset: folder gone", "{first}/datasets", first_in(gone), CHILD, needs="inputs"),
    Case("dataset: all gone", "{first}/datasets", gone, CHILD, needs="inputs"),
    Case("dataset: the folder a file", "{first}/datasets", file("x"), needs="inputs"),
    Case("dataset: meta.yaml missing", "{first}/datasets", first_meta_in(gone), needs="inputs"),
    Case("dataset: meta.yaml of 0 bytes", "{first}/datasets", first_meta_in(file("")), needs="inputs"),
    Case("dataset: meta.yaml not YAML", "{first}/datasets", first_meta_in(file("a: [")), needs="inputs"),
    Case("dataset: meta.yaml a list", "{first}/datasets", first_meta_in(file("- a\n")), needs="inputs"),
    *(
        Case(f"dataset: {key} missing", "{first}/datasets", first_meta_in(without(key)), needs="inputs")
        for key in ("name", "digest", "source_type", "source", "schema", "profile")
    ),
    Case("dataset: name null", "{first}/datasets", first_meta_in(having(name=None)), needs="inputs"),
    Case("dataset: name a list", "{first}/datasets", first_meta_in(having(name=["a"])), needs="inputs"),
    Case("dataset: not needed, broken", "{first}/datasets/x/meta.yaml", file("- a\n"), needs="inputs"),
    Case("dataset: not needed, empty folder", "{first}/datasets/x", folder, needs="inputs"),
    Case("dataset: copied under another id", "{first}/datasets", first_in(copied("x" * 32)), needs="inputs"),
    Case("dataset: stray file", "{first}/datasets/.DS_Store", file("x"), needs="inputs"),
    Case("dataset: not readable", "{first}/datasets", mode(0), needs="inputs"),
]

PARENT = "{first}/{parent}"
OUTPUTS = [
    Case("output: folder without meta.yaml", PARENT + "/outputs/x", folder, needs="model"),
    Case("output: stray file", PARENT + "/outputs/.DS_Store", file("x"), needs="model"),
    Case("output: meta.yaml of 0 bytes", PARENT + "/outputs/{model}/meta.yaml", file(""), needs="model"),
    Case("output: meta.yaml a list", PARENT + "/outputs/{model}/meta.yaml", file("- a\n"), needs="model"),
    *(
        Case(f"output: {key} missing", PARENT + "/outputs/{model}/meta.yaml", without(key), needs="model")
        for key in ("source_type", "source_id", "destination_type", "destination_id", "tags", "step")
    ),
    Case(
        "output: destination_type unknown",
        PARENT + "/outputs/{model}/meta.yaml",
        having(destination_type="X"),
        needs="model",
    ),
    Case("output: step a word", PARENT + "/outputs/{model}/meta.yaml", having(step="x"), needs="model"),
    Case("output: step null", PARENT + "/outputs/{model}/meta.yaml", having(step=None), needs="model"),
    Case("output: the folder a file", RUN + "/outputs", file("x"), needs="model"),
    Case("output: folder not readable", PARENT + "/outputs", mode(0), needs="model"),
    Case("output: the model is gone", PARENT + "/outputs/{model}", moved("m-" + OTHER), PARENT, needs="model"),
]


def _drop(path, key):
    lines = [line for line in path.read_text().splitlines(True) if not line.startswith(f"{key}:")]
    path.write_text("".join(lines))


def _only_uuid(path):
    text = path.read_text()
    if "run_uuid:" not in text:
        text += f"run_uuid: {path.parent.name}\n"
    path.write_text(text)
    _drop(path, "run_id")


def _number(path):
    having(experiment_id=int(path.parent.parent.name))(path)


def _hand_round(path):
    """Each run gets the metadata of the one before, the last one keeps its own as well."""
    files = sorted(path.parent.parent.glob("*/meta.yaml"))
    texts = [one.read_text() for one in files]
    for one, text in zip(files, texts[1:], strict=False):
        one.write_text(text)


def _into_trash(path):
    place = path.parent.parent / ".trash" / "555"
    copied("/.trash/555/SAME", having(experiment_id="555"))(path)
    file(
        "artifact_location: file:///x\nexperiment_id: '555'\ncreation_time: 1\nlast_update_time: 1\nlifecycle_stage: deleted\nname: more\n"
    )(place / "meta.yaml")


def _a_run(path):
    return next(one for one in sorted(path.parent.iterdir()) if (one / "params").is_dir())


def _a_run_elsewhere(path):
    return next(one.parent for one in sorted(path.parent.parent.glob("[0-9]*/*/params")))


_ = inside
CASES = [*METADATA, *METRICS, *PARAMS_AND_TAGS, *INPUTS, *OUTPUTS]
