"""``verify`` and ``walks``: what holds of every run of a graph, tried from all sides.

``verify`` asks in layers, the cheapest first: what ``check`` can prove, what can be explored, and walks. The layers are
listed in one place, ``LAYERS``.
"""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from graphflow.core.usage import Budget
from graphflow.errors import GraphError, GraphflowError
from graphflow.errors.testing import AnswersInvalid, NothingGenerated, PropertyFailed, TestingError
from graphflow.graph.declaration import Declaration
from graphflow.runtime.run import Run
from graphflow.testing import faults as faults_
from graphflow.testing.calling import told_at_the_call
from graphflow.testing.exploring.counterexamples import counterexample
from graphflow.testing.exploring.explore import explore
from graphflow.testing.faults import Faults
from graphflow.testing.playing.naming import plan_and_name
from graphflow.testing.playing.play import Play
from graphflow.testing.playing.replaying import Names, factory_of, failed, replay, run_of
from graphflow.testing.playing.snippets import Step, Unwritable, snippet, step_of
from graphflow.testing.playing.still import apart
from graphflow.testing.properties import Bound, Property
from graphflow.testing.proving.prove import plan_of
from graphflow.testing.values.answers import Agents, Cast
from graphflow.testing.values.choices import Choices
from graphflow.testing.values.chosen import is_strategy
from graphflow.testing.values.starts import barren_in, start_values, words_of
from graphflow.testing.walking.claims import ClaimLaw, claim_laws
from graphflow.testing.walking.laws import Law, laws
from graphflow.testing.walking.question import Holding, Question, Verified
from graphflow.testing.walking.shortening import Test, smallest
from graphflow.testing.walking.trying import attempt, runs_of
from graphflow.testing.walking.unused import PROVED, never_taken
from graphflow.testing.walking.walk import Breach, Broken, Setting, Walk, broken, walk

F = TypeVar("F", bound=Callable[..., Any])


@told_at_the_call
def verify(
    graph: Declaration[Any],
    *,
    properties: Iterable[Property] = (),
    agents: Agents | None = None,
    faults: Faults = faults_.none,
    start: Any = None,
    without: Names = (),
    runs: int | None = None,
    budget: Budget | None = None,
    deps: Any = None,
) -> Verified:
    """Try to break the default properties of a graph, and ``properties``: every answer, order, fault and crash is chosen.

    - ``agents``: ``{review: says(Review, score=st.integers(0, 10))}``; unless told otherwise, an agent answers anything
      valid of its output type or takes any enabled handoff, a function is called for real, and a person answers anything
      valid or never.
    - ``faults``: ``faults.all(at_most=2)``; none unless given.
    - ``start``: a state, a strategy of states, or some of its fields, each a value or a strategy. What is not given is made
      up, if it has no default, or if no node writes it and something looks at it (then it is as declared at times);
      all else starts as declared. The result says which is which.
    - ``without``: default properties to leave out, by name.
    - ``deps``: what nodes read as ``ctx.deps``; a function or class is called anew for each walk.

    Raises PropertyFailed (an AssertionError) with the shortest run found, GraphError if ``check`` finds an error, and
    TestingError where the test itself is wrong.

    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Agent, Graph, fields
    >>> class News(BaseModel):
    ...     score: int = 0
    >>> news, newsroom = fields(News), Graph("newsroom", News)
    >>> review = newsroom.node(Agent("review", "Score it.", prompt="{score}", output=int), writes=news.score)
    >>> newsroom.edge(START, review)
    >>> newsroom.edge(review, END, when=news.score >= 7)
    >>> verify(newsroom)
    Traceback (most recent call last):
    graphflow.errors.testing.PropertyFailed: [GF610] 'no stuck state' does not hold in graph 'newsroom'
          1. review  says 0
      no way out of 'review':
         -> END  needs score >= 7   (is score=0)
      fix     add an edge without a condition, or widen one of these
      replay  replay(newsroom, start=News(), steps=[('review', 0)])
    """
    __tracebackhide__ = True  # a test's failure is its message
    plan = plan_of(graph, "verify")
    left_out = frozenset((without,) if isinstance(without, str) else without)
    question = Question(graph, plan, tuple(properties), agents, faults, start, left_out, runs_of(runs), budget, deps)
    return apart(functools.partial(_verified, question))


def _verified(question: Question) -> Verified:
    __tracebackhide__ = True
    names: dict[str, None] = {}
    start = ""
    for layer in LAYERS:
        found = layer(question)
        names |= dict.fromkeys(found.names)
        start = found.start or start
    return Verified(question.plan.name, tuple(names), question.runs, start)


# -- layers ------------------------------------------------------------------------------------------------------------


def structure(question: Question) -> Holding:
    """What ``check`` finds. Raises GraphError, and PropertyFailed for an edge that is proved never to be taken."""
    __tracebackhide__ = True
    findings = question.graph.check()
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise GraphError(question.plan.name, errors)
    unused = never_taken(question.plan.name, findings, question.without)
    if unused is not None:
        raise unused
    laws(question.without)  # a name that there is not is told before anything is tried
    return Holding(["structure", *(name for name in PROVED.values() if name not in question.without)])


def walked(question: Question) -> Holding:
    """Random walks, shrunk. Raises PropertyFailed."""
    __tracebackhide__ = True
    claims = claim_laws(question.plan, question.properties)
    asked: tuple[Law | ClaimLaw, ...] = (*laws(question.without), *claims)
    setting = setting_of(question, asked, tuple(claim.bound for claim in claims))
    ends: dict[str, Walk] = {}

    def test(given: Setting, data: Choices) -> None:
        ends["last"] = walk(given, data)

    found = _attempted(question, setting, test)
    if found is not None:
        raise told(question, found, claims) from found.__cause__
    for claim in claims:
        if claim.bound.kind == "sometimes" and not claim.was_seen:
            raise _never_seen(question, claim, ends["last"])
    return Holding([law.name for law in asked], words_of(setting.start))


def _attempted(question: Question, setting: Setting, test: Test) -> Broken | None:
    """The smallest failure that walks find, None if all is well."""
    try:
        found = attempt(functools.partial(test, setting), question.runs, question.plan.name)
    except NothingGenerated as error:
        barren = [*barren_in(setting.start), *setting.cast.barren()]
        if not barren:
            raise
        raise NothingGenerated(
            error.what,
            why="\n".join(f"Whatever was drawn was rejected for {one}" for one in barren),
            fix=error.fix,
        ) from None
    return None if found is None else smallest(found, setting, test, question.runs)


def explored(question: Question) -> Holding:
    """All that can happen within narrow bounds, one answer per region: the shortest run there is. Raises PropertyFailed.

    Left to the walks: a start that is made up anew for each, and answers whose values cannot be tried one by one.
    """
    __tracebackhide__ = True
    start = question.start
    if is_strategy(start) or (isinstance(start, Mapping) and any(map(is_strategy, cast("Any", start).values()))):
        return Holding([])
    claims = claim_laws(question.plan, question.properties)
    setting = setting_of(question, (*laws(question.without), *claims), tuple(claim.bound for claim in claims))
    deps = None if setting.deps is None else setting.deps()
    try:
        found = explore(
            question.graph,
            start=start,
            agents=question.agents,
            properties=[one for one in question.properties if one.kind != "sometimes"],
            failures=bool(question.faults),
            deps=deps,
            max_states=_MOST_STATES,
            max_seconds=_MOST_SECONDS,
        )
        discoveries = found.discoveries
    except (AnswersInvalid, NothingGenerated):
        return Holding([])
    for discovery in discoveries:
        shown = counterexample(setting, discovery)
        if shown is not None:
            raise told(question, shown, claims)
    return Holding([])


_MOST_STATES = 300
_MOST_SECONDS = 10.0  # a bound by states is the same on every machine

LAYERS: tuple[Callable[[Question], Holding], ...] = (structure, explored, walked)
"""Asked in this order; each gives the names of what holds, or raises PropertyFailed."""


def setting_of(question: Question, asked: tuple[Any, ...], bounds: Iterable[Bound] = ()) -> Setting:
    """What all walks of a question share. Raises AnswersInvalid, InputInvalid."""
    claims = tuple(guard for bound in bounds for guard in (bound.claim, bound.then) if guard is not None)
    cast = Cast(question.plan, question.agents, claims)
    inputs = cast.looked_at(claims).intersection(cast.inputs())  # what nobody looks at need not be made up
    start = start_values(question.plan, question.start, cast.maker(question.plan), inputs)
    return Setting(question.plan, cast, start, question.faults, question.budget, factory_of(question.deps), asked)


def told(
    question: Question,
    found: Broken,
    claims: Iterable[ClaimLaw] = (),
    again: Callable[[Run[Any]], object] | None = None,
) -> PropertyFailed:
    """The failure as a run, with the call that plays it again if that was seen to do so: ``again`` asks it of a run."""
    bound = next((claim.bound for claim in claims if claim.name == found.name), None)
    call, names = call_of(question, found, bound, again)
    return failed(found, question.plan.name, call, names)


def call_of(
    question: Question, found: Broken, bound: Bound | None, again: Callable[[Run[Any]], object] | None
) -> tuple[str, dict[str, Any]]:
    """``replay(...)`` as text, and the names it uses; empty unless evaluating it fails in the same way."""
    plan, name = plan_and_name(question.graph)
    try:
        deps = _name_of(question.deps)
        text, names = snippet(plan, name, found.walk.start, steps_of(found.walk), bound, question.budget, deps)
    except (Unwritable, GraphflowError):
        return "", {}
    names |= {name: question.graph, "replay": replay, **({deps: question.deps} if deps else {})}
    return (text, names) if _fails_again(text, names, found, again) else ("", {})


def _fails_again(
    text: str, names: Mapping[str, Any], found: Broken, again: Callable[[Run[Any]], object] | None
) -> bool:
    try:
        run = eval(text, dict(names))
    except PropertyFailed as failure:
        return failure.name == found.name
    except Exception:  # a value whose repr is no expression: then there is no snippet
        return False
    try:
        if again is not None:
            again(run)
    except Exception as error:
        return type(error) is type(found.__cause__)
    return False


def _name_of(deps: Any) -> str:
    """What stands for ``deps=`` in a call: the name of a class or function, else ``deps``; empty for none."""
    name = getattr(deps, "__qualname__", "")
    return "" if deps is None else name if name.isidentifier() else "deps"


def steps_of(walk: Walk) -> list[Step]:
    """The moves of a walk as steps of a replay."""
    play = Play(walk.plan, walk.start, budget=walk.setting.budget)
    if walk.setting.deps is not None:
        play.deps = walk.setting.deps()
    steps: list[Step] = []
    for took in walk.took:
        steps.append(step_of(took.move, play.open(), took.is_called))
        play.make(took.move)
    return steps


def _never_seen(question: Question, claim: ClaimLaw, last: Walk) -> PropertyFailed:
    name, number = claim.name, question.runs
    text = (
        f"{name!r} does not hold in graph {question.plan.name!r}\n"
        f"  in {number:,} walks {claim.bound.claim.label} never held\n"
        "  fix     say what leads there with agents= and start=, or make more walks with runs="
    )
    return PropertyFailed(f"{name!r} does not hold in graph {question.plan.name!r}", story=text, name=name)


# -- the decorator -----------------------------------------------------------------------------------------------------


def walks(
    graph: Declaration[Any],
    *,
    properties: Iterable[Property] = (),
    agents: Agents | None = None,
    faults: Faults = faults_.none,
    start: Any = None,
    runs: int | None = None,
    budget: Budget | None = None,
    deps: Any = None,
) -> Callable[[F], F]:
    """A test of many runs: ``@walks(newsroom, faults=faults.crash())`` above ``def test_budget(run): ...``.

    The test is called with each run as it came to rest (a ``Run``: its state, status, path, usage, failures) and asserts
    what it likes; fixtures may follow. The arguments are those of ``verify``; only ``properties`` are asked besides.

    >>> from pydantic import BaseModel
    >>> from graphflow import END, START, Agent, Graph, fields
    >>> class News(BaseModel):
    ...     fact: str = ""
    >>> newsroom = Graph("newsroom", News)
    >>> web = newsroom.node(Agent("web", "Find a fact.", prompt="{fact}"), writes=fields(News).fact)
    >>> newsroom.chain(START, web, END)
    >>> @walks(newsroom, runs=50)
    ... def test_short(run):
    ...     assert run.usage.steps == 1
    >>> test_short()
    """
    plan = plan_of(graph, "walks")
    question = Question(graph, plan, tuple(properties), agents, faults, start, frozenset(), runs_of(runs), budget, deps)

    def decorate(test: F) -> F:
        parameters = list(inspect.signature(test).parameters.values())
        if inspect.iscoroutinefunction(test) or not parameters:
            raise TestingError(
                f"{test.__name__} {'is async' if parameters else 'takes no run'}, and stands under @walks",
                why="It is called with each run, when that is over.",
                fix=f"Write def {test.__name__}(run): ...",
            )

        @functools.wraps(test)
        def walked_test(*args: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            try:
                apart(functools.partial(_try_runs, question, test, args, kwargs))
            except GraphflowError as error:  # at the user's own lines, and no others
                raise error.with_traceback(None if error.__cause__ is None else error.__cause__.__traceback__) from None

        del walked_test.__wrapped__  # pytest would look for a fixture called run
        cast("Any", walked_test).__signature__ = inspect.Signature(parameters[1:])
        return cast("F", walked_test)

    return decorate


def _try_runs(question: Question, test: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    __tracebackhide__ = True
    claims = claim_laws(question.plan, question.properties)
    setting = setting_of(question, claims, tuple(claim.bound for claim in claims))

    def once(given: Setting, data: Choices) -> None:
        done = walk(given, data)
        if done.is_cut and given is not setting:
            return  # it may not become as long as that
        try:
            test(run_of(done.play), *args, **kwargs)
        except Exception as error:
            error.__traceback__ = None if error.__traceback__ is None else error.__traceback__.tb_next
            raise broken(done, test.__name__, _breach_of(error, done)) from error

    found = _attempted(question, setting, once)
    if found is not None:
        raise told(question, found, claims, lambda run: test(run, *args, **kwargs)) from found.__cause__


def _breach_of(error: Exception, done: Walk) -> Breach:
    lines = str(error).splitlines() or [traceback.extract_tb(error.__traceback__)[-1].line or ""]
    said = f"{type(error).__name__}: {lines[0]}".rstrip(": ")
    return Breach((f"the run is {done.play.status}, and then {said}", *(f"   {line}" for line in lines[1:])))
