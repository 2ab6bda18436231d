"""What the screen does without while it is loaded can be had afterwards."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from mlruns_tui.cli.opening import load_asyncio

load_asyncio()
assert "asyncio" in sys.modules and "ssl" not in sys.modules and "_ssl" not in sys.modules
import asyncio

async def told():
    process = await asyncio.create_subprocess_exec("echo", "still here", stdout=asyncio.subprocess.PIPE)
    print((await process.communicate())[0].decode().strip())

asyncio.run(told())
import ssl

print(bool(ssl.create_default_context()))
"""


def test_asyncio_comes_without_openssl_which_is_there_for_whoever_needs_it() -> None:
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (found.stdout.split("\n"), found.stderr) == (["still here", "True", ""], "")
