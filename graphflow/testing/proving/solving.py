"""What z3 knows of conditions that regions cannot decide: fields against fields, and arithmetic (S4.4).

The conditions of a node become formulas of three values, true, false and raising, over one variable per field. All
ways in which the conditions can answer together are enumerated, each with a state that z3 found. Formulas allow at
least what Python does: sums of floats are any function, what has no formula is a free Boolean. So what no model shows
is proved; what one shows is believed only after the conditions themselves said so on that state, which the caller
asks. z3 is an extra, ``graphflow-agents[prove]``, and imported on first use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from enum import Enum
from importlib.util import find_spec
from typing import Any, cast

from pydantic import BaseModel

from graphflow.graph.demands import Demand
from graphflow.graph.representatives import domain_of, example, model_of
from graphflow.graph.shapes import Shape
from graphflow.graph.terms import Term
from graphflow.graph.verdicts import Answers, Outcome, Witness
from graphflow.testing.proving.formulas import Formulas, NoFormula, Truth, Variable

_MOST_ANSWERS = 512
_EFFORT = 3_000_000  # z3's own count of work for one question; no clock, so that a verdict is the same everywhere
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")


def is_installed() -> bool:
    """Whether z3 can be used here."""
    return find_spec("z3") is not None


def solve(trees: Sequence[Term | None], shape_at: Callable[[str], Shape]) -> Answers | None:
    """All that conditions can answer together, tried in this order; None where z3 gave up.

    ``trees`` are the conditions, None for an opaque one, which may answer anything. ``shape_at`` gives what a field
    may hold, and under "ITEM" what an item is.
    """
    loose = _Solving(shape_at, has_exact_sums=False)
    found = loose.answers(trees)
    if found is None:
        return None
    witnesses = {outcome: [witness] for outcome, witness in found if witness is not None}
    if loose.formulas.sums:  # the loose ones allow too much to show anything
        exact = _Solving(shape_at, has_exact_sums=True).answers(trees) or []
        for outcome, witness in exact:
            if witness is not None:
                witnesses.setdefault(outcome, []).insert(0, witness)
    possible = {outcome: witnesses.get(outcome, []) for outcome, _ in found}
    return Answers(possible, is_understood=not loose.formulas.free)


class _Solving:
    """The conditions of one node, and the states of z3's models."""

    def __init__(self, shape_at: Callable[[str], Shape], *, has_exact_sums: bool) -> None:
        self.formulas = Formulas(shape_at, has_exact_sums=has_exact_sums)
        self.z3 = self.formulas.z3

    def answers(self, trees: Sequence[Term | None]) -> list[tuple[tuple[Outcome, ...], Witness | None]] | None:
        """Each way in which they can answer, with a state; None where z3 gave up or there are very many."""
        z3 = self.z3
        truths = [
            self.formulas.truth(tree) if tree is not None else Truth(z3.Bool(f"opaque {n}"), self.formulas.never)
            for n, tree in enumerate(trees)
        ]
        solver, near = z3.Solver(), z3.Bool("near")
        solver.set("rlimit", _EFFORT)
        solver.add(*self.formulas.rules, z3.Implies(near, z3.And(self.formulas.nearby)))
        found: list[tuple[tuple[Outcome, ...], Witness | None]] = []
        while len(found) <= _MOST_ANSWERS:
            answer = solver.check(near)
            if answer != z3.sat:
                answer = solver.check()
            if answer == z3.unsat:
                return found
            if answer != z3.sat:
                return None
            model = solver.model()
            outcome = tuple(self._answer(model, truth) for truth in truths)
            found.append((outcome, self._witness(model)))
            solver.add(
                z3.Not(z3.And([self._same(truth, answer) for truth, answer in zip(truths, outcome, strict=True)]))
            )
        return None

    def _answer(self, model: Any, truth: Truth) -> bool | None:
        if self.z3.is_true(model.eval(truth.raises, model_completion=True)):
            return None
        return bool(self.z3.is_true(model.eval(truth.holds, model_completion=True)))

    def _same(self, truth: Truth, answer: bool | None) -> Any:
        z3 = self.z3
        if answer is None:
            return truth.raises
        return z3.And(z3.Not(truth.raises), truth.holds if answer else z3.Not(truth.holds))

    # -- witnesses -------------------------------------------------------------------------------------------------

    def _witness(self, model: Any) -> Witness | None:
        """The state a model describes; None where it cannot be made."""
        roots = dict.fromkeys(path[0] for path in self.formulas.variables)
        try:
            return {root: self._made_up(model, (root,)) for root in roots}
        except NoFormula:
            return None

    def _made_up(self, model: Any, path: tuple[str, ...]) -> Any:
        variable = self.formulas.variables[path]
        value = variable.value
        if self.z3.is_true(model.eval(value.is_none, model_completion=True)):
            return None
        if value.of is BaseModel:
            below = [known for known in self.formulas.variables if known[:-1] == path]
            given = {known[-1]: self._made_up(model, known) for known in below}
            return model_of(cast("type[Any]", variable.kind.base), given)
        found = model.eval(value.at, model_completion=True)
        if value.of is list:
            return self._filled(model, variable, found.as_long())
        return self._as_python(variable, found)

    def _as_python(self, variable: Variable, found: Any) -> Any:
        base = variable.kind.base
        match variable.value.of:
            case of if issubclass(of, Enum):
                return list[Any](of)[int(found.as_long())]
            case of if of is bool:
                return bool(self.z3.is_true(found))
            case of if of is int:
                return found.as_long()
            case of if of is str:
                return _ESCAPED.sub(lambda sign: chr(int(sign[1], 16)), found.as_string())
            case _:
                if not self.z3.is_rational_value(found):
                    raise NoFormula  # a root, as of x * x == 2
                exact = found.as_fraction()
                return Decimal(exact.numerator) / exact.denominator if base is Decimal else float(exact)

    def _filled(self, model: Any, variable: Variable, size: int) -> Any:
        """A container of that size that holds some constants and others not."""
        wanted = [
            (member, bool(self.z3.is_true(model.eval(is_in, model_completion=True))))
            for member, is_in in variable.members
        ]
        demand = Demand(sizes=[size], members=[member for member, _ in wanted])
        shape = Shape((variable.kind,), is_optional=False, annotation=variable.shape.annotation)
        for value in self._candidates(shape, demand):
            if len(value) == size and all((member in value) is is_in for member, is_in in wanted):
                return value
        raise NoFormula

    @staticmethod
    def _candidates(shape: Shape, demand: Demand) -> Iterator[Any]:
        yield from (value for value in domain_of(shape, demand).values if hasattr(value, "__len__"))
        sample = example(shape)
        if hasattr(sample, "__len__"):
            yield sample
