"""Draws the pictures of the README from the demo store: ``python tests/screenshots/make.py``.

Each picture is the real screen after real keys, as SVG and PNG, in ``screenshots/``.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cairosvg

from mlruns_tui.demo.store import write_demo
from mlruns_tui.tui.app import MlrunsApp
from mlruns_tui.workflow.reading import open_reader

TARGET = Path(__file__).parents[2] / "screenshots"
FONT = "font-family: DejaVu Sans Mono, Noto Sans Mono CJK KR"
MARK = ("o", "O", "enter")


async def until(pilot: Any, done: Callable[[Any], bool]) -> None:
    """Let the screen work until something holds; give up after a minute of its own pauses."""
    for _ in range(2_000):
        await pilot.pause(0.03)
        if done(pilot.app):
            return
    raise TimeoutError("the screen never got there")


def is_read(app: Any) -> bool:
    return bool(app.main.state.snapshot.complete and app.main.state.judged is not None)


def shows(name: str) -> Callable[[Any], bool]:
    return lambda app: type(app.screen).__name__ == name


def _with_font(found: re.Match[str]) -> str:
    """A text with signs its font lacks gets one that has them: the PNG's drawer looks no further than the first."""
    codes = [ord(one) for one in html.unescape(found[2])]
    if any(0x2800 <= code <= 0x28FF for code in codes):
        font = "DejaVu Sans"
    elif any(0x1100 <= code <= 0x11FF or 0x2E80 <= code <= 0xD7FF for code in codes):
        font = "Noto Serif CJK KR"
    else:
        return found[0]
    return f'<text font-family="{font}" {found[1]}>{found[2]}</text>'


def save(app: Any, name: str) -> None:
    svg = app.export_screenshot(title="mlruns-tui")
    (TARGET / f"{name}.svg").write_text(svg, encoding="utf-8")
    # The SVG names a web font; the PNG is drawn with what is installed.
    drawn = svg.replace("font-family: Fira Code", FONT).replace("font-family: arial", FONT)
    drawn = re.sub(r"<text ([^>]*)>([^<]*)</text>", _with_font, drawn)
    cairosvg.svg2png(bytestring=drawn.encode(), write_to=str(TARGET / f"{name}.png"), output_width=1400)


async def draw(root: Path) -> None:
    app = MlrunsApp(open_reader(str(root)))
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, is_read)
        for key in MARK:
            await pilot.press(key)
        await pilot.press("1", *"nn", "s", *["down"] * 6, "2", *["down"] * 9)
        await pilot.pause(1.2)
        save(app, "main")
        await pilot.press("W")
        await until(pilot, shows("OverviewScreen"))
        await pilot.pause(1.5)
        save(app, "overview")
        await pilot.press("escape")
        await until(pilot, shows("MainScreen"))
        await pilot.press("d")
        await until(pilot, shows("ReviewScreen"))
        await pilot.pause(0.3)
        save(app, "review")
        await pilot.press("right", "enter")
        await until(pilot, lambda app: shows("MainScreen")(app) and not app.main.state.task and is_read(app))
        await pilot.press("b")
        await until(pilot, shows("BackupsScreen"))
        await pilot.pause(1.0)
        save(app, "backups")
        await pilot.press("escape")
        await until(pilot, shows("MainScreen"))
        await pilot.press("1", "home", "down", "down", "2", "down", "i")
        await until(pilot, shows("DetailsScreen"))
        await pilot.pause(1.0)
        save(app, "details")
        await pilot.press("escape")
        await until(pilot, shows("MainScreen"))
        await pilot.press("question_mark")
        await pilot.pause(0.5)
        save(app, "help")


def break_some(root: Path) -> None:
    """A few defects of every weight, all of them old: what is fresh is not repaired."""
    experiments = sorted(one for one in root.iterdir() if one.name.isdigit() and (one / "meta.yaml").exists())
    experiments.sort(key=lambda one: -len(list(one.iterdir())))
    many, sick, keyless, lost = experiments[:4]
    runs = {one: sorted(run for run in one.iterdir() if len(run.name) == 32) for one in (many, sick)}
    for run in runs[many][:12]:
        (run / "meta.yaml").unlink()
    metric = next(one for run in runs[sick][3:] for one in sorted((run / "metrics").rglob("*")) if one.is_file())
    with metric.open("a") as file:
        file.write("1700000000000\n")
    (runs[sick][1] / "meta.yaml").write_text("")
    shutil.rmtree(runs[sick][2] / "params")
    lines = (keyless / "meta.yaml").read_text().splitlines(keepends=True)
    (keyless / "meta.yaml").write_text("".join(one for one in lines if not one.startswith("lifecycle_stage")))
    (lost / "meta.yaml").unlink()
    (root / ".ipynb_checkpoints").mkdir()
    (root / ".ipynb_checkpoints" / "train-checkpoint.py").write_text("print()\n")
    began = time.time() - 3600
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            if os.lstat(path).st_mtime > began:
                os.utime(path, (began - 40 * 86_400,) * 2, follow_symlinks=False)


async def draw_broken(root: Path) -> None:
    app = MlrunsApp(open_reader(str(root)))
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, is_read)
        await pilot.press("F")
        await until(pilot, lambda app: app.main.state.diagnosis is not None and app.main.state.diagnosis.contents)
        await pilot.press("down", "up")
        await pilot.pause(0.5)
        save(app, "findings")
        await pilot.press("x", "e")
        await until(pilot, shows("RepairScreen"))
        await pilot.press("down", "down")
        await pilot.pause(0.5)
        save(app, "repair")


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    socket.gethostname = lambda: "gpu01"
    # The path is on the pictures: a plain one, the same for everybody who makes them.
    place = Path(tempfile.gettempdir()) / "demo"
    place.mkdir()
    try:
        os.environ["XDG_STATE_HOME"] = str(place / "state")
        write_demo(str(place / "mlruns"))
        asyncio.run(draw(place / "mlruns"))
        shutil.rmtree(place / "mlruns")
        write_demo(str(place / "mlruns"))
        break_some(place / "mlruns")
        asyncio.run(draw_broken(place / "mlruns"))
    finally:
        shutil.rmtree(place)
    subprocess.run(["ls", "-la", str(TARGET)], check=True)


if __name__ == "__main__":
    main()
