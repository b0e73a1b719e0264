"""The prover: which conditions of one node are dead or shadowed, where none holds, where one raises (S4.2, S4.4).

Every atom ``value op constant`` answers the same everywhere between its constants, so trying one representative per
region, in all combinations of the fields mentioned, decides exactly. Atoms of another form (field against field,
arithmetic) and opaque predicates are free Booleans: with them "never" and "always" are still proved if they hold
whatever the Booleans are, but a state is only shown as a witness if the conditions themselves say so on it. A solver,
if one is given, is asked about what regions leave open; what it shows is believed on the same terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from graphflow.core.plan import Guard
from graphflow.graph.demands import Demand, note
from graphflow.graph.evaluation import Test, compiled
from graphflow.graph.labels import ITEM_NAME
from graphflow.graph.representatives import Domain, domain_of, example, holds_stand_in
from graphflow.graph.shapes import ANYTHING, Shape, fields_of, shape_of
from graphflow.graph.terms import (
    And,
    Compare,
    Constant,
    Field,
    Not,
    Or,
    Term,
    atoms,
    children,
    negated,
    reads,
    uses_item,
    with_children,
)
from graphflow.graph.verdicts import Answers, Outcome, Outcomes, Overlap, Raising, Shadowed, Solver, Verdict, Witness

MOST_COMBINATIONS = 20_000
_MOST_WITNESSES = 50
_TRUE = Constant(True)
_MOST_FREE_VALUES = 4

_ALWAYS, _LIMITED_ONLY = Verdict(), Verdict(gap_without_limited={})


def decide(
    guards: Sequence[Guard | None],
    state_type: type[Any],
    *,
    limited: Sequence[bool] = (),
    item_type: Any = None,
    most_combinations: int = MOST_COMBINATIONS,
    solver: Solver | None = None,
) -> Verdict:
    """Decide about the conditions of one node, in the order they are tried; None is no condition.

    ``limited`` says which have an ``at_most`` and so may be used up. ``item_type`` is the annotation of ITEM. A
    ``solver`` is asked only about what trying one state per region cannot decide.
    """
    is_limited = [*limited, *[False] * (len(guards) - len(limited))]
    if len(guards) == 1 and guards[0] is None:
        return _LIMITED_ONLY if is_limited[0] else _ALWAYS  # most nodes of most graphs
    question = _Question(guards, state_type, ANYTHING if item_type is None else shape_of(item_type))
    is_small = question.combinations <= most_combinations
    if solver is not None and not (is_small and question.is_understood):
        answers = solver(question.trees, question.shape_at)
        if answers is not None:
            return _solved(question, is_limited, answers)
    if not is_small:
        return Verdict(proved=False, reason=f"too many combinations: {question.combinations:,}", is_unknown=True)
    assumed = question.outcomes(question.assumed, question.free)
    shown = question.outcomes(question.real, ()) if question.free else assumed
    return _verdict(question, is_limited, assumed, shown, is_settled=question.is_understood)


def _solved(question: _Question, is_limited: Sequence[bool], answers: Answers) -> Verdict:
    """The verdict where a solver knows what is possible, and the conditions themselves say what is shown."""
    shown: Outcomes = {}
    rest = {name: example(question.shape_at(name)) for name in sorted(question.names)}
    for witnesses in answers.possible.values():
        for witness in witnesses:
            state = {**rest, **witness}
            outcome = tuple([_asked(test, state, (state.get(ITEM_NAME),)) for test in question.real])
            shown.setdefault(outcome, []).append(state)
    readable = [n for n, is_opaque in enumerate(question.opaque) if not is_opaque]
    seen = {tuple(outcome[n] for n in readable) for outcome in shown}
    is_exact = answers.is_understood and all(tuple(one[n] for n in readable) in seen for one in answers.possible)
    return _verdict(question, is_limited, dict(answers.possible), shown, is_settled=is_exact)


@dataclass(slots=True)
class _Question:
    """The guards of one node, taken apart: values to try per field, and free Booleans for what is not understood."""

    guards: Sequence[Guard | None]
    state_type: type[Any]
    item: Shape
    trees: list[Term | None] = field(init=False)
    domains: dict[str, tuple[Any, ...]] = field(init=False)
    free: tuple[str, ...] = field(init=False)
    assumed: list[Test] = field(init=False)
    real: list[Test] = field(init=False)

    def __post_init__(self) -> None:
        trees = [cast("Term | None", guard.expression) if guard else _TRUE for guard in self.guards]
        self.trees = trees
        parts = list(dict.fromkeys(atom for tree in trees if tree is not None for atom in atoms(tree)))
        demands = Demand()
        understood = {atom: note(atom, demands) for atom in parts}
        roots = {atom: _roots(atom) for atom in parts}
        found = {name: domain_of(self.shape_at(name), demand) for name, demand in demands.below.items()}
        decided = [atom for atom in parts if understood[atom] and all(found[name].is_exact for name in roots[atom])]
        loose = {_positive(atom): f"?{number}" for number, atom in enumerate(parts) if atom not in decided}
        for number, (guard, tree) in enumerate(zip(self.guards, trees, strict=True)):
            if guard is not None and tree is None:
                loose[Field(f"?{guard.label} {number}")] = f"?opaque {number}"
        self.free = tuple(dict.fromkeys(loose.values()))
        free_roots = {name for atom in parts if atom not in decided for name in roots[atom]}
        for name in free_roots - found.keys():
            found[name] = domain_of(self.shape_at(name), Demand())
        self.domains = {}
        for name, domain in found.items():
            tests = [compiled(atom) for atom in decided if name in roots[atom]]
            self.domains[name] = _reduced(name, domain, tests, _MOST_FREE_VALUES if name in free_roots else 1)
        always: Test = lambda values, items: True  # noqa: E731
        self.real = [compiled(tree) if tree is not None else always for tree in trees]
        self.assumed = [
            compiled(_loosened(tree, loose))
            if tree is not None
            else (always if guard is None else compiled(Field(f"?opaque {number}")))
            for number, (guard, tree) in enumerate(zip(self.guards, trees, strict=True))
        ]

    def shape_at(self, name: str) -> Shape:
        """What a field of the state may hold; under "ITEM" what an item is."""
        return self.item if name == ITEM_NAME else fields_of(self.state_type).get(name, ANYTHING)

    @property
    def opaque(self) -> list[bool]:
        """Which conditions are plain predicates that cannot be read."""
        return [tree is None for tree in self.trees]

    @property
    def names(self) -> frozenset[str]:
        """The fields that the conditions look at, as far as they can be read."""
        return frozenset[str]().union(*(_roots(tree) for tree in self.trees if tree is not None))

    @property
    def is_understood(self) -> bool:
        """Whether no part of a readable condition is a free Boolean."""
        return len(self.free) == sum(self.opaque)

    @property
    def combinations(self) -> int:
        return math.prod(len(values) for values in self.domains.values()) * (1 << len(self.free))

    def outcomes(self, tests: Sequence[Test], free: Sequence[str]) -> Outcomes:
        """What the guards say on every combination."""
        found: Outcomes = {}
        for witness, values, items in self._states(free):
            outcome = tuple([_asked(test, values, items) for test in tests])
            witnesses = found.setdefault(outcome, [])
            if len(witnesses) < _MOST_WITNESSES:
                witnesses.append(witness)
        return found

    def _states(self, free: Sequence[str]) -> Iterator[tuple[Witness, dict[str, Any], tuple[Any, ...]]]:
        names = list(self.domains)
        for row in product(*self.domains.values()):
            witness = dict(zip(names, row, strict=True))
            items = (witness.get(ITEM_NAME),)
            if not free:
                yield witness, witness, items
            for answers in product((False, True), repeat=len(free)):
                if free:
                    yield witness, {**witness, **dict(zip(free, answers, strict=True))}, items

    def is_possible(self, witness: Witness) -> bool:
        """Whether the state class itself accepts the witness: its validators may know more than its types."""
        if not issubclass(self.state_type, BaseModel) or any(holds_stand_in(value) for value in witness.values()):
            return True
        infos, shapes = self.state_type.model_fields, fields_of(self.state_type)
        given = {name: value for name, value in witness.items() if name in infos}
        rest = {name: example(shapes[name]) for name, info in infos.items() if info.is_required() and name not in given}
        try:
            state = self.state_type.model_validate({**rest, **given}, by_alias=False, by_name=True)
        except ValidationError as error:
            return not any(not part["loc"] or part["loc"][0] in given for part in error.errors())
        return all(getattr(state, name) == value for name, value in given.items())

    def first_possible(self, witnesses: Sequence[Witness]) -> Witness | None:
        return next((witness for witness in witnesses if self.is_possible(witness)), None)


def _reduced(name: str, domain: Domain, tests: Sequence[Test], most: int) -> tuple[Any, ...]:
    """A few values per way the decided atoms answer: one, or more of a field that other atoms look at too."""
    kept: dict[tuple[Outcome, ...], list[Any]] = {}
    for value in domain.values:
        values, items = {name: value}, (value,)
        same = kept.setdefault(tuple([_asked(test, values, items) for test in tests]), [])
        if len(same) < most:
            same.append(value)
    return tuple(value for values in kept.values() for value in values)


def _verdict(
    question: _Question, is_limited: Sequence[bool], assumed: Outcomes, shown: Outcomes, *, is_settled: bool
) -> Verdict:
    """Read the findings off: "never" from what is assumed, witnesses from what is shown.

    ``is_settled``: but for opaque predicates, what is assumed is also shown.
    """
    guards, unshowable = question.guards, question.opaque
    dead = tuple(n for n in range(len(guards)) if not any(outcome[n] for outcome in assumed))
    is_shown = not any(unshowable)
    gap = _witness(shown, lambda outcome: not _any_holds(outcome), question) if is_shown else None
    firm = [n for n, one in enumerate(is_limited) if not one]
    without: Witness | None = None
    if any(is_limited) and not any(unshowable[n] for n in firm):
        without = _witness(shown, lambda outcome: all(outcome[n] is False for n in firm), question)
    possible = None if gap is not None else _first(assumed, lambda outcome: not _any_holds(outcome))
    reasons = [
        "a condition is a plain predicate that cannot be read" if not is_shown else "",
        "" if is_settled else "a condition compares fields with fields, calculates, or looks into texts",
        "validators of the state decide whether the gap can be"
        if is_settled and is_shown and possible is not None
        else "",
    ]
    return Verdict(
        dead=dead,
        shadowed=tuple(_shadowed(len(guards), is_limited, assumed, dead)),
        gap=gap,
        gap_without_limited=without,
        possible_gap=possible,
        overlaps=tuple(_overlaps(guards, shown, unshowable, question)),
        raises=tuple(_raising(is_limited, shown, unshowable, question)),
        proved=not any(reasons),
        reason="; ".join(reason for reason in reasons if reason),
    )


def _any_holds(outcome: Sequence[Outcome]) -> bool:
    """Whether one holds; one that raises is an error of its own, and no gap."""
    return any(holds is not False for holds in outcome)


def _first(outcomes: Outcomes, wanted: Callable[[tuple[Outcome, ...]], bool]) -> Witness | None:
    """A state on which the guards say so; empty where it is possible and no such state is known."""
    return next(((witnesses or [{}])[0] for outcome, witnesses in outcomes.items() if wanted(outcome)), None)


def _witness(outcomes: Outcomes, wanted: Callable[[tuple[Outcome, ...]], bool], question: _Question) -> Witness | None:
    for outcome, witnesses in outcomes.items():
        if wanted(outcome):
            found = question.first_possible(witnesses)
            if found is not None:
                return found
    return None


def _shadowed(number: int, is_limited: Sequence[bool], outcomes: Outcomes, dead: Sequence[int]) -> Iterator[Shadowed]:
    for index in range(number):
        if index in dead:
            continue
        before = [n for n in range(index) if not is_limited[n]]
        holding = [outcome for outcome in outcomes if outcome[index]]
        if not all(any(outcome[n] is not False for n in before) for outcome in holding):
            continue
        alone = [n for n in before if all(outcome[n] is not False for outcome in holding)]
        needed = [n for n in before if any(outcome[n] is not False for outcome in holding)]
        yield Shadowed(index, tuple(alone[:1] or needed))


def _overlaps(
    guards: Sequence[Guard | None], outcomes: Outcomes, unshowable: Sequence[bool], question: _Question
) -> Iterator[Overlap]:
    conditional = [n for n, guard in enumerate(guards) if guard is not None and not unshowable[n]]
    for place, first in enumerate(conditional):
        for second in conditional[place + 1 :]:
            both = [outcome for outcome in outcomes if outcome[first] and outcome[second]]
            witness = next(filter(None, (question.first_possible(outcomes[outcome]) for outcome in both)), None)
            if witness is None:
                continue
            only_first = any(outcome[first] and not outcome[second] for outcome in outcomes)
            only_second = any(outcome[second] and not outcome[first] for outcome in outcomes)
            yield Overlap(first, second, witness, not (only_first and only_second))


def _raising(
    is_limited: Sequence[bool], outcomes: Outcomes, unshowable: Sequence[bool], question: _Question
) -> Iterator[Raising]:
    """A guard is asked only if none before it was taken (S4.2); one with a limit may be used up."""
    for index in range(len(is_limited)):
        before = [n for n in range(index) if not is_limited[n]]
        if any(unshowable[n] for n in before):
            return  # a predicate that cannot be read may be taken first, always
        asked = {o: w for o, w in outcomes.items() if o[index] is None and all(o[n] is False for n in before)}
        witness = _witness(asked, lambda _: True, question)
        if witness is not None:
            yield Raising(index, witness, _error(question.real[index], witness))


def _error(test: Test, witness: Witness) -> str:
    try:
        test(witness, (witness.get(ITEM_NAME),))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _asked(test: Test, values: dict[str, Any], items: tuple[Any, ...]) -> Outcome:
    try:
        return bool(test(values, items))
    except Exception:  # whatever a comparison of the user's types raises
        return None


def _roots(atom: Term) -> frozenset[str]:
    return reads(atom) | {ITEM_NAME} if uses_item(atom) else reads(atom)


def _positive(atom: Term) -> Term:
    """One form for an atom and its opposite, so that they share a Boolean."""
    return negated(atom) if isinstance(atom, Compare) and atom.sign == "!=" else atom


def _loosened(term: Term, loose: dict[Term, str]) -> Term:
    """The condition with a free Boolean in the place of each atom that is not decided."""
    if isinstance(term, And | Or | Not):
        return with_children(term, tuple(_loosened(child, loose) for child in children(term)))
    name = loose.get(_positive(term))
    if name is None:
        return term
    return Field(name) if _positive(term) == term else Not(Field(name))
