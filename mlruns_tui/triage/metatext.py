"""Metadata files as MLflow writes them (``write_yaml`` in its ``utils/yaml_utils.py``): keys in order, one a line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

# Texts that need no quotes whatever the dumper: words too long to be ``no`` or ``false``, ids with a letter
# in them that no reader takes for a number, URIs of local files.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{5,60}|file:///[A-Za-z0-9_./%-]{0,60}[A-Za-z0-9]")
_HEX: Final = re.compile(r"(?!0b)(?=[0-9]*[a-f])[0-9a-f]{32}")
_DIGITS: Final = re.compile(r"[0-9]{1,60}")


def dump(values: Mapping[str, Any]) -> str:
    """A flat mapping as the text of a metadata file."""
    return "".join(_line(key, values[key]) for key in sorted(values))


def _line(key: str, value: Any) -> str:
    if value is None:
        return f"{key}: null\n"
    if type(value) is int:
        return f"{key}: {value}\n"
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) or _HEX.fullmatch(value):
            return f"{key}: {value}\n"
        if _DIGITS.fullmatch(value) or not value:
            return f"{key}: '{value}'\n"
    if value == []:
        return f"{key}: []\n"
    import yaml

    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump({key: value}, Dumper=dumper, default_flow_style=False, allow_unicode=True))
