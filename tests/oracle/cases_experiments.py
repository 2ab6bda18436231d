"""Ways to break the root of a store, its trash, and its experiments."""

from __future__ import annotations

import datetime
import os

from breaking import (
    BOMB,
    MANY,
    Case,
    added,
    both,
    copied,
    cut,
    exchanged,
    file,
    folder,
    gone,
    having,
    holding,
    inside,
    kept_elsewhere,
    link,
    mode,
    moved,
    nothing,
    over,
    pipe,
    replaced,
    torn,
    without,
)

LONG = "a" * 65


def _without_meta_in_trash(path):
    (path.parent / ".trash" / path.name / "meta.yaml").unlink()


def _log_more(path):
    for metric in path.glob("*/metrics/loss"):
        metric.write_text(metric.read_text() + "1700000000000 0.5 99\n")


META = "{second}/meta.yaml"

ROOT = [
    Case("root: backups folder", "backups", folder),
    Case("root: backups folder with copies", "backups/20240101/1/meta.yaml", file("experiment_id: '1'\n"), "backups"),
    Case("root: hidden backups folder", ".backups", folder),
    Case("root: a git repository", ".git", holding("HEAD", "refs/x")),
    Case("root: jupyter checkpoints", ".ipynb_checkpoints", folder),
    Case("root: NAS index folder", "@eaDir", folder),
    Case("root: lost+found", "lost+found", folder),
    Case("root: python cache", "__pycache__", holding("x.pyc")),
    Case("root: a name with a space", "my experiment", folder),
    Case("root: a name of 65 characters", LONG, folder),
    Case("root: a name of 64 characters", LONG[:64], folder),
    Case("root: a name with a leading dash", "-x", folder),
    Case("root: a name with a dot", "v1.0", folder),
    Case("root: a name that is not ASCII", "café", folder),
    Case("root: a name that is not UTF-8", os.fsdecode(b"ab\xff"), folder),
    Case("root: a name that ends in a line feed", "abc\n", folder),
    Case("root: a name ending in .trash", "old.trash", holding("x/meta.yaml")),
    Case("root: a hidden name ending in .trash", ".old.trash", holding("x")),
    Case("root: a valid name with foreign content", "checkpoints", holding("a.pt", "b/c.pt")),
    Case("root: an id-shaped folder with foreign content", "123456789012345678", holding("notes.txt")),
    Case("root: stray files", "notes.txt", both(file("x"), lambda path: path.with_name("123456").write_text("x"))),
    Case("root: a stray file of the Finder", ".DS_Store", file(b"\0\0\0\1Bud1")),
    Case("root: a dangling link", "777", link("/nowhere/at/all")),
    Case("root: a link to itself", "777", link("777")),
    Case("root: a link to the root", "777", link(".")),
    Case("root: a link to the root with a name", "self", link("../mlruns")),
    Case("root: a link to another experiment", "777", lambda path: path.symlink_to(_an_experiment(path))),
    Case("root: a link to the folder above", "777", link("..")),
    Case("root: a link to a folder elsewhere", "777", link("/usr")),
    Case("root: a link to a run", "777", lambda path: path.symlink_to(_a_run(path))),
    Case("root: a link to the registry", "777", link("models"), needs="registry"),
    Case("root: a link to an empty folder in a run", "777", lambda path: path.symlink_to(_a_run(path) / "artifacts")),
    Case("root: a link with a refused name", "my link", link("/usr")),
    Case("root: an experiment kept elsewhere", "{second}", kept_elsewhere),
    Case("root: a link to a file", "777", link("/etc/hostname")),
    Case("root: a FIFO", "777", pipe),
    Case("root: below a folder called artifacts", "{first}", nothing, below="artifacts", found_at="."),
    Case("trash: missing", ".trash", gone),
    Case("trash: a file", ".trash", file("x")),
    Case("trash: a dangling link", ".trash", link("/nowhere/at/all")),
    Case("trash: not readable", ".trash", mode(0)),
    Case("trash: kept elsewhere", ".trash", kept_elsewhere),
    Case("trash: folder without meta.yaml", ".trash/555", folder),
    Case("trash: hidden folder", ".trash/.hidden", folder),
    Case("trash: a link to a folder elsewhere", ".trash/777", link("/usr")),
    Case("trash: name with a space", ".trash/a b", folder),
    Case("trash: a name ending in .trash", ".trash/x.trash", folder),
    Case("trash: a folder called models", ".trash/models", folder),
    Case("trash: stray file", ".trash/notes.txt", file("x")),
    Case("trash: same id as an active one", "{second}", copied("/.trash/SAME"), ".trash/{second}"),
    Case("trash: same id, an empty folder there", ".trash/0", folder),
    Case(
        "trash: same id, no meta.yaml there",
        "{second}",
        both(copied("/.trash/SAME"), _without_meta_in_trash),
        ".trash/{second}",
    ),
    Case("trash: folder may be listed, not entered", ".trash", mode(0o444)),
    Case("trash: same id, and unreadable there", "{second}", copied("/.trash/SAME", file("")), ".trash/{second}"),
]


def _an_experiment(path):
    return next(one for one in sorted(path.parent.iterdir()) if one.name.isdigit() and one.name != "0")


def _a_run(path):
    found = (one for one in sorted(_an_experiment(path).iterdir()) if len(one.name) == 32)
    return next(found)


EXPERIMENTS = [
    Case("experiment: meta.yaml missing", META, gone),
    Case("experiment: an empty folder", "{second}", folder),
    Case("experiment: only artifacts", "{second}", both(folder, holding("ab" * 16 + "/artifacts/model.pkl"))),
    Case(
        "experiment: no run in it",
        "4711",
        copied("x")
        and both(
            folder,
            inside(
                "meta.yaml",
                file("artifact_location: file:///x/4711\nexperiment_id: '4711'\nlifecycle_stage: active\nname: new\n"),
            ),
        ),
    ),
    Case("experiment: meta.yaml of 0 bytes", META, file("")),
    Case("experiment: meta.yaml only comments", META, file("# nothing\n\n")),
    Case("experiment: meta.yaml says null", META, file("null\n")),
    Case("experiment: meta.yaml cut in a key", META, torn),
    Case("experiment: meta.yaml cut in half", META, cut(0.5)),
    Case("experiment: meta.yaml not YAML", META, file("name: [unclosed\n: : :\n")),
    Case("experiment: meta.yaml with a tab", META, replaced("name: ", "\tname: ")),
    Case("experiment: meta.yaml with NUL bytes", META, added("x: \0\0\0\n")),
    Case("experiment: meta.yaml all NUL bytes", META, file(b"\0" * 300)),
    Case("experiment: meta.yaml not UTF-8", META, added(b"x: caf\xe9\n")),
    Case("experiment: meta.yaml UTF-16", META, file("experiment_id: '1'\n".encode("utf-16"))),
    Case(
        "experiment: meta.yaml with a byte order mark",
        META,
        lambda path: path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes()),
    ),
    Case(
        "experiment: meta.yaml with CR LF",
        META,
        lambda path: path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n")),
    ),
    Case("experiment: meta.yaml two documents", META, added("---\nname: x\n")),
    Case("experiment: meta.yaml a list", META, file("- a\n- b\n")),
    Case("experiment: meta.yaml plain text", META, file("hello world\n")),
    Case("experiment: meta.yaml a number", META, file("42\n")),
    Case("experiment: meta.yaml an empty mapping", META, file("{}\n")),
    Case("experiment: meta.yaml an unknown tag", META, added("x: !!python/object:os.system {}\n")),
    Case("experiment: meta.yaml an impossible date", META, added("x: 2024-13-45\n")),
    Case("experiment: experiment_id missing", META, without("experiment_id")),
    Case("experiment: name missing", META, without("name")),
    Case("experiment: artifact_location missing", META, without("artifact_location")),
    Case("experiment: lifecycle_stage missing", META, without("lifecycle_stage")),
    Case("experiment: times missing", META, without("creation_time", "last_update_time")),
    Case("experiment: experiment_id of another", META, having(experiment_id="99")),
    Case("experiment: experiment_id null", META, having(experiment_id=None)),
    Case("experiment: experiment_id unquoted", META, lambda path: path.write_text(path.read_text().replace("'", ""))),
    Case("experiment: experiment_id a list", META, having(experiment_id=["1"])),
    Case("experiment: name null", META, having(name=None)),
    Case("experiment: name a number", META, having(name=42)),
    Case("experiment: name a list", META, having(name=["a"])),
    Case("experiment: name a date", META, having(name=datetime.date(2024, 1, 1))),
    Case("experiment: name empty", META, having(name="")),
    Case("experiment: name of another", META, having(name="vision/resnet")),
    Case("experiment: name of a trashed one", META, having(name="old tries")),
    Case("experiment: artifact_location null", META, having(artifact_location=None)),
    Case("experiment: artifact_location a list", META, having(artifact_location=["a"])),
    Case("experiment: artifact_location elsewhere", META, having(artifact_location="s3://bucket/x")),
    Case("experiment: lifecycle_stage a bogus word", META, having(lifecycle_stage="zombie")),
    Case("experiment: lifecycle_stage null", META, having(lifecycle_stage=None)),
    Case("experiment: lifecycle_stage a number", META, having(lifecycle_stage=1)),
    Case("experiment: deleted, but in the root", META, having(lifecycle_stage="deleted")),
    Case("experiment: active, but in the trash", ".trash/{gone}/meta.yaml", having(lifecycle_stage="active")),
    Case("experiment: unknown keys", META, having(colour="green", more={"a": [1]})),
    Case("experiment: creation_time a word", META, having(creation_time="yesterday")),
    Case("experiment: creation_time null", META, having(creation_time=None)),
    Case("experiment: creation_time a date", META, having(creation_time=datetime.date(2024, 1, 1))),
    Case("experiment: creation_time with a fraction", META, having(creation_time=1.5e12)),
    Case("experiment: creation_time beyond 64 bits", META, having(creation_time=1 << 70)),
    Case("experiment: last_update_time a word", META, having(last_update_time="yesterday")),
    Case("experiment: workspace a number", META, having(workspace=5)),
    Case("experiment: workspace null", META, having(workspace=None)),
    Case("experiment: meta.yaml nothing but an alias bomb", META, file(BOMB)),
    Case("experiment: meta.yaml with an alias bomb", META, added(BOMB)),
    Case("experiment: meta.yaml of thousands of other keys", META, file(MANY)),
    Case("experiment: meta.yaml with thousands of keys", META, added(MANY)),
    Case("experiment: meta.yaml a folder", META, folder),
    Case("experiment: meta.yaml not readable", META, mode(0)),
    Case("experiment: meta.yaml a dangling link", META, link("/nowhere/at/all")),
    Case("experiment: meta.yaml kept elsewhere", META, kept_elsewhere),
    Case("experiment: meta.yaml a FIFO", META, pipe),
    Case("experiment: folder not readable", "{second}", mode(0)),
    Case("experiment: folder may be entered, not listed", "{second}", mode(0o111)),
    Case("experiment: folder may be listed, not entered", "{second}", mode(0o444)),
    Case("experiment: copied as -copy", "{second}", copied("SAME-copy"), "{second}-copy"),
    Case("experiment: copied as .bak", "{second}", copied("SAME.bak"), "{second}.bak"),
    Case("experiment: copied as (copy)", "{second}", copied("SAME (copy)"), "{second} (copy)"),
    Case("experiment: copied under another number", "{second}", copied("888"), "888"),
    Case("experiment: copied and numbered anew", "{second}", copied("888", having(experiment_id="888")), "888"),
    Case(
        "experiment: copied under another number, then went on",
        "{second}",
        copied("888", lambda path: _log_more(path.parent)),
        "888",
    ),
    Case("experiment: meta.yaml exchanged with another's", META, exchanged),
    Case("experiment: folder exchanged with another's", "{second}", exchanged),
    Case("experiment: meta.yaml another's, copied", META, over()),
    Case("experiment: meta.yaml another's, linked", META, over(os.link)),
    Case("experiment: renamed folder", "{second}", moved("999"), "999"),
    Case("experiment: an id that is no number", "{second}", moved("churn", having(experiment_id="churn")), "churn"),
    Case("experiment: an id with underscores", "{second}", moved("1_000", having(experiment_id="1_000")), "1_000"),
    Case("experiment: an id with leading zeros", "{second}", moved("007", having(experiment_id="007")), "007"),
    Case("experiment: an id beyond 64 bits", "{second}", moved("9" * 20, having(experiment_id="9" * 20)), "9" * 20),
    Case(
        "experiment: called artifacts", "{second}", moved("artifacts", having(experiment_id="artifacts")), "artifacts"
    ),
    Case("experiment: in the trash, meta.yaml missing", ".trash/{gone}/meta.yaml", gone),
    Case("experiment: in the trash, meta.yaml of 0 bytes", ".trash/{gone}/meta.yaml", file("")),
    Case("experiment: in the trash, not YAML", ".trash/{gone}/meta.yaml", file("a: [")),
    Case("experiment: in the trash, name missing", ".trash/{gone}/meta.yaml", without("name")),
    Case("experiment: in the trash, id of another", ".trash/{gone}/meta.yaml", having(experiment_id="99")),
    Case("experiment: in the trash, folder not readable", ".trash/{gone}", mode(0)),
    Case("experiment tag: not UTF-8", "{first}/tags/team", file(b"caf\xe9"), needs="experiment_tags"),
    Case("experiment tag: a name MLflow refuses", "{first}/tags/a?b", file("x"), needs="experiment_tags"),
    Case("experiment tag: a name with two leading dots", "{first}/tags/..a", file("x"), needs="experiment_tags"),
    Case(
        "experiment tag: a name that is not UTF-8",
        "{first}/tags/" + os.fsdecode(b"ab\xff"),
        file("x"),
        needs="experiment_tags",
    ),
    Case(
        "experiment tag: stray file of the Finder",
        "{first}/tags/.DS_Store",
        file(b"\0\0\0\1Bud1\xff\xfe"),
        needs="experiment_tags",
    ),
    Case("experiment tag: empty", "{first}/tags/team", file(""), needs="experiment_tags"),
    Case("experiment tag: not readable", "{first}/tags/team", mode(0), needs="experiment_tags"),
    Case("experiment tag: a dangling link", "{first}/tags/team", link("/nowhere/at/all"), needs="experiment_tags"),
    Case("experiment tag: a link to a folder", "{first}/tags/team", link("/usr"), needs="experiment_tags"),
    Case("experiment tag: a FIFO", "{first}/tags/team", pipe, needs="experiment_tags"),
    Case("experiment tags: a file", "{first}/tags", file("x"), needs="experiment_tags"),
    Case("experiment tags: missing", "{first}/tags", gone, needs="experiment_tags"),
    Case("experiment tags: not readable", "{first}/tags", mode(0), needs="experiment_tags"),
    Case("experiment tags: may be listed, not entered", "{first}/tags", mode(0o444), needs="experiment_tags"),
    Case(
        "experiment tags: may be listed, not entered, only a folder in it",
        "{first}/tags",
        both(folder, inside("a", folder), mode(0o444)),
        needs="experiment_tags",
    ),
    Case("experiment tag: not UTF-8, in the trash", ".trash/{gone}/tags/x", file(b"caf\xe9"), needs="experiment_tags"),
]

CASES = [*ROOT, *EXPERIMENTS]
