"""How changes fold into a state and how branches merge (S6.4, S6.5, S7), for the reference interpreter.

An update is a plain dict, field -> change, as a node gave it; a state is one too. Nothing here is altered in place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from graphflow import errors
from graphflow.core import reducers
from graphflow.core.plan import Plan
from tests.execution import Update

FOLDS: dict[Any, Callable[[Any, Any], Any]] = {  # S7.1
    reducers.append: lambda old, one: [*old, one],
    reducers.extend: lambda old, some: [*old, *some],
    reducers.add: lambda old, more: old + more,
    reducers.union: lambda old, some: {*old, *some},
    reducers.merge: lambda old, some: {**old, **some},
    reducers.keep_last: lambda old, new: new,
}


def fold(plan: Plan, state: Update, updates: list[Update]) -> Update:
    """The state after the updates; validated once, at the end (S3.2, S7.2)."""
    try:
        valid = plan.state.model_validate(deepcopy(changed(plan, state, updates)))
    except ValueError as error:
        raise errors.UpdateInvalid("The state would be invalid") from error  # S3.3
    return {name: getattr(valid, name) for name in plan.state.model_fields}


def changed(plan: Plan, state: Update, updates: list[Update]) -> Update:
    """The updates folded in, one by one, and nothing asked of the result."""
    values = dict(state)
    for name, change in ((name, change) for update in updates for name, change in update.items()):
        if name not in plan.state.model_fields:
            raise errors.UpdateInvalid(f"There is no field {name}")  # S3.3
        folding, new = _folding(plan, name, change), change.value if isinstance(change, reducers.Replace) else change
        values[name] = folding(values[name], new) if folding else new
    return values


def find_conflict(plan: Plan, branches: Mapping[str, list[Update]]) -> None:
    """Raises if two branches wrote a field without a reducer, or one key of a dict (S6.5, S7.1)."""
    writers: defaultdict[Any, set[str]] = defaultdict(set)
    bare = set[str]()
    for branch, updates in branches.items():
        for name, change in ((name, change) for update in updates for name, change in update.items()):
            folding = _folding(plan, name, change)
            bare |= {name} if folding is None else set()
            for key in (name, *((name, key) for key in (change if folding is FOLDS[reducers.merge] else ()))):  # S7.1
                writers[key].add(branch)
    for key, paths in writers.items():
        if len(paths) > 1 and (isinstance(key, tuple) or key in bare):
            raise errors.WriteConflict(f"{sorted(paths)} wrote {key}")


def kept(plan: Plan, updates: list[Update]) -> list[Update]:
    """A scope's updates without the fields that stay behind in it (S6.5)."""
    is_local = {name for name, spec in plan.state.model_fields.items() if reducers.local in spec.metadata}
    return [{name: change for name, change in update.items() if name not in is_local} for update in updates]


def renamed(plan: Plan, updates: list[Update], outward: tuple[tuple[str, str], ...]) -> list[Update]:
    """Updates as the graph outside takes them, which has a state of its own: what was a whole value stays one (S12.1)."""

    def outside(name: str, change: Any) -> Any:
        is_whole = _folding(plan, name, change) is None and not isinstance(change, reducers.Replace)
        return reducers.Replace(change) if is_whole else change

    return [{outer: outside(name, update[name]) for outer, name in outward if name in update} for update in updates]


def _folding(plan: Plan, name: str, change: Any) -> Callable[[Any, Any], Any] | None:
    """How a change folds into its field; None where it replaces what was there (S7.1, S7.3)."""
    marks = () if isinstance(change, reducers.Replace) else plan.state.model_fields[name].metadata
    return next((FOLDS.get(mark, mark) for mark in marks if mark in FOLDS or reducers.is_function(mark)), None)
