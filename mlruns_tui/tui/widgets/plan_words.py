"""What a review says about a plan, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from mlruns_tui.model.plan import Plan
from mlruns_tui.model.store import Snapshot
from mlruns_tui.model.words import VAULT_NAME
from mlruns_tui.report.words import plural, size_text
from mlruns_tui.tui.signs import Signs
from mlruns_tui.workflow.reading import Space

from .cells import DIM, KEY, Piece, line, wrap
from .stays_list import stays_by_kind
from .task_words import is_slim

# Measured on a local disk and rounded down: renames with their checks, and unlinking.
ITEMS_PER_S = 300
ENTRIES_PER_S = 30_000
UNLINKS_PER_S = 15_000
NETWORK_FACTOR = 20


def items_words(plan: Plan) -> str:
    """``143 runs and 2 experiments``, with the runs inside the experiments."""
    totals = plan.totals
    parts = []
    if totals.runs:
        parts.append(plural(totals.runs, "run"))
    if totals.experiments:
        inside = f" with {plural(totals.runs_inside, 'run')} inside" if totals.runs_inside else ""
        parts.append(plural(totals.experiments, "experiment") + inside)
    return " and ".join(parts) or "nothing"


def headline(plan: Plan) -> Content:
    """The whole truth in one line."""
    totals = plan.totals
    if plan.empty:
        return line([("Nothing goes.", "bold"), (f"  {nothing_words(plan)}.", DIM)])
    what, size = items_words(plan), size_text(totals.size_bytes)
    many = len(plan.items) != 1
    if is_slim(plan.items):
        return _slim_headline(plan, what, size)
    if not plan.backup:
        return line(
            [(what, "$error bold"), " are" if many else " is", " deleted ", ("for good", "$error bold"), ": ",
             (size, "$error bold"), (f" in {plural(totals.files, 'file')}.", DIM), "  Nothing brings them back."]
        )  # fmt: skip
    return line(
        [(what, "$accent bold"), (f" {'go' if many else 'goes'} to a backup: ", DIM), (size, "$accent bold"),
         (f" in {plural(totals.files, 'file')}.", DIM), "  Nothing is deleted; ", ("z", KEY), " brings it all back."]
    )  # fmt: skip


def _slim_headline(plan: Plan, what: str, size: str) -> Content:
    """``143 runs lose their artifacts, keep params, metrics and tags``."""
    lose, keep, their = ("lose", "keep", "their") if len(plan.items) != 1 else ("loses", "keeps", "its")
    files = plural(plan.totals.files, "file")
    colour = "$accent bold" if plan.backup else "$error bold"
    rest = f" {lose} {their} artifacts, {keep} params, metrics and tags: "
    said: list[Piece | str] = [(what, colour), rest, (size, colour)]
    if plan.backup:
        return line([*said, (f" in {files}.", DIM), "  Nothing is deleted; ", ("z", KEY), " brings it all back."])
    return line([*said, (f" in {files}, ", DIM), ("for good", "$error bold"), ".  Nothing brings them back."])


def nothing_words(plan: Plan, left_out: int = 0, slim: bool = False) -> str:
    """Why nothing can go: ``Nothing to move: all 12 are protected``."""
    verb = "slim" if slim else "move" if plan.backup else "delete"
    if left_out:
        return f"Nothing to {verb}: all of it is left out"
    number = len(plan.refused)
    if not number:
        return f"Nothing to {verb}: {'no marked run has artifacts' if slim else 'nothing is marked'}"
    return f"Nothing to {verb}: " + (f"all {number:,} are protected" if number > 1 else "it is protected")


def takes_words(plan: Plan, network: bool) -> tuple[str, str]:
    """How long it takes about, and why: ``under 2 s``, ``renames, no copying``."""
    seconds = len(plan.items) / ITEMS_PER_S + sum(item.entries for item in plan.items) / ENTRIES_PER_S
    if not plan.backup:
        seconds += plan.totals.files / UNLINKS_PER_S
    if network:
        seconds *= NETWORK_FACTOR
    why = "renames, no copying" if plan.backup else "every file is unlinked"
    if seconds < 2:
        return "under 2 s", why
    if seconds < 90:
        return f"about {seconds:.0f} s", why
    return f"about {seconds / 60:.0f} min", why


def has_backups(snapshot: Snapshot) -> bool:
    """Whether this store has a place for backups already, so its mirrors were spoken of."""
    return snapshot.backup_bytes > 0 or any(stray.kind == "own" for stray in snapshot.strays)


def hidden_words(plan: Plan, hidden: int, filter_text: str) -> tuple[str, str]:
    """How much of it a filter hides from the lists, and the rest of the sentence."""
    if not filter_text:
        return "none", "no filter is on"
    if not hidden:
        return "none", f"the filter /{filter_text} hides none of it"
    return f"{hidden:,}", f"of the {len(plan.items):,} are hidden by the filter /{filter_text}"


def writers_words(plan: Plan) -> tuple[str, str]:
    live = sum(any(one.kind == "open-by-writer" for one in item.protected) for item in plan.refused)
    if live:
        return f"{live:,}", f"{'is' if live == 1 else 'are'} being written to and left alone"
    return "none", "checked again for each item"


def what_happens(
    plan: Plan, snapshot: Snapshot, width: int, *, signs: Signs, hidden: int, filter_text: str, space: Space | None
) -> list[Content]:
    """All of it, one subject a paragraph, always in the same order."""
    totals = plan.totals
    lines: list[Content] = [line([("disk space freed", DIM)])]
    if plan.backup:
        lines += [
            _figure("now", "0 B", "moved on the same disk"),
            _figure("after purge", size_text(totals.allocated_bytes), f"for good{_blocks(plan)}"),
        ]
    else:
        lines.append(_figure("now", size_text(totals.allocated_bytes), f"for good{_blocks(plan)}"))
    lines += [Content(), line([("backup", DIM)]), *_backup(plan, space, width), Content()]
    hides = hidden_words(plan, hidden, filter_text)
    subjects = (
        ("takes", *takes_words(plan, snapshot.store.network), ""),
        ("hidden", *hides, "$warning" if hidden and filter_text else ""),
        ("writers", *writers_words(plan), ""),
    )
    for word, value, rest, style in subjects:
        lines += _subject(word, value, rest, style, width)
    lines += [Content(), line([("to take it back", DIM)])]
    if plan.backup:
        lines += [
            line(["  ", ("z", KEY), (" here, or in a shell:", DIM)]),
            *(line(["  " + part]) for part in wrap(f"mlruns-tui undo {plan.store_given}", width - 2)),
        ]
    else:
        lines.append(line([("  nothing does: no backup is made", "$error")]))
    return lines + notes(plan, snapshot, width, signs)


def in_short(
    plan: Plan, snapshot: Snapshot, width: int, *, signs: Signs, hidden: int, filter_text: str, space: Space | None
) -> list[Content]:
    """The same in five lines, for a small window."""
    totals = plan.totals
    kinds = f" {signs.separator} ".join(f"{row.what} {row.count:,}" for row in stays_by_kind(plan.refused))
    stays: list[Piece | str] = [("stays     ", DIM), f"{len(plan.refused):,}" if plan.refused else "none"]
    if kinds:
        stays = [(f"{signs.protected} ", "$secondary"), ("stays   ", DIM), f"{len(plan.refused):,}  ", (kinds, DIM)]
    freed = size_text(totals.allocated_bytes)
    frees: list[Piece | str] = [("frees     ", DIM)]
    frees += (
        ["0 B now   ", f"{freed} after purge{_blocks(plan)}"]
        if plan.backup
        else [f"{freed} now, for good{_blocks(plan)}"]
    )
    backup: list[Piece | str] = [("backup    ", DIM)]
    backup += [f"{VAULT_NAME}/batches/{plan.id}"] if plan.backup else [("none is made", "$error")]
    if space is not None:
        backup.append((f"  {size_text(space.bytes_free)} free", DIM))
    number, rest = hidden_words(plan, hidden, filter_text)
    style = "$warning" if hidden and filter_text else ""
    takes: list[Piece | str] = [("takes     ", DIM), takes_words(plan, snapshot.store.network)[0]]
    takes += [("   hidden ", DIM), (number, style), ("   writers ", DIM), writers_words(plan)[0]]
    back: list[Piece | str] = [("take back ", DIM)]
    back += [("z", KEY), ("  or  ", DIM), f"mlruns-tui undo {plan.store_given}"] if plan.backup else ["nothing does"]
    lines = [line(one).truncate(width, ellipsis=True) for one in (stays, frees, backup, takes, back)]
    if style:
        lines += [line([(part, "$warning")]) for part in wrap(f"{number} {rest}", width)]
    return lines + notes(plan, snapshot, width, signs)[1:]


def notes(plan: Plan, snapshot: Snapshot, width: int, signs: Signs) -> list[Content]:
    """What must be said besides, each after an empty line's worth of distance from the rest."""
    said = [*plan.messages]
    if plan.backup and not plan.empty and not has_backups(snapshot):
        said.append(f"the first backup in this store: mirrors of it (rsync --delete, git) must exclude {VAULT_NAME}")
    lines: list[Content] = [Content()] if said else []
    for one in said:
        first, *rest = wrap(one, width - 2)
        lines.append(line([(f"{signs.warns} ", "$warning bold"), first]))
        lines += [line(["  " + part]) for part in rest]
    return lines


def meanings(plan: Plan, width: int) -> list[Content]:
    """The rules' words, explained as used in this plan, under the list."""
    used = {item.rule for item in plan.items}
    lines: list[Content] = []
    if "orphaned" in used:
        lines += _meaning("orphaned", "no meta.yaml in the place of an experiment, and claimed by no database", width)
    if "old" in used:
        words = next((one.split(", ", 1)[-1] for one in plan.rules if one.startswith("old")), "ended long ago")
        lines += _meaning("old", f"{words}, active, and needed by nothing", width)
    return [Content(), *lines] if lines else []


def _meaning(word: str, text: str, width: int) -> list[Content]:
    first, *rest = wrap(f"means: {text}.", max(10, width - 10))
    return [line([(f"{word:<9}", DIM), (first, DIM)]), *(line([(" " * 9 + part, DIM)]) for part in rest)]


def _blocks(plan: Plan) -> str:
    """Why what is freed is more than the size of the files: many small ones fill a block of the disk each."""
    totals = plan.totals
    return ", whole blocks" if totals.allocated_bytes > 1.2 * totals.size_bytes else ""


def _figure(word: str, size: str, rest: str) -> Content:
    return line([(f"  {word:<14}", DIM), (f"{size:>8}", "bold"), (f"   {rest}", DIM)])


def _backup(plan: Plan, space: Space | None, width: int) -> Sequence[Content]:
    if not plan.backup:
        return [line([("  none is made", "$error")])]
    lines = [line(["  " + part]) for part in wrap(f"{VAULT_NAME}/batches/{plan.id}", width - 2)]
    if space is None:
        return [*lines, line([("  on the same disk", DIM)])]
    free = f"{size_text(space.bytes_free)} free"
    return [*lines, line([("  on the same disk, ", DIM), free])]


def _subject(word: str, value: str, rest: str, style: str, width: int) -> list[Content]:
    lead = f"{word:<9}"
    room = max(10, width - len(lead) - len(value) - 2)
    first, *more = wrap(rest, room)
    lines = [line([(lead, DIM), (value, style), (f"  {first}", style or DIM)])]
    return lines + [line([(" " * (len(lead) + len(value) + 2) + part, style or DIM)]) for part in more]
