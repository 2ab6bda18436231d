"""Why a measure may miss its target: said below its row, and only there where it does."""

from __future__ import annotations

REASONS = {
    "full scan, warm": "a listing and a status call an entry cost a loop in Python that does nothing else 1.3 times "
    "the processor time of du, and reading metadata, the sum and the start come on top: below du only where two "
    "cores are free, and a small store is mostly start",
    "full scan, seed, CPU": "du alone, which reads no metadata, takes 1/20 of MLflow's processor time",
    "first frame": "a bare app is nearly all import of Textual; ours loads 120 small modules more (20 of some 38 ms of "
    "processor time above it), styles, lays out and draws three panels where it has one (the rest), and the store is "
    "read meanwhile: on a busy machine that is what the screen waits for",
    "key to frame, p95, 100,000 runs: filter": "the text is looked for in 100,000 names, ids, states and users, 2.4 ms "
    "of processor time for one letter and 5 ms for two, and what is found is put in order down to the cursor's run, "
    "5 ms where that stands at the end; drawing thirty-four lines takes 2.5 ms more. The bare app has none of it",
    "key to frame": "thirty-four lines of other runs are made and written, 2.5 ms of processor time where the bare app "
    "answers within 1.7 ms in all; after a sort the cursor's run is looked for in the new order, 0.3 ms. What "
    "else shows the state is worked out when that is on the screen",
    "pack, verified": "what tar only reads is hashed, read back, looked at again and then taken away: for small files "
    "rm -rf alone takes twice the processor time of tar --zstd, and seven times as long where the disk is waited for at "
    "each deleted file (ext4 mounted with discard); the start of command and worker takes twice the processor time of "
    "tar; looks, archives and deletions are shared out among the cores",
    "moving out": "every entry is looked at three times, for the plan, before the move and after it, du twice; a look "
    "costs 1.3 times the status calls du makes, and as much again in Python, on all cores that are free; who has files "
    "open is asked twice for every 1,024 runs, 0.15 ms of processor time a process of the machine",
    "purge": "Python starts and loads for 0.1 s of processor time, half of what rm takes in all; each tree is looked "
    "at for writers; up to four processes then take trees apart at once, which gains as much as the disk can do at "
    "once, and nothing where a core is what all of them wait for",
    "memory a run": "the screen holds every run as a value: 660 bytes for it, its path, id and name, its times and four "
    "sizes, so that every key finds them made, and 150 more lie free between values that stay; the reader packs them "
    "to a tenth and gives back what it freed, but two helpers of it keep the names of all runs (120 bytes each) as "
    "they were when they came, and a check holds every id it compares",
}
"""By how the name of a measure begins."""


def reason(measure: str) -> str:
    """Empty for a measure nobody has looked into."""
    return next((why for start, why in REASONS.items() if measure.startswith(start)), "")
