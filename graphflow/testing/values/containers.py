"""Inputs for what holds others: lists, sets, dicts, tuples, of few elements and of the sizes that conditions tell apart."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from graphflow.graph.demands import Demand
from graphflow.testing.values.around import NO_DEMAND, Around, Ground
from graphflow.testing.values.scalars import LONGEST, SCALARS, Core, Values, sizes_near

_FEW = 5
_FEW_INSIDE = 2
_DRAWN_ONE_BY_ONE = 60


class Containers(Ground):
    """The kinds of schema that hold others."""

    def _list(self, core: Core, around: Around) -> Values:
        elements = self._elements(core, around)
        made = self._sized(
            core, around, elements, lambda least, most: st.lists(elements, min_size=least, max_size=most)
        )
        whole: list[Any] = [value for value in around.demand.constants if isinstance(value, list)]
        return made | st.sampled_from(whole).map(copy.deepcopy) if whole else made

    def _deque(self, core: Core, around: Around) -> Values:
        return self._list(core, around).map(deque)

    def _generator(self, core: Core, around: Around) -> Values:
        return self._list(core, around)

    def _set(self, core: Core, around: Around) -> Values:
        elements = self._hashable(core.get("items_schema", {"type": "int"}), around.within(_of_elements(around.demand)))
        return self._sized(core, around, elements, lambda least, most: st.sets(elements, min_size=least, max_size=most))

    def _frozenset(self, core: Core, around: Around) -> Values:
        return self._set(core, around).map(frozenset)

    def _tuple(self, core: Core, around: Around) -> Values:
        items, variadic = core["items_schema"], core.get("variadic_item_index")
        if variadic is None:
            return st.tuples(*(self.values(item, around.within()) for item in items))
        demand = _of_elements(around.demand)
        repeated = self._list({**core, "items_schema": items[variadic]}, replace(around, demand=demand))
        before = st.tuples(*(self.values(item, around.within()) for item in items[:variadic]))
        after = st.tuples(*(self.values(item, around.within()) for item in items[variadic + 1 :]))
        return st.tuples(before, repeated, after).map(lambda parts: (*parts[0], *parts[1], *parts[2]))

    def _dict(self, core: Core, around: Around) -> Values:
        keys = self._hashable(core.get("keys_schema", {"type": "str"}), around.within(_of_elements(around.demand)))
        held = self.values(core.get("values_schema", {"type": "any"}), around.within())
        pairs = keys if held.is_empty else st.tuples(keys, held)
        return self._sized(
            core,
            around,
            st.nothing() if held.is_empty else pairs,
            lambda least, most: st.dictionaries(keys, held, min_size=least, max_size=most),
        )

    _ordered_dict = _dict
    _frozen_dict = _dict

    def _counter(self, core: Core, around: Around) -> Values:
        return self._dict({**core, "values_schema": {"type": "int", "ge": 0, "le": 1_000}}, around)

    def _elements(self, core: Core, around: Around) -> Values:
        return self.values(core.get("items_schema", {"type": "any"}), around.within(_of_elements(around.demand)))

    def _sized(self, core: Core, around: Around, elements: Values, make: Callable[[int, int], Values]) -> Values:
        """A container: of a few elements, and of the sizes that conditions tell apart."""
        least, most = core.get("min_length") or 0, core.get("max_length")
        if most is not None and most < least:
            self.reasons.append(f"{around.where} is to have at least {least} and at most {most} elements.")
            return st.nothing()
        if elements.is_empty:
            return make(0, 0) if not least and not _is_set_like(core) else self._empty(core, least)
        few = least + (_FEW_INSIDE if around.is_inside else _FEW)
        made = make(least, few if most is None else min(few, most))
        for size in sizes_near(core, around.demand):
            if size <= _DRAWN_ONE_BY_ONE:
                made |= make(size, size)
            elif core["type"] in ("list", "tuple", "deque") and size <= LONGEST:
                made |= elements.map(lambda element, size=size: [copy.deepcopy(element) for _ in range(size)])  # type: ignore[misc]
        return made

    def _empty(self, core: Core, least: int) -> Values:
        if least:
            return st.nothing()
        if core["type"] in ("set", "frozenset"):
            return st.builds(set[Any])
        return st.builds(dict[Any, Any])

    def _hashable(self, core: Core, around: Around) -> Values:
        """Values to be keys, or elements of a set: made up to the end where the input is no such thing."""
        made = self.values(core, around)
        return made if made.is_empty or self._is_plain(core) else self.validated(made, core, around)

    def _is_plain(self, core: Core) -> bool:
        kind = core["type"]
        if kind in ("nullable", "default", "function-after"):
            return self._is_plain(core["schema"])
        if kind == "union":
            return all(self._is_plain(choice) for choice in choices_of(core))
        if kind == "tuple":
            return all(self._is_plain(item) for item in core["items_schema"])
        return kind in SCALARS and kind != "any"


def _of_elements(demand: Demand) -> Demand:
    """What is asked of the elements of a container: what it is to contain."""
    return Demand(constants=list(demand.members)) if demand.members else NO_DEMAND


def choices_of(core: Core) -> Iterator[Core]:
    for choice in core["choices"]:
        yield choice[0] if isinstance(choice, tuple) else choice


def _is_set_like(core: Core) -> bool:
    return core["type"] in ("set", "frozenset", "dict", "ordered-dict", "frozen-dict", "counter")
