"""The least a Textual app with a header, a tree and a footer takes to start: ``inside_bare_start.py NAME …``."""

from __future__ import annotations

import sys

from textual.app import App, ComposeResult
from textual.widgets import Footer, Header, Tree


class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Header()
        tree: Tree[None] = Tree("experiments")
        tree.root.expand()
        for name in sys.argv[1:]:
            tree.root.add_leaf(name)
        yield tree
        yield Footer()


Bare().run()
