"""A machine copied: cheap enough for an explorer to branch at every event.

Values are never altered in place once they are shared: both sides give up what they own, and copy on the next change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

from graphflow.core.machine import Machine
from graphflow.core.scopes import Fork, Scope
from graphflow.core.spending import Spent


def copy(machine: Machine) -> Machine:
    """An independent machine that stands where this one does. Outboxes that were not drained are copied too."""
    made = Machine.__new__(Machine)
    made.__dict__.update(machine.__dict__)
    scopes: dict[int, Scope] = {}
    forks: dict[int, Fork] = {}
    made.root = _scope(machine.root, scopes, forks)
    made.entries = list(machine.entries)
    made.timers = [(due, _scope(s, scopes, forks), timer) for due, s, timer in machine.timers]
    made.stops = [_scope(s, scopes, forks) for s in machine.stops]
    made.ready = deque(_scope(s, scopes, forks) for s in machine.ready)
    made.passing = deque(_scope(s, scopes, forks) for s in machine.passing)
    made.opening = deque(_fork(f, scopes, forks) for f in machine.opening)
    made.meeting = deque(_fork(f, scopes, forks) for f in machine.meeting)
    made.idle = {_scope(s, scopes, forks): None for s in machine.idle}
    made.answers = dict(machine.answers)
    made.gates = {
        key: ([running[0]], deque(_scope(s, scopes, forks) for s in line))
        for key, (running, line) in machine.gates.items()
    }
    made.spent = Spent.__new__(Spent)  # copy.copy takes 4 us
    _take_over_spent(made.spent, machine.spent)
    made.usage_by_node = dict(machine.usage_by_node)
    return made


def _assigning(names: Iterable[str]) -> Callable[[Any, Any], None]:
    """A function (made, old) that assigns every slot, written out: a loop of getattr and setattr takes 2.5 us a scope,
    this 0.7."""
    space: dict[str, Any] = {}
    exec("def assign(made, old):\n" + "".join(f"    made.{name} = old.{name}\n" for name in names), space)
    assign: Callable[[Any, Any], None] = space["assign"]
    return assign


_take_over_scope = _assigning(Scope.__slots__)
_take_over_fork = _assigning(Fork.__slots__)
_take_over_spent = _assigning(f.name for f in fields(Spent))


def _scope(old: Scope, scopes: dict[int, Scope], forks: dict[int, Fork]) -> Scope:
    made = scopes.get(id(old))
    if made is not None:
        return made
    made = Scope.__new__(Scope)
    scopes[id(old)] = made
    _take_over_scope(made, old)
    if old.own:
        old.own.clear()
    made.own = None
    if not old.is_borrowing:
        made.values = old.values.copy()
    made.home = made if old.home is old else _scope(old.home, scopes, forks)
    made.parent = None if old.parent is None else _scope(old.parent, scopes, forks)
    made.fork = None if old.fork is None else _fork(old.fork, scopes, forks)
    made.open = None if old.open is None else _fork(old.open, scopes, forks)
    made.branches = None if old.branches is None else _fork(old.branches, scopes, forks)
    made.log = None if old.log is None else list(old.log)
    made.visits = None if old.visits is None else dict(old.visits)
    made.taken = None if old.taken is None else dict(old.taken)
    made.effects = None if old.effects is None else dict(old.effects)
    made.view = None
    made.performer = None
    return made


def _fork(old: Fork, scopes: dict[int, Scope], forks: dict[int, Fork]) -> Fork:
    made = forks.get(id(old))
    if made is not None:
        return made
    made = Fork.__new__(Fork)
    forks[id(old)] = made
    _take_over_fork(made, old)
    made.owner = _scope(old.owner, scopes, forks)
    made.children = [None if child is None else _scope(child, scopes, forks) for child in old.children]
    made.parked = (
        None
        if old.parked is None
        else {
            _scope(branch, scopes, forks): [_scope(s, scopes, forks) for s in cursors]
            for branch, cursors in old.parked.items()
        }
    )
    made.writers = None if old.writers is None else dict(old.writers)
    return made
