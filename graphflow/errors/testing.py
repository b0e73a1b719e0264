"""GF6xx: tests of graphs. What they find is an AssertionError too, so that every test runner calls it a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphflow.errors.base import CODES, Code, GraphflowError


class TestingError(GraphflowError):
    """A test of a graph cannot be made as it was written."""

    __test__ = False  # pytest collects what is called Test...
    code = "GF600"


class OutsideReached(TestingError):
    """A node reached for the outside world, which a test does not have."""

    code = "GF601"


class PropertyInvalid(TestingError):
    """A property that says nothing, or something about what is not there."""

    code = "GF602"


class AnswersInvalid(TestingError):
    """``agents=`` names what is not in the graph, or says what cannot be an answer."""

    code = "GF603"


class NothingGenerated(TestingError):
    """No value could be made up: of the state, or of what an agent answers."""

    code = "GF604"


class NotDeterministic(TestingError):
    """The same run, played again, went another way."""

    code = "GF605"


class StepsInvalid(TestingError):
    """The steps of a replay do not fit the run."""

    code = "GF606"


class FaultInvalid(TestingError):
    """A fault that cannot be injected."""

    code = "GF607"


class MoveInvalid(TestingError):
    """A move at a place where nothing of that kind is open."""

    code = "GF608"


class HypothesisChanged(TestingError):
    """The Hypothesis that is installed is not as walks need it."""

    code = "GF609"


class FieldUnknown(TestingError):
    """A value was given for a field that does not exist."""

    code = "GF620"


class FieldInvalid(TestingError):
    """What was given to make values of cannot be one."""

    code = "GF621"


class ExploringInvalid(TestingError):
    """``explore`` was given bounds that are none, or asked for an edge that is not there."""

    code = "GF630"


class RecordInvalid(TestingError):
    """What was to be a recorded run is none."""

    code = "GF622"


class PropertyFailed(GraphflowError, AssertionError):
    """A property does not hold. ``str(error)`` is a run that shows it, ``replay`` the line that plays it again.

    ``names`` are what that line uses, and what they stand for.
    """

    code = "GF610"

    def __init__(
        self,
        what: str,
        *,
        story: str = "",
        replay: str = "",
        name: str = "",
        fix: str = "",
        names: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(what, fix=fix)
        self.names: dict[str, Any] = dict(names or {})
        self.story = story
        self.replay = replay
        self.name = name

    def __str__(self) -> str:
        return f"[{self.code}] {self.story or self.what}"


CODES.update(
    {
        "GF600": Code(
            "A test cannot be made",
            "A test of graphflow.testing was given something it can do nothing with. The message says what, and what it "
            "takes.",
        ),
        "GF601": Code(
            "A node reached for the outside",
            "Property tests run function nodes for real, thousands of times, on a clock that stands still: asyncio.sleep "
            "and timeouts take no time. There is no network, no subprocess and no model there. A node that needs them is "
            "given an answer instead: verify(graph, agents={fetch: says('<html>')}), or a strategy, or a function of its "
            "view. What a node gets by deps= can be replaced as well: verify(graph, deps=FakeClient()).",
        ),
        "GF602": Code(
            "A property that says nothing",
            "A property is never(...), always(...), eventually(...), sometimes(...) or leads_to(a, b), over an expression "
            "of fields(State) or a predicate of the state: never(news.published & (news.score < 7)). Its fields are those "
            "of the graph's own state. A default property is named in without= by its name.",
        ),
        "GF603": Code(
            "Answers for a node that does not exist, or of a wrong kind",
            "agents= says what nodes answer: {review: says(Review, score=st.integers(0, 10))}. The keys are handles of "
            "nodes or agents, or their names, also in graphs inside; the values are says(...), a value, a strategy, or a "
            "function of the view. What is said must be what the node returns: a valid value of its output type.",
        ),
        "GF604": Code(
            "Nothing could be generated",
            "A value is made up from its type, its bounds and the constants of your conditions. A validator that accepts "
            "hardly anything, or a type with no public values, defeats that. Give a strategy: start=st.builds(News, "
            "topic=st.just('owls')), or agents={plan: says(Plan, steps=st.lists(...))}.",
        ),
        "GF605": Code(
            "A run that cannot be played again",
            "The same answers in the same order gave another run, so some node, condition or reducer looks at more than "
            "the state: the clock, chance, a global, or the order of a set (S5.1, S15.1). Replay, resume and tests depend "
            "on that. What is not determined by the state is a node's reply: ctx.once(key, call) records it (S11.1).",
        ),
        "GF606": Code(
            "Steps that do not fit the run",
            "replay(graph, start=..., steps=[...]) makes the moves in the order given: ('plan',) runs the node, ('web', "
            "'fact') has it answer that. The run was at another place when its turn came, as a rule because the graph has "
            "changed since the steps were printed. The message shows where the run stands.",
        ),
        "GF607": Code(
            "A fault that cannot be injected",
            "Faults are made by graphflow.testing.faults: faults.all(at_most=2), faults.raising(ConnectionError), "
            "faults.crash(), faults.timeout(), and put together with +.",
        ),
        "GF608": Code(
            "A move where nothing is open",
            "Play.make(move) takes a move for what Play.open() lists: a reply of a node that runs, an answer to an open "
            "question, a timer that is owed.",
        ),
        "GF609": Code(
            "A Hypothesis that walks cannot use",
            "Walks take their choices from Hypothesis' own source of choices, which is quicker than what it offers in "
            "public, and which may change from one version to the next. graphflow-agents[test] asks for the versions that "
            "are known to be right: pip install 'graphflow-agents[test]'.",
        ),
        "GF610": Code(
            "A property does not hold",
            "A run was found in which it is broken, and made as short as could be. It reads from top to bottom: which "
            "node, what it said, where that led. Paste the last line into a test to keep it.",
        ),
        "GF620": Code(
            "A value for a field that does not exist",
            "state_strategy(News, score=9) and its constants= give values for fields by their names in Python, also where "
            "a field has an alias.",
        ),
        "GF621": Code(
            "Not what values are made of",
            "state_strategy takes a pydantic model, and for its fields values that they accept, or strategies: "
            "state_strategy(News, topic='owls', score=st.integers(7, 10)). strategy_for takes any other annotation.",
        ),
        "GF630": Code(
            "An exploration that cannot be made",
            "explore(graph) tries everything that can happen, from start states, within max_states, max_depth and "
            "max_seconds, which are numbers above 0. Its result is asked for edges by the names of their ends: "
            'path_to("review -> write"), path_to((review, write)).',
        ),
        "GF622": Code(
            "No recorded run",
            "compatible(graph, recorded) takes runs that were recorded: a Run, a file that `graphflow runs export` wrote, a "
            "store (runs.db, or a Postgres address), or several of these. Nothing is written to them.",
        ),
    }
)
