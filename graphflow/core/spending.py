"""Budgets (S13) and the step limit: reserved before a node or call starts, settled after.

When a budget is used up nothing new starts and what runs finishes; then the run ends ``exhausted`` with its frontier
kept, or one cursor goes to the node named by ``graph.on_budget``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphflow.core import changing, joins
from graphflow.core.scopes import FORKED, Scope
from graphflow.core.usage import Usage
from graphflow.errors import BudgetExhausted, JoinFailed

if TYPE_CHECKING:
    from graphflow.core.machine import Machine


@dataclass(slots=True)
class Spent:
    """What the run has used, and what calls under way have reserved."""

    steps: int = 0
    under_way: int = 0  # steps of graphs called as tools, until those calls are recorded (S12.2)
    usage: Usage = field(default_factory=Usage)
    reserved_calls: int = 0
    reserved_tokens: int = 0
    reserved_usd: float = 0.0
    seconds: float = 0.0  # driven before now, by earlier drivers
    seconds_before: float = 0.0  # those of the run that this one is a rerun of
    since: float = 0.0  # when the present driver began
    began: float = 0.0  # when the run did


def may_step(machine: Machine, scope: Scope) -> bool:
    """Whether one more visit of a node may start; if not, nothing starts from now on."""
    budget, spent = machine.budget, machine.spent
    is_own = budget is not None and budget.steps is not None
    most = machine.plan.limits.steps if budget is None or budget.steps is None else budget.steps
    if machine.is_wrapped:
        most += 0 if budget is None else budget.reserve_steps
    steps = spent.steps + spent.under_way
    if steps < most and not _is_over_time(machine):
        return True
    machine.is_exhausted = True
    if steps < most:
        machine.bound, machine.reason = "seconds", _used_up(machine, "seconds")
    else:
        machine.bound = "steps"
        machine.reason = _used_up(machine, "steps") if is_own else f"the graph's limit of {most:,} steps is reached"
    return False


def _used_up(machine: Machine, bound: str) -> str:
    most = getattr(machine.budget, bound)
    name = (bound if most != 1 else bound.removesuffix("s")).replace("_", " ")
    given = f"${most:g}" if bound == "usd" else f"{most:,g} {name}" if bound == "seconds" else f"{most:,} {name}"
    return f"the budget of {given} is used up"


def _is_over_time(machine: Machine) -> bool:
    budget = machine.budget
    if budget is None or budget.seconds is None or machine.is_wrapped:
        return False
    return machine.spent.seconds + machine.now - machine.spent.since >= budget.seconds


def has_time(machine: Machine) -> bool:
    """Whether a call that was reserved, and then stood in line, may still start; if not, nothing starts from now on."""
    if not _is_over_time(machine):
        return True
    machine.is_exhausted = True
    machine.bound, machine.reason = "seconds", _used_up(machine, "seconds")
    return False


def is_too_early(machine: Machine, calls: int) -> bool:
    """Whether the budget is not used up, but what is left of it is reserved by calls under way, which may need less."""
    spent = machine.spent
    if not spent.reserved_calls or machine.is_wrapped:
        return False
    return bool(
        _over(machine, calls, spent.reserved_calls, spent.reserved_tokens, spent.reserved_usd)
        and not _over(machine, calls, 0, 0, 0.0)
    )


def _over(machine: Machine, calls: int, reserved_calls: int, reserved_tokens: int, reserved_usd: float) -> str:
    """The bound that so many calls more would break, by its name in Budget."""
    budget, usage = machine.budget, machine.spent.usage
    if budget is None:
        return ""
    if budget.model_calls is not None and usage.model_calls + reserved_calls + calls > budget.model_calls:
        return "model_calls"
    if calls == 0:
        return ""
    if budget.tokens is not None and usage.tokens + reserved_tokens >= budget.tokens:
        return "tokens"
    if budget.usd is not None and (usage.usd or 0.0) + reserved_usd >= budget.usd:
        return "usd"
    return "seconds" if _is_over_time(machine) else ""


def reserve(machine: Machine, calls: int, tokens: int, usd: float | None) -> bool:
    """Reserve a call's most possible cost. False: the budget is used up, and nothing new starts from now on.

    Raises BudgetExhausted if the price is unknown while the budget is in usd: unknown is never zero (S13.1).
    """
    budget, spent = machine.budget, machine.spent
    if budget is None:
        return True
    usage = spent.usage
    if budget.usd and (usd is None or usage.usd is None):  # of nothing nothing may be spent, whatever it costs
        raise BudgetExhausted(
            "The price of a model call is unknown, so a budget in usd cannot be kept",
            why="An unknown price is unknown, never zero. (S13.1)",
            fix="Give the model its prices, or set the budget in tokens or model_calls.",
        )
    over = _over(machine, calls, spent.reserved_calls, spent.reserved_tokens, spent.reserved_usd)
    if over and not machine.is_wrapped:
        machine.is_exhausted = True
        machine.bound, machine.reason = over, _used_up(machine, over)
        return False
    spent.reserved_calls += calls
    spent.reserved_tokens += tokens
    spent.reserved_usd += usd or 0.0
    return True


def settle(machine: Machine, calls: int, tokens: int, usd: float | None) -> None:
    """A call is over: its reserve is given back; what it cost is counted with its record."""
    if machine.budget is None:
        return
    spent = machine.spent
    spent.reserved_calls -= calls
    spent.reserved_tokens -= tokens
    spent.reserved_usd -= usd or 0.0


def wind_up(machine: Machine) -> bool:
    """Nothing runs any more: wrap up once if the graph says how, else end ``exhausted``. True: there is more to do."""
    if machine.plan.on_budget is None or machine.is_wrapped:
        machine.end("exhausted")
        return False
    entry: dict[str, Any] = {"kind": "wrapped", "at": machine.root.path}
    members, altered = _mergeable(machine)
    if members:
        entry["members"] = members
    if altered:
        entry["altered"] = altered
    machine.note(entry, machine.root)
    wrap_up(machine, members, altered)
    machine.settle()
    return True


def _mergeable(machine: Machine) -> tuple[list[int], dict[str, Any]]:
    """The done branches of the run's open fork, if they can be merged: open forks close as best_effort would."""
    fork = machine.root.open
    if fork is None or fork.edge is None:
        return [], {}
    members = fork.done_ones()
    updates = fork.updates_of(members)
    try:
        joins.find_conflicts(fork, members, updates)
        altered = joins.check_merge(machine.root, updates)
    except JoinFailed:
        return [], {}
    return members, altered


def wrap_up(machine: Machine, members: list[int], altered: dict[str, Any]) -> None:
    """One cursor goes to the wrap-up node, with the reserve to spend; live and in replay."""
    root = machine.root
    fork = root.open
    machine.is_exhausted = False
    machine.bound = machine.reason = ""
    machine.is_wrapped = True
    if root.status == FORKED and fork is not None:
        changing.close_fork(machine, fork)
        changing.merge(root, fork.updates_of(members))
        if altered:
            root.overwrite(altered)
    changing.put_down(machine, root)
    machine.ready.clear()
    machine.opening.clear()
    machine.passing.clear()
    root.turn += 1
    assert machine.plan.on_budget is not None
    root.arrive(root.plan.nodes[machine.plan.on_budget], machine.now)
    (machine.ready if root.status == "ready" else machine.passing).append(root)
