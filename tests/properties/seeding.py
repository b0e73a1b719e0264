"""Bugs put into a copy of our own core, and the suite that has to find them. Run as a program by ``test_seeded_bugs``.

A bug is a text of a module of ``graphflow`` and what stands in its place. Each is tried in a process of its own, in
which that module is compiled from the altered text: nothing on disk changes. A line is printed for each bug, as JSON:
its name, the law that found it, and what that said; no law if none did. The arguments are numbers of bugs, -1 for none.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
LONGEST_S = 120


@dataclass(frozen=True)
class Bug:
    """``changes``: module, what stands there once, and what takes its place. ``seeds``: how long it is looked for."""

    name: str
    changes: tuple[tuple[str, str, str], ...]
    seeds: int = 4


def bug(name: str, module: str, old: str, new: str, seeds: int = 4) -> Bug:
    return Bug(name, ((f"graphflow.core.{module}", old, new),), seeds)


BUGS = (
    bug(
        "a branch sees its state a step late (S6.3)",
        "scopes",
        "if home.log is not None and home.folded < len(home.log):",
        "if home.log is not None and home.folded + 1 < len(home.log):",
    ),
    bug(
        "a branch writes what its siblings see (S6.3)",
        "scopes",
        "whose values nobody reads, needs no copy of them\n            self.values = self.values.copy()",
        "whose values nobody reads, needs no copy of them\n            self.values = self.values",
    ),
    bug(
        "a join fires twice (S6.8)",
        "joins",
        "    machine.note(entry, owner)\n    merge(machine, fork",
        "    machine.note(dict(entry), owner)\n    machine.note(entry, owner)\n    merge(machine, fork",
    ),
    bug(
        "a join is lost where a branch was cancelled or failed (S6.6)",
        "joins",
        "all_settled = fork.settled == total",
        "all_settled = fork.done == total",
    ),
    bug(
        "a quorum is one too many (S6.6)",
        "joins",
        'if need.kind == "quorum":\n        if fork.done >= need.count:',
        'if need.kind == "quorum":\n        if fork.done > need.count:',
    ),
    bug("a retry too many (S8.1)", "failures", "attempt >= retry.attempts", "attempt > retry.attempts"),
    bug("an edge is taken once more than at_most (S4.5)", "scopes", "self.times_taken(edge) < most", "self.times_taken(edge) <= most"),
    Bug(
        "branches are merged as they arrive (S6.4)",
        (
            ("graphflow.core.changing", "        fork.done += 1\n", "        fork.done += 1\n        ARRIVED.append(scope)\n"),
            ("graphflow.core.changing", "def end_branch(", "ARRIVED = []\n\n\ndef end_branch("),
            (
                "graphflow.core.scopes",
                "        if self.done == self.total:\n            return list(range(self.total))\n",
                "        from graphflow.core.changing import ARRIVED\n\n"
                "        came = [one.index for one in ARRIVED if one.fork is self]\n"
                "        if len(came) == self.done:\n            return came\n",
            ),
        ),
    ),
    bug(
        "a failed branch leaves its writes (S6.4)",
        "scopes",
        "if child is None else child.status == DONE)]",
        "if child is None else child.status in (DONE, FAILED))]",
    ),
    bug(
        "a replay folds twice (S15.2)",
        "replay",
        "    for changes in updates:\n        scope.fold(changes)\n    if scope.writes_to",
        "    for changes in (*updates, *updates):\n        scope.fold(changes)\n    if scope.writes_to",
    ),
    bug(
        "an effect is forgotten in a crash (S11.1)",
        "replay",
        'scope.effects[entry["key"]] = Recorded(',
        'scope.effects["forgotten"] = Recorded(',
    ),
    bug(
        "a timer that fires twice counts twice (S15.5)",
        "timing",
        "if scope.status != SLEEPING or scope.attempt != what:",
        "if scope.status in _OUT:",
    ),
    bug(
        "a late result counts (S15.5)",
        "shortcuts",
        "if scope.turn != turn or scope.status != RUNNING:",
        "if scope.status != RUNNING:",
    ),
    bug("a step over the budget (S13.2)", "spending", "if steps < most and not", "if steps <= most and not"),
    bug(
        "a fork inside a branch sees a stale snapshot (S6.3)",
        "scopes",
        "self.values = owner.lend()",
        "self.values = owner.values",
        seeds=40,  # it takes a branch that writes, goes on without a condition, forks, and looks
    ),
)  # fmt: skip


class Altered(MetaPathFinder, Loader):
    """Finds the modules of a bug, and compiles them from their altered texts."""

    def __init__(self, bug: Bug) -> None:
        self.texts: dict[str, str] = {}
        for module, old, new in bug.changes:
            path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
            text = self.texts.get(module) or path.read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{bug.name}: {old!r} stands {text.count(old)} times in {path}"
            self.texts[module] = text.replace(old, new)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.texts:
            return None
        found = PathFinder.find_spec(fullname, path)
        assert found is not None
        return importlib.util.spec_from_loader(fullname, self, origin=found.origin)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        exec(compile(self.texts[module.__name__], module.__spec__.origin or "", "exec"), module.__dict__)


def suite(seeds: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The laws, the quickest first. Everything is imported here, after the bug is in its place."""
    from hypothesis import Phase, seed, settings

    from graphflow import Budget
    from graphflow.testing import faults, verify
    from tests.properties import laws, seeded_graph

    laws.LAWS = settings(laws.LAWS, phases=(Phase.generate,), database=None)
    from tests.properties import test_reference, test_replay

    graph, bank = seeded_graph.payments(), seeded_graph.Bank
    twice = faults.declared(at_most=2) + faults.duplicate(at_most=2)
    yield "verify", lambda: verify(graph, deps=bank, faults=faults.all(at_most=2), runs=150)
    yield "verify with duplicates", lambda: verify(graph, deps=bank, faults=twice, runs=500)
    yield "verify with a budget", lambda: verify(graph, deps=bank, budget=Budget(steps=3), runs=30)
    for number in range(seeds):  # of several seeds, since one sticks to what it tried first
        for law in (
            test_reference.test_forks_do_what_the_rules_say,
            test_reference.test_the_machine_does_what_the_rules_say,
            test_replay.test_a_replay_stands_where_the_run_stood,
        ):
            yield law.__name__, seed(number)(law)


def tried(bug: Bug | None) -> tuple[str, str]:
    """The law that a bug breaks, and how; empty if none."""
    if bug is not None:
        sys.meta_path.insert(0, Altered(bug))
    for name, ask in suite(1 if bug is None else bug.seeds):
        try:
            ask()
        except BaseException as error:  # Hypothesis stops by what is no Exception
            return name, "".join(traceback.format_exception_only(error)).strip()
    return "", ""


def apart(bug: Bug | None) -> dict[str, str]:
    """Try a bug in a process of its own; one that never ends is found, too."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.alarm(LONGEST_S)
            found = tried(bug)
            os.write(write, json.dumps([part[:20_000] for part in found]).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    if not text and not os.WIFSIGNALED(status):
        raise RuntimeError(f"{bug} could not be tried")
    law, said = json.loads(text) if text else ("it does not end", f"after {LONGEST_S} s")
    return {"bug": "" if bug is None else bug.name, "law": law, "said": said}


def main() -> None:
    import hypothesis  # noqa: F401  # once for all children
    import networkx  # noqa: F401
    import pydantic  # noqa: F401

    assert not any(name.partition(".")[0] == "graphflow" for name in sys.modules)
    for number in map(int, sys.argv[1:]):
        print(json.dumps(apart(BUGS[number] if number >= 0 else None)), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
