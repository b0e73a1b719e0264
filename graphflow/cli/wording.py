"""How cursors, paths, times and costs are written on a terminal: short, in one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from graphflow.cli.output import counted
from graphflow.core.usage import Usage
from graphflow.service.spots import Spot, spot_of
from graphflow.views.measures import dollars, duration, has_cost, tokens

_FEW_S = 0.1
"""Between an answer on the terminal, or a resume, and the first step: no wait to speak of."""
PATH_LENGTH = 60
"""Steps of a path that are written; the middle of a longer one is left out."""


def path_line(path: Sequence[str], arrow: str) -> str:
    """A run's path in one line: branches that went the same way are written once.

    >>> path_line(["scout:1", "scout:1[0]/dig:1", "scout:1[1]/dig:1", "sum:1", "sum:2"], "->")
    'scout -> dig ×2 -> sum -> sum:2'
    """
    parts = list(_parts(path, arrow))
    if len(parts) > PATH_LENGTH:
        half = PATH_LENGTH // 2
        parts = [*parts[:half], f"({len(parts) - PATH_LENGTH:,} more)", *parts[-half:]]
    return f" {arrow} ".join(parts)


def _parts(path: Sequence[str], arrow: str) -> Iterator[str]:
    for fork, spots in groupby(map(spot_of, path), key=lambda spot: spot.fork):
        if fork:
            yield _branches(list(spots), arrow)
        else:
            yield from map(str, spots)


def _branches(spots: list[Spot], arrow: str) -> str:
    """The branches of one fork: ``research ×5``, or ``(pro | con)`` where they differ."""
    ways: dict[int, dict[str, None]] = {}
    for spot in spots:
        name = str(Spot(spot.groups, (), spot.node, spot.visit))
        ways.setdefault(spot.branch, {})[name] = None
    counts: dict[str, int] = {}
    for way in ways.values():
        text = f" {arrow} ".join(way)
        counts[text] = counts.get(text, 0) + 1
    written = [_times(text, count, arrow) for text, count in counts.items()]
    if len(written) > 6:
        written = [*written[:6], "..."]
    return written[0] if len(written) == 1 and " | " not in written[0] else f"({' | '.join(written)})"


def _times(text: str, count: int, arrow: str) -> str:
    if count == 1:
        return text
    return f"({text}) ×{count}" if arrow in text else f"{text} ×{count}"


def age(seconds: float) -> str:
    """
    >>> [age(s) for s in (0.2, 42, 400, 9000, 200_000)]
    ['0 s', '42 s', '6 min', '2 h', '2 d']
    """
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit == "min" and seconds >= 100):
            return f"{int(seconds / size)} {unit}"
    return f"{int(max(0.0, seconds))} s"


def steps_in_time(steps: int, working_s: float, idle_s: float) -> str:
    """How many steps in how long; time in which nobody drove the run is told apart, where there is any to speak of.

    >>> steps_in_time(4, 2.7, 0.01), steps_in_time(1, 2.7, 7260.0)
    ('4 steps in 2.7 s', '1 step in 2.7 s, and 2 h 01 min not at work')
    """
    idle = f", and {duration(idle_s)} not at work" if idle_s >= max(_FEW_S, working_s / 100) else ""
    return f"{counted(steps, 'step')} in {duration(working_s)}{idle}"


def spent(usage: Usage) -> list[str]:
    """What model and tool calls cost, piece by piece; nothing where none were made."""
    parts: list[str] = []
    if usage.model_calls:
        parts.append(f"{usage.model_calls:,} model call{'s' if usage.model_calls != 1 else ''}")
    if usage.tool_calls:
        parts.append(f"{usage.tool_calls:,} tool call{'s' if usage.tool_calls != 1 else ''}")
    if usage.tokens:
        parts.append(tokens(usage.tokens))
    if has_cost(usage):
        parts.append(dollars(usage.usd))
    return parts
