"""``as_state_machine``: the runs of a graph as a Hypothesis state machine, to which users add rules and invariants.

``verify`` is quicker and tells a failure as a run. This is for those who have such machines already, and want what
happens between the moves of a run to be theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from graphflow.core.plan import Plan
from graphflow.graph.declaration import Declaration
from graphflow.graph.ends import END
from graphflow.testing.exploring.declared import demands_of
from graphflow.testing.playing.play import Move, Option, Play
from graphflow.testing.proving.prove import plan_of
from graphflow.testing.values.strategies import state_strategy, strategy_for


class GraphStateMachine(RuleBasedStateMachine):
    """One run of a graph, a move per step. ``play`` is the run: its ``state``, ``status``, ``frontier``, ``moves``."""

    plan: Plan
    starts: st.SearchStrategy[Any]
    deps: Any = None
    constants: Sequence[Any] = ()
    known: dict[int, st.SearchStrategy[Any]]
    play: Play

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """The run starts, from any valid state."""
        self.play = Play(self.plan, data.draw(self.starts, "start"), deps=self.deps)

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        """Something that may happen next does: a node ends, a question is answered, a timer fires."""
        options = {f"{option.kind} {option.cursor}": option for option in self.play.open()}
        if options:
            chosen = data.draw(st.sampled_from(list(options)), "next")
            self.play.make(self._moved(options[chosen], data))

    @invariant()
    def holds(self) -> None:
        """Nothing of what the machine itself promises is broken: there is always something to happen, or it is over."""
        if hasattr(self, "play") and self.play.machine.status == "running":
            assert self.play.open() or self.play.machine.idle, "The run stands still, and is not over. (S6.8)"

    def _moved(self, option: Option, data: st.DataObject) -> Move:
        cursor, node = option.cursor, option.node
        if option.kind == "timer":
            return Move("fire", cursor, node.name, option.timer)
        if option.kind == "question":
            annotation: Any = Any if node.ask is None else node.ask.answer
            return Move("answer", cursor, node.name, data.draw(self._values(annotation), f"{node.name} is answered"))
        if node.kind == "function":
            return self.play.perform(option)
        handoffs = [option.scope.plan.nodes[edge.target].name for edge in node.handoffs]
        said = self._values(node.returns)
        ways: st.SearchStrategy[tuple[str, Any]] = st.tuples(st.just("reply"), said)
        if handoffs:
            names = [END if name == "END" else name for name in handoffs]
            chosen = st.tuples(st.just("handoff"), st.sampled_from(names))
            ways = ways | chosen if node.exits else chosen
        kind, value = data.draw(ways, f"{node.name} says")
        return Move("reply" if kind == "reply" else "handoff", cursor, node.name, value)

    @classmethod
    def _values(cls, annotation: Any) -> st.SearchStrategy[Any]:
        """What somebody may say; made once for a type."""
        key = id(annotation)
        if key not in cls.known:
            cls.known[key] = strategy_for(annotation, constants=cls.constants)
        return cls.known[key]


def as_state_machine(
    graph: Declaration[Any], *, start: Any = None, deps: Any = None, steps: int = 50
) -> type[GraphStateMachine]:
    """A RuleBasedStateMachine whose steps are the moves of a run; derive from it to add rules and invariants.

    ``start`` is a state, or a strategy of states; any valid one unless given. Functions are called for real, agents say
    anything valid, or take any handoff. ``steps`` is how many moves a run makes at most.

    >>> from hypothesis.stateful import invariant, run_state_machine_as_test
    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Graph, fields
    >>> class Count(BaseModel):
    ...     n: int = 0
    >>> graph = Graph("count", Count)
    >>> @graph.node(writes=fields(Count).n)
    ... def up(state: Count) -> int:
    ...     return state.n + 1
    >>> graph.chain(START, up, END)
    >>> class Counting(as_state_machine(graph, start=Count())):
    ...     @invariant()
    ...     def never_above_one(self):
    ...         assert self.play.state.n <= 1
    >>> run_state_machine_as_test(Counting)
    """
    plan = plan_of(graph, "as_state_machine")
    demands = demands_of([plan], ())[id(plan)]
    given, is_strategy = start, isinstance(start, st.SearchStrategy)
    starts: st.SearchStrategy[Any] = given
    if start is None:
        starts = state_strategy(plan.state, constants=demands)
    elif not is_strategy:
        Play(plan, start)  # refused here, at the line
        starts = st.just(start)
    constants = [value for below in demands.below.values() for value in below.constants]
    members: dict[str, Any] = {
        "plan": plan,
        "starts": starts,
        "deps": deps,
        "known": {},
        "constants": constants,
        "__doc__": f"Runs of the graph {plan.name!r}, a move per step.",
    }
    made: Any = type("GraphStateMachine", (GraphStateMachine,), members)
    made.TestCase.settings = settings(made.TestCase.settings, stateful_step_count=steps)
    return cast("type[GraphStateMachine]", made)
