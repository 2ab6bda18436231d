"""``mlruns-tui demo``: a store with every kind of trouble."""

from __future__ import annotations

import shlex

import click

from mlruns_tui.model.errors import Exit
from mlruns_tui.report import documents
from mlruns_tui.report.words import plural, size_text

from .console import put_json, say
from .opening import has_terminal, open_screen
from .options import examples, json_options


@click.command(
    "demo",
    epilog=examples("mlruns-tui demo", "mlruns-tui demo --path ~/try --no-tui && mlruns-tui list ~/try/mlruns"),
)
@click.option("--path", "folder", metavar="DIR", help="Write it to DIR/mlruns, to keep; otherwise a temporary folder.")
@click.option("--no-tui", is_flag=True, help="Only write it, do not open the screen.")
@click.option("--seed", type=int, default=7, show_default=True, help="Another number makes another store.")
@json_options("demo")
def command(folder: str | None, no_tui: bool, seed: int, as_json: bool) -> int:
    """Write a demo store (17 experiments, 1,293 runs, two orphaned experiments, models, trash) and open it.

    It is made to be tried on: everything the program does to it is real, and stays in that folder. Without a
    terminal it is only written.
    """
    from mlruns_tui.demo.place import make_place
    from mlruns_tui.demo.store import write_demo
    from mlruns_tui.workflow.reading import open_reader

    place, root = make_place(folder)
    made = write_demo(root, seed=seed)
    remove = f"rm -r {shlex.quote(root if folder is not None else place)}"
    if as_json:
        facts = {
            "path": root, "seed": seed, "files": made.files, "size_bytes": made.size_bytes, "remove_command": remove,
        }  # fmt: skip
        put_json(documents.demo_document(open_reader(root).store, facts))
        return Exit.DONE
    say(f"{root}: a demo store, {size_text(made.size_bytes)} in {plural(made.files, 'file')}")
    if no_tui or not has_terminal():
        store = shlex.quote(root)
        say(
            [
                f"Open it:      mlruns-tui {store}",
                f"List it:      mlruns-tui list {store}",
                f"Look before:  mlruns-tui cleanup {store} --days-old 30 --dry-run",
                f"Clean it up:  mlruns-tui cleanup {store} --days-old 30 --force",
                f"Take it back: mlruns-tui undo {store}",
                f"Remove it:    {remove}",
            ]
        )
        return Exit.DONE
    try:
        return open_screen(root)
    finally:
        say(f"The demo store is still there. Remove it:  {remove}")
