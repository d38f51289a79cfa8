"""Turn the facts of a run into lines for a terminal: a tree of few jobs, or counts of many.

All text that comes from apps is rich `Text`, so that brackets in it are never taken for markup.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from dx_app_wizard.console.text import plain
from dx_local.platform.core.states import State
from dx_local.sizes import size_text
from dx_local.ui.fitting import Symbols, bar, clock_text, cut, shorten, time_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.ui.display.run_facts import EntryPointFacts, JobFacts, RunFacts

_MOST_IN_TREE = 10
_MOST_FAILED = 5
_MOST_LONGEST = 3
_LEAST_NAME = 8
_NAME_WIDTHS = (8, 24)
_BAR_WIDTHS = (10, 40)
_WIDE = 100
_STYLES = {
    State.DONE: "green",
    State.FAILED: "bold red",
    State.RESTARTABLE: "yellow",
    State.RUNNING: "cyan",
    State.TERMINATED: "yellow",
}
_Part = tuple[str, str]
"""A text and its style."""


@dataclass(frozen=True)
class Space:
    """The room for a frame, in columns and rows, and the characters to draw with."""

    columns: int
    rows: int
    symbols: Symbols


def frame(facts: RunFacts, space: Space, note: str = "") -> list[Text]:
    """Return the lines of a view that fits the space; `note` is a line to show at its end."""
    notes = [Text(cut(note, space.columns, space.symbols.ellipsis), style="dim")] if note else []
    header = _header(facts, space)
    if len(facts.jobs) <= min(_MOST_IN_TREE, space.rows - 1 - len(notes)):
        return [header, *_tree(facts, space), *notes]
    left = space.rows - 1 - len(notes)
    failed = _failed(facts, space, min(_MOST_FAILED, left // 3))
    counts = _counts(facts, space, left - len(failed))
    longest = _longest(facts, space, min(_MOST_LONGEST, left - len(failed) - len(counts) - 1))
    return [header, *counts, *failed, *longest, *notes][: space.rows]


def _header(facts: RunFacts, space: Space) -> Text:
    """Return the line with the app, the number of done jobs, and times; counts are never shortened."""
    done = sum(entry_point.done for entry_point in facts.entry_points.values())
    total = len(facts.jobs)
    count = f"   {done:,} of {total:,} job{'s' if total != 1 else ''}"
    share = f"  {100 * done // total} %" if total > _MOST_IN_TREE else ""
    clock = f"   {clock_text(facts.now)}"
    left = f", about {clock_text(facts.seconds_left)} left" if facts.seconds_left else ""
    texts = (f"{count}{share}{clock}{left}", f"{count}{clock}{left}", f"{count}{clock}", count)
    middle = next((text for text in texts if len(text) + _LEAST_NAME <= space.columns), count)
    root = next(iter(facts.jobs.values()), None)
    name = plain(root.entry_point.executable) if root else "run"
    line = Text(shorten(name, max(1, space.columns - len(middle)), space.symbols.ellipsis), style="bold")
    line.append(middle, style="not bold")
    slots = f"{facts.slots:,} slot{'s' if facts.slots != 1 else ''}"
    gap = space.columns - line.cell_len - len(slots)
    if gap > 1:
        line.append(" " * gap + slots, style="not bold dim")
    return line


def _tree(facts: RunFacts, space: Space) -> list[Text]:
    """Return a line for each job, below the job that started it."""
    drawn = list(_branches(facts, space.symbols))
    width = max((cell_len(stem + plain(job.label)) for stem, job in drawn), default=0)
    width = min(width, max(_LEAST_NAME, space.columns // 2))
    return [_job_line(facts, space, stem, job, width) for stem, job in drawn]


def _branches(facts: RunFacts, symbols: Symbols) -> Iterator[tuple[str, JobFacts]]:
    children: defaultdict[str | None, list[JobFacts]] = defaultdict(list)
    for job in facts.jobs.values():
        children[job.parent if job.parent in facts.jobs else None].append(job)

    def below(parent: str | None, stem: str) -> Iterator[tuple[str, JobFacts]]:
        for job in children[parent]:
            is_last = job is children[parent][-1]
            yield stem + (symbols.last_branch if is_last else symbols.branch), job
            yield from below(job.id, stem + (" " * len(symbols.stem) if is_last else symbols.stem))

    return below(None, "")


def _job_line(facts: RunFacts, space: Space, stem: str, job: JobFacts, width: int) -> Text:
    line = Text(stem, style="dim")
    line.append(_padded(plain(job.label), width - len(stem), space), style="not dim")
    line.append("  ")
    if job.waits_for or job.state is State.WAITING_ON_OUTPUT:
        return _with_parts(line, [(f"waits for {_dependencies(facts, job)}", "not dim")], space)
    tried = f" (try {job.try_number})" if job.try_number else ""
    parts = [(f"{job.state.value}{tried}".ljust(10), f"not dim {_STYLES.get(job.state, '')}")]
    if (seconds := _seconds(facts, job)) is not None:
        parts.append((f"{time_text(seconds):>7}", "not dim"))
    if job.memory:
        parts.append((f" {size_text(job.memory)}", "not dim"))
    if job.node and job.state is State.RUNNING:
        parts.append((f" on {plain(job.node)}", "not dim"))
    return _with_end(_with_parts(line, parts, space), job, space)


def _dependencies(facts: RunFacts, job: JobFacts) -> str:
    """Return the jobs that a job waits for, in words: a label if there is one, else counts."""
    found = [facts.job(entity_id) for entity_id in job.waits_for]
    if len(found) == 1 and found[0]:
        return plain(found[0].label)
    return _counted(facts, Counter(each.entry_point if each else None for each in found))


def _counted(facts: RunFacts, dependencies: Counter[EntryPointFacts | None]) -> str:
    texts = [
        _dependency(facts, entry_point, count) if entry_point else "data objects"
        for entry_point, count in dependencies.most_common()
        if count > 0
    ]
    return ", ".join(texts) or "its subjobs"


def _dependency(facts: RunFacts, entry_point: EntryPointFacts, count: int) -> str:
    title = plain(facts.title(entry_point))
    return title if entry_point.total == 1 else f"{count:,} {title}"


def _counts(facts: RunFacts, space: Space, rows: int) -> list[Text]:
    """Return lines on each entry point, in at most `rows` rows; those with nothing left to do go first."""
    names = [cell_len(plain(facts.title(each))) for each in facts.entry_points.values()]
    least, most = _NAME_WIDTHS
    width = max(least, min(max(names, default=0), most, space.columns // 4))
    found = list(facts.entry_points.values())
    blocks = {id(each): _entry_point_lines(facts, space, each, width) for each in found}
    hidden = 0
    for entry_point in sorted(found, key=lambda each: each.ended < each.total):
        if sum(map(len, blocks.values())) + bool(hidden) <= max(rows, 1) or len(blocks) == 1:
            break
        blocks.pop(id(entry_point))
        hidden += 1
    lines = [line for each in found for line in blocks.get(id(each), ())]
    if hidden:
        lines.append(Text(f"  and {hidden} more entry points", style="dim"))
    return lines


def _entry_point_lines(facts: RunFacts, space: Space, entry_point: EntryPointFacts, width: int) -> list[Text]:
    line = Text("  " + _padded(plain(facts.title(entry_point)), width, space) + "  ")
    if entry_point.total == 1:
        return [_single(facts, entry_point, line, space)]
    counts = f"{entry_point.done:,}/{entry_point.total:,}"
    parts = _states(facts, entry_point)
    taken = line.cell_len + len(counts) + 2 + sum(len(text) + 3 for text, _ in parts)
    least, most = _BAR_WIDTHS
    room = min(most, space.columns - taken, space.columns // 3)
    if room >= least:
        drawn = bar(entry_point.done / entry_point.total, room, space.symbols)
        line.append(drawn, style="green" if not entry_point.failed else "red")
        line.append("  ")
    line.append(counts)
    return [*_wrapped(line, parts, space, indent=width + 4), *_statistics(entry_point, space, width + 4)]


def _single(facts: RunFacts, entry_point: EntryPointFacts, line: Text, space: Space) -> Text:
    """Return the line of an entry point with one job."""
    if entry_point.waiting:
        return _with_parts(line, [(f"waits for {_counted(facts, entry_point.waits_for)}", "")], space)
    state = next(state for state, count in entry_point.states.items() if count)
    parts = [(state.value.ljust(8), _STYLES.get(state, "dim"))]
    running = next((job for job in facts.running.values() if job.entry_point is entry_point), None)
    if running:
        parts.append((time_text(_seconds(facts, running) or 0), ""))
        parts += [(f"on {plain(running.node)}", "")] if running.node else []
    elif entry_point.seconds:
        parts.append((time_text(entry_point.seconds[0]), ""))
    return _with_parts(line, parts, space)


def _states(facts: RunFacts, entry_point: EntryPointFacts) -> list[_Part]:
    states = entry_point.states
    followed = states[State.FAILED] - entry_point.failed + states[State.TERMINATED]
    parts = [
        (entry_point.running, "running", "cyan"),
        (entry_point.failed, "failed", "bold red"),
        (followed, "ended with others", "yellow"),
        (entry_point.restarts, "tried again", "yellow"),
    ]
    texts = [(f"{count:,} {word}", style) for count, word, style in parts if count]
    if count := len(entry_point.waiting):
        names = [
            plain(facts.title(each)) for each, number in entry_point.waits_for.items() if each and number > 0
        ]
        wait = "waits" if count == 1 else "wait"
        texts.append((f"{count:,} {wait} for {', '.join(names) or 'data objects'}", ""))
    return texts


def _statistics(entry_point: EntryPointFacts, space: Space, indent: int) -> list[Text]:
    """Return a line on times and memory if the terminal is wide and enough jobs are done."""
    median, slowest = entry_point.median, entry_point.slowest
    if space.columns < _WIDE - 1 or median is None or slowest is None:
        return []
    text = f"median {time_text(median)}   slowest {time_text(slowest.seconds or 0)} {plain(slowest.label)}"
    memory = f"   memory up to {size_text(entry_point.memory)}" if entry_point.memory else ""
    return [
        Text(" " * indent + cut(text + memory, space.columns - indent, space.symbols.ellipsis), style="dim")
    ]


def _failed(facts: RunFacts, space: Space, most: int) -> list[Text]:
    """Return the jobs that failed, with their causes; the first ones if there are more than `most`."""
    if not facts.failures:
        return []
    count = len(facts.failures)
    shown = facts.failures[: max(most, 1)]
    title = f"failed ({count:,})" if count > 1 else "failed"
    if len(shown) < count:
        title += f", the first {len(shown)}"
    return [
        Text(title, style="bold red"),
        *(_with_end(_label(job, shown, space), job, space) for job in shown),
    ]


def _longest(facts: RunFacts, space: Space, most: int) -> list[Text]:
    """Return the jobs that have run longest, of entry points with several jobs."""
    several = (job for job in facts.running.values() if job.entry_point.total > 1)
    shown = list(islice(several, max(most, 0)))
    if not shown:
        return []
    lines = []
    for job in shown:
        median = job.entry_point.median
        others = f", others {time_text(median)}" if median is not None else ""
        line = _label(job, shown, space)
        node = f" on {plain(job.node)}" if job.node else ""
        line.append(f"  {time_text(_seconds(facts, job) or 0)}{node}{others}")
        lines.append(_with_end(line, job, space))
    return [Text("running longest"), *lines]


def _label(job: JobFacts, shown: list[JobFacts], space: Space) -> Text:
    widest = max(cell_len(plain(each.label)) for each in shown)
    return Text("  " + _padded(plain(job.label), min(widest, space.columns // 3), space))


def _with_end(line: Text, job: JobFacts, space: Space) -> Text:
    """Add the cause of a failure and its place, or the last line of a running job."""
    ellipsis = space.symbols.ellipsis
    if job.state is State.RUNNING and job.last_line:
        room = space.columns - line.cell_len - 3
        if room > len(ellipsis):
            line.append("   " + cut(f"| {plain(job.last_line)}".expandtabs(4), room, ellipsis), style="dim")
    elif job.failure:
        cause = plain(job.failure.summary).expandtabs(4)
        place = plain(job.place)
        room = space.columns - line.cell_len - 2
        if room - len(place) - 2 < len(cause) and room < 2 * len(place):
            place = ""
        space_for_cause = room - (cell_len(place) + 2 if place else 0)
        line.append("  " + cut(cause, max(space_for_cause, 0), ellipsis), style="not dim")
        if place:
            gap = space.columns - line.cell_len - cell_len(place)
            line.append(" " * gap + place, style="not dim cyan")
    return line


def _with_parts(line: Text, parts: list[_Part], space: Space) -> Text:
    """Append parts to a line, and cut it at its end."""
    for text, style in parts:
        line.append(cut(f"{text} ", space.columns - line.cell_len, space.symbols.ellipsis), style=style)
    line.rstrip()
    return line


def _wrapped(line: Text, parts: list[_Part], space: Space, indent: int) -> list[Text]:
    """Append parts to a line, and continue on further lines, so that no count is cut."""
    lines = [line]
    for text, style in parts:
        if lines[-1].cell_len + 3 + cell_len(text) > space.columns:
            lines.append(Text(" " * (indent - 3)))
        lines[-1].append("   ")
        lines[-1].append(cut(text, space.columns - lines[-1].cell_len, space.symbols.ellipsis), style=style)
    return lines


def _padded(name: str, width: int, space: Space) -> str:
    short = shorten(name, max(width, 1), space.symbols.ellipsis)
    return short + " " * (width - cell_len(short))


def _seconds(facts: RunFacts, job: JobFacts) -> float | None:
    if job.state is State.RUNNING and job.started is not None:
        return facts.now - job.started
    return job.seconds
