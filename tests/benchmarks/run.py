"""Measure graphflow against floors: ``python tests/benchmarks/run.py [names] [--json]``.

Names are those of ``limits.py``; a part of one will do (``map``). Exit code 1 if a limit is broken.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import branches
import journals
import pictures
import starting
import steps
import stores
import turns
from limits import LIMITS
from measuring import Measured

MEASURES: dict[str, Callable[[], Measured | None]] = {
    **steps.MEASURES,
    **branches.MEASURES,
    **journals.MEASURES,
    **starting.MEASURES,
    **turns.MEASURES,
    **stores.MEASURES,
    **pictures.MEASURES,
}

HEADER = f"{'figure':<14}{'ratio':>8}{'limit':>7}{'goal':>6}  {'cost':>10}{'floor':>10}  verdict"


def chosen(words: list[str]) -> list[str]:
    """The names that are meant: exact ones, else those that contain the word."""
    names: list[str] = []
    for word in words or [""]:
        found = [word] if word in LIMITS else [name for name in LIMITS if word in name]
        if not found:
            raise SystemExit(f"There is no figure {word!r}. There are: {', '.join(LIMITS)}.")
        names += [name for name in found if name not in names]
    return names


def verdict_of(name: str, measured: Measured) -> str:
    limit = LIMITS[name]
    if limit.is_broken_by(measured.value):
        return "BROKEN"
    if measured.value <= limit.goal:
        return "goal reached"
    return "holds" if measured.value <= limit.limit else "holds, within the noise"


def row(name: str, measured: Measured) -> str:
    def time(us: float | None) -> str:
        return "" if us is None else f"{us:,.2f} us" if us < 1_000 else f"{us / 1_000:,.1f} ms"

    limit = LIMITS[name]
    notes = [measured.note] if measured.note else []
    notes += [f"{measured.dropped} runs dropped"] if measured.dropped else []
    notes += [] if measured.is_steady else ["unsteady"]
    tail = f"{verdict_of(name, measured)}{' (' + '; '.join(notes) + ')' if notes else ''}"
    numbers = f"{measured.value:>8.2f}{limit.limit:>7g}{limit.goal:>6g}"
    return f"{name:<14}{numbers}  {time(measured.cost_us):>10}{time(measured.floor_us):>10}  {tail}"


def as_json(name: str, measured: Measured) -> dict[str, object]:
    limit = LIMITS[name]
    return {
        "figure": name,
        "what": limit.what,
        "floor": limit.floor,
        "ratio": measured.value,
        "limit": limit.limit,
        "goal": limit.goal,
        "cost_us": measured.cost_us,
        "floor_us": measured.floor_us,
        "dropped": measured.dropped,
        "is_steady": measured.is_steady,
        "is_broken": limit.is_broken_by(measured.value),
        "note": measured.note,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="figures to measure; all without a name")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    found: dict[str, Measured] = {}
    if not options.json:
        print(HEADER)
    for name in chosen(options.names):
        measured = MEASURES[name]()
        if measured is None:
            print(f"{name:<14} skipped: it does not exist here", file=sys.stderr)
            continue
        found[name] = measured
        if not options.json:
            print(row(name, measured), flush=True)
    if options.json:
        rows = [as_json(name, measured) for name, measured in found.items()]
        print(json.dumps({"schema": "graphflow.benchmarks/1", "figures": rows}, indent=2))
    return int(any(LIMITS[name].is_broken_by(measured.value) for name, measured in found.items()))


if __name__ == "__main__":
    sys.exit(main())
