"""Values for states and answers: ``state_strategy(Model)`` and ``strategy_for(annotation)``.

Both walk the schema that pydantic itself validates with, so that what comes out is valid whatever the model says, and
shrinks toward the simplest that is. Both take the constants of a graph's conditions, so that rare values are hit.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar, cast

from hypothesis import strategies as st
from pydantic import BaseModel, PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError

from graphflow.core.machine import Machine
from graphflow.errors import unknown_name
from graphflow.errors.testing import FieldInvalid, FieldUnknown
from graphflow.graph.declaration import Declaration
from graphflow.graph.demands import Demand
from graphflow.graph.shapes import annotation_text
from graphflow.testing.exploring.declared import demands_of
from graphflow.testing.values.accepting import Attempts, accepted, nothing, prove_some
from graphflow.testing.values.generating import inputs_of
from graphflow.testing.values.known_types import of_type
from graphflow.testing.values.scalars import Values

M = TypeVar("M", bound=BaseModel)

Constants = Mapping[str, Iterable[Any]] | Declaration[Any] | Demand
"""Values to try beside random ones: field -> values (``"review.score"`` for a field of a field), or those that the
conditions of a graph compare with."""


def state_strategy(model: type[M], /, *, constants: Constants | None = None, **overrides: Any) -> st.SearchStrategy[M]:
    """Valid instances of a pydantic model, as a Hypothesis strategy.

    ``overrides`` are values or strategies for single fields; ``constants`` are values worth trying, each number with its
    two neighbours: ``{"tokens": [131072]}``, or a graph, whose conditions say which they are. A field that has a default
    is sometimes left out. Floats are finite. Nothing looks at the clock: a past date lies before 2020.

    Raises FieldUnknown and FieldInvalid, and NothingGenerated where no value is accepted.

    >>> from hypothesis import find, strategies as st
    >>> from pydantic import BaseModel, Field
    >>> class Review(BaseModel):
    ...     score: int = Field(ge=0, le=10)
    ...     comments: list[str] = []
    >>> find(state_strategy(Review), lambda review: review.score > 6)
    Review(score=7, comments=[])
    >>> find(state_strategy(Review, score=st.integers(8, 9), comments=["too long"]), lambda review: True)
    Review(score=8, comments=['too long'])
    """
    given_model: Any = model
    if not (isinstance(given_model, type) and issubclass(given_model, BaseModel)):
        raise FieldInvalid(
            f"state_strategy takes a pydantic model, and {model!r} is none",
            why="It makes instances of a class with fields.",
            fix="For any other type there is strategy_for: strategy_for(list[int]).",
        )
    if constants is None and not overrides:
        return _plain(model)
    adapter = TypeAdapter(model)
    given = {name: _override(model, name, value) for name, value in overrides.items()}
    return _made(adapter, model.__name__, given, _demand(model, constants))


def strategy_for(annotation: Any, /, *, constants: Iterable[Any] = ()) -> st.SearchStrategy[Any]:
    """Valid values of any annotation that pydantic understands, as a Hypothesis strategy.

    ``constants`` are values worth trying, each number with its two neighbours. Raises as ``state_strategy``.

    >>> from typing import Literal
    >>> from hypothesis import find
    >>> find(strategy_for(list[Literal["yes", "no"]]), lambda answers: len(answers) == 2)
    ['yes', 'yes']
    >>> find(strategy_for(int, constants=[131_072]), lambda tokens: tokens > 131_072)
    131073
    """
    demand = Demand(constants=list(constants))
    try:
        return _values_of(annotation, demand) if demand.constants else _plain(annotation)
    except TypeError:  # an annotation that cannot be remembered: a constraint in it has no hash
        return _values_of(annotation, demand)


@lru_cache(maxsize=512)
def _plain(annotation: Any) -> st.SearchStrategy[Any]:
    """What is asked for again and again, within a test for each of its runs."""
    return _values_of(annotation, Demand())


def _values_of(annotation: Any, demand: Demand) -> st.SearchStrategy[Any]:
    where = annotation_text(annotation)
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        try:
            found: Values = of_type(annotation)
        except Exception:  # Hypothesis does not know it either
            raise nothing(where, str(error).splitlines()[0]) from None
        return found
    return _made(adapter, where, {}, demand)


def _made(adapter: TypeAdapter[Any], where: str, given: Mapping[str, Values], demand: Demand) -> st.SearchStrategy[Any]:
    validate = adapter.validator.validate_python
    inputs, tried = inputs_of(cast("Any", adapter.core_schema), where, given, demand)
    whole = Attempts(where)
    made = accepted(inputs, lambda value: validate(value, by_alias=False, by_name=True), whole)
    prove_some(made, where, [*tried, whole], " ".join([where, *sorted(given)]))
    return made


def _override(model: type[BaseModel], name: str, value: Any) -> Values:
    if name not in model.model_fields:
        raise FieldUnknown(
            f"{model.__name__} has no field {name!r}",
            why=f"state_strategy({model.__name__}, ...) takes values and strategies for its fields.",
            fix=unknown_name(name, model.model_fields),
        )
    strategy: Any = value
    if isinstance(value, st.SearchStrategy):
        return cast("Values", strategy)
    try:
        model.__pydantic_validator__.validate_assignment(model.model_construct(), name, copy.deepcopy(value))
    except ValidationError as error:
        wrong = [one for one in error.errors(include_url=False) if one["loc"][:1] == (name,)]
        if wrong:
            raise FieldInvalid(
                f"{name!r} of {model.__name__} cannot be {value!r}",
                why=f"{wrong[0]['msg']}. It is {annotation_text(model.model_fields[name].annotation)}.",
                fix=f"Give a value that it takes, or a strategy: {name}=st.sampled_from([...]).",
            ) from None
    except Exception:  # a validator that needs the other fields; the whole is validated when it is made
        pass
    return st.builds(copy.deepcopy, st.just(value))


def _demand(model: type[BaseModel], constants: Constants | None) -> Demand:
    if constants is None:
        return Demand()
    if isinstance(constants, Demand):
        return constants
    if isinstance(constants, Declaration):
        plans = Machine(constants.plan()).plans()
        demands = demands_of(plans, ())
        return next((demands[id(plan)] for plan in plans if plan.state is model), Demand())
    demand = Demand()
    for name, values in constants.items():
        path = name.split(".")
        if path[0] not in model.model_fields:
            raise FieldUnknown(
                f"{model.__name__} has no field {path[0]!r}",
                why="constants= names fields and values worth trying: {'tokens': [131072]}.",
                fix=unknown_name(path[0], model.model_fields),
            )
        demand.at(path).constants.extend(values)
    return demand
