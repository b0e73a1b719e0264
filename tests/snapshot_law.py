"""The law of snapshots, for any run (S15.2): restored at any entry and folded on, it is what its whole journal tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from graphflow.core import snapshots
from graphflow.core.journal import Entry, decode, encode
from graphflow.core.kept import LEFT_OUT, slots_of
from graphflow.core.machine import Machine
from graphflow.core.plan import Plan
from graphflow.core.replay import replay
from graphflow.core.scopes import Altered, Fork, Scope


def described(value: Any, seen: dict[int, int]) -> Any:
    """A machine and all it holds, slot by slot: what two that stand alike have in common."""
    if isinstance(value, Machine | Scope | Fork):
        if id(value) in seen:
            return f"#{seen[id(value)]}"
        seen[id(value)] = len(seen)
        left_out = LEFT_OUT[type(value)]
        told = (name for name in slots_of(type(value)) if name not in left_out)
        return [(name, described(_slot(value, name), seen)) for name in told]
    if isinstance(value, Plan):
        return value.fingerprint
    if isinstance(value, Altered):
        return ["altered", described({**value}, seen)]
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return ["dict", *((described(k, seen), described(v, seen)) for k, v in items)]
    if isinstance(value, list | tuple):
        return [described(one, seen) for one in cast("list[object]", value)]
    if isinstance(value, Exception):
        return (type(value).__name__, str(value))
    return value


def _slot(thing: Machine | Scope | Fork, name: str) -> Any:
    value = getattr(thing, name)
    if name == "parked":
        return value or None  # nobody is
    if name == "values" and isinstance(thing, Scope) and thing.writes_to is not None:
        return {local: value[local] for local in thing.plan.schema.local_names}  # of the others it reads its parent's
    return value


def stands(machine: Machine) -> Any:
    """Everything of a folded machine. A limit is counted under what it is, not under where it lies in memory."""
    for scope in machine.scopes():
        scope.read()
    return described(machine, {})


def resumed(machine: Machine) -> Any:
    """What it does first when it is gone on with: owed timers and ready cursors included."""
    machine.resume()
    told = [(entry if isinstance(entry, dict) else list(entry)) for entry, _ in machine.entries]
    return (
        told,
        [scope.path for scope in machine.ready],
        [fork.prefix for fork in machine.opening],
        [scope.path for scope in machine.questions()],
        [(due, scope.path, timer) for due, scope, timer in machine.owed_timers()],
        machine.running,
    )


def through_text(machine: Machine) -> Entry:
    return decode(encode(snapshots.take(machine), machine.plan))


def assert_law(plans: Mapping[str, Plan], entries: Sequence[Entry]) -> None:
    """Restored at every entry, and folded on by one, by all, and resumed: as if nothing had been cut off."""
    for seq in range(1, len(entries) + 1):
        whole = replay(plans, entries, until=seq)
        snapshot = through_text(whole)
        assert stands(replay(plans, [snapshot])) == stands(whole), seq
        assert through_text(replay(plans, [snapshot])) == snapshot, "a snapshot of what was restored is the same"
        for until in {min(seq + 1, len(entries)), len(entries)}:
            rest = [snapshot, *entries[seq:]]
            assert stands(replay(plans, rest, until=until)) == stands(replay(plans, entries, until=until)), (seq, until)
        if whole.status not in ("done", "cancelled"):
            assert resumed(replay(plans, [snapshot])) == resumed(replay(plans, entries, until=seq)), seq
