"""Several style classes of one node at once."""

from __future__ import annotations

from collections.abc import Mapping

from textual.dom import DOMNode


def set_classes(node: DOMNode, wanted: Mapping[str, bool]) -> None:
    """Put these classes on or take them off. Textual styles everything in a screen anew for each single change."""
    now = node.classes
    then = now.difference(wanted).union(name for name, is_on in wanted.items() if is_on)
    if then != now:
        node.classes = then
