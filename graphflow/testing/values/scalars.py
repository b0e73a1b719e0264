"""Single values for a core schema of pydantic's: numbers, texts, dates, addresses, within their constraints.

Each function takes the schema and returns a strategy of values that pydantic accepts, nearly always: what a constraint
says in a way that cannot be generated directly is filtered by the caller. Floats are finite, as states survive JSON
(S1.1), and "past" and "future" are told without a clock, so that a failure found today is one tomorrow (S15.1).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from graphflow.graph.demands import Demand

Core = Mapping[str, Any]
"""A core schema: ``{"type": "int", "ge": 0}``."""
Values = st.SearchStrategy[Any]

LONGEST = 100_000
"""No text or list is made longer than this for a condition about its size."""

_DRAWN_ONE_BY_ONE = 200
_PAST, _FUTURE = datetime(2020, 1, 1), datetime(2200, 1, 1)
_EARLIEST, _LATEST = datetime(1900, 1, 1), datetime(2199, 12, 31)
_ZONES = (
    UTC,
    timezone(timedelta(hours=1)),
    timezone(timedelta(hours=-8)),
    timezone(timedelta(hours=5, minutes=30)),
    timezone(timedelta(hours=14)),
)
_CONSTRAINTS = ("metadata", "serialization", "ref", "strict", "type", "microseconds_precision")


def is_constrained(core: Core) -> bool:
    """Whether a schema says more than a type, so that a value has to be tried."""
    return any(key not in _CONSTRAINTS for key in core)


def _range(core: Core) -> tuple[Any, Any]:
    """The least and the greatest value, where inclusive or not makes no difference; None where there is none."""
    lows = [core[key] for key in ("ge", "gt") if core.get(key) is not None]
    highs = [core[key] for key in ("le", "lt") if core.get(key) is not None]
    return (max(lows) if lows else None), (min(highs) if highs else None)


def integers(core: Core, config: Core) -> Values:
    """Whole numbers; of ``multiple_of`` directly."""
    low, high = _range(core)
    step = core.get("multiple_of") or 1
    low = None if low is None else math.floor(low) + 1 if core.get("gt") == low else math.ceil(low)
    high = None if high is None else math.ceil(high) - 1 if core.get("lt") == high else math.floor(high)
    if step == 1:
        return st.nothing() if low is not None and high is not None and low > high else st.integers(low, high)
    least = None if low is None else math.ceil(Fraction(low) / Fraction(step))
    most = None if high is None else math.floor(Fraction(high) / Fraction(step))
    if least is not None and most is not None and least > most:
        return st.nothing()
    return st.integers(least, most).map(lambda count: count * step)


def floats(core: Core, config: Core) -> Values:
    """Finite numbers."""
    low, high = _range(core)
    step = core.get("multiple_of")
    if step:
        least = None if low is None else math.ceil(low / step)
        most = None if high is None else math.floor(high / step)
        return st.integers(-(10**6) if least is None else least, 10**6 if most is None else most).map(
            lambda n: n * step
        )
    if low is not None and high is not None and low > high:
        return st.nothing()
    return st.floats(
        None if low is None else float(low),
        None if high is None else float(high),
        exclude_min=low is not None and core.get("gt") == low,
        exclude_max=high is not None and core.get("lt") == high,
        allow_nan=False,
        allow_infinity=False,
    )


def decimals(core: Core, config: Core) -> Values:
    """Whole numbers of the smallest unit, so that digits and places hold and shrinking reads well."""
    low, high = _range(core)
    digits, places = core.get("max_digits"), core.get("decimal_places")
    if places is None:
        places = 2 if digits is None else min(2, digits)
    unit = Decimal(1).scaleb(-places)
    step = core.get("multiple_of")
    if step and (places == 2 or step % unit == 0):
        unit = step
    most = Decimal(10) ** (digits - places if digits is not None else 12) - unit
    least = -most if low is None else max(Decimal(low), -most)
    most = most if high is None else min(Decimal(high), most)
    first, last = math.ceil(Fraction(least) / Fraction(unit)), math.floor(Fraction(most) / Fraction(unit))
    if core.get("gt") is not None and first * unit <= core["gt"]:
        first += 1
    if core.get("lt") is not None and last * unit >= core["lt"]:
        last -= 1
    return st.nothing() if first > last else st.integers(first, last).map(lambda count: count * unit)


def fractions(core: Core, config: Core) -> Values:
    """Fractions with denominators a reader can take in."""
    low, high = _range(core)
    return st.fractions(low, high, max_denominator=1_000)


def complexes(core: Core, config: Core) -> Values:
    return st.complex_numbers(allow_nan=False, allow_infinity=False)


def booleans(core: Core, config: Core) -> Values:
    return st.booleans()


def nones(core: Core, config: Core) -> Values:
    return st.none()


def texts(core: Core, config: Core) -> Values:
    """Texts without lone surrogates, which no JSON holds."""
    least = core.get("min_length", config.get("str_min_length")) or 0
    most = core.get("max_length", config.get("str_max_length"))
    if core.get("pattern") is not None:
        return _matching(core["pattern"], least, most)
    if most is not None and most < least:
        return st.nothing()
    alphabet = st.characters(max_codepoint=127) if core.get("ascii_only") else st.characters(codec="utf-8")
    if least > _DRAWN_ONE_BY_ONE:
        return st.text(alphabet, min_size=1, max_size=10).map(lambda text: (text * least)[:least])
    made = st.text(alphabet, min_size=least, max_size=most)
    is_stripped = core.get("strip_whitespace", config.get("str_strip_whitespace"))
    return made.filter(lambda text: len(text.strip()) >= least) if is_stripped and least else made


def _matching(pattern: Any, least: int, most: int | None) -> Values:
    """Texts that match; of one that only pydantic's own engine understands, whatever a filter lets through."""
    source = pattern if isinstance(pattern, str) else pattern.pattern
    try:
        compiled = re.compile(source.replace(r"\z", r"\Z"))
    except re.error:
        return st.text(min_size=least, max_size=most)
    is_whole = source.startswith("^") and source.endswith("$")
    made = st.from_regex(compiled, fullmatch=is_whole)
    return made.filter(lambda text: least <= len(text) and (most is None or len(text) <= most))


def binaries(core: Core, config: Core) -> Values:
    least, most = core.get("min_length") or 0, core.get("max_length")
    return st.nothing() if most is not None and most < least else st.binary(min_size=least, max_size=most)


def dates(core: Core, config: Core) -> Values:
    low, high = _moments(core, _EARLIEST.date(), _LATEST.date(), timedelta(days=1))
    return st.nothing() if low > high else st.dates(low, high)


def datetimes(core: Core, config: Core) -> Values:
    """Without a zone, or in one of a few, as the schema asks; where it does not, either."""
    bounds = {key: core[key].replace(tzinfo=None) for key in ("ge", "gt", "le", "lt") if key in core}
    has_zone = any(core[key].tzinfo is not None for key in bounds)
    low, high = _moments({**core, **bounds}, _EARLIEST, _LATEST, timedelta(days=2 if has_zone else 0))
    low, high = (low - timedelta(days=1), high + timedelta(days=1)) if has_zone else (low, high)
    if low > high:
        return st.nothing()
    naive, aware = st.datetimes(low, high), st.datetimes(low, high, timezones=_zones(core))
    match core.get("tz_constraint"):
        case "naive":
            return naive
        case None:
            return naive if bounds and not has_zone else aware if bounds else naive | aware
        case _:
            return aware


def times(core: Core, config: Core) -> Values:
    low, high = _range(core)
    made = st.times(low or time.min, high or time.max)
    if core.get("tz_constraint") in (None, "naive"):
        return made
    return st.tuples(made, _zones(core)).map(lambda both: both[0].replace(tzinfo=both[1]))


def durations(core: Core, config: Core) -> Values:
    low, high = _range(core)
    low = (timedelta(0) if high is None or high > timedelta(0) else high - timedelta(days=9)) if low is None else low
    return st.timedeltas(low, low + timedelta(days=10_000) if high is None else high)


def _zones(core: Core) -> st.SearchStrategy[timezone]:
    offset = core.get("tz_constraint")
    return st.sampled_from(_ZONES) if isinstance(offset, str | None) else st.just(timezone(timedelta(seconds=offset)))


def _moments(core: Core, earliest: Any, latest: Any, margin: timedelta) -> tuple[Any, Any]:
    """From and to: what is said, else some centuries; what is to be past or future lies far enough in it."""
    low, high = _range(core)
    past, future = (_PAST, _FUTURE) if isinstance(earliest, datetime) else (_PAST.date(), _FUTURE.date())
    if core.get("now_op") == "past":
        latest = past if low is None else max(low + margin, past)
    if core.get("now_op") == "future":
        earliest, latest = (future if high is None else min(high, future)), future + timedelta(days=36_500)
    century = timedelta(days=36_500)
    if low is None and high is not None:
        low = earliest if earliest < high else high - century
    elif high is None and low is not None:
        high = latest if low < latest else low + century
    return (earliest if low is None else low), (latest if high is None else high)


def uuids(core: Core, config: Core) -> Values:
    """Of the version that is asked for, also those that Python cannot make itself."""
    version = core.get("version")
    if version is None:
        return st.uuids()
    variant = 0x8000_0000_0000_0000

    def versioned(bits: int) -> UUID:
        bits &= ~(0xF000 << 64) & ~(0xC000 << 48)
        return UUID(int=bits | version << 76 | variant)

    return st.integers(0, 2**128 - 1).map(versioned)


def enums(core: Core, config: Core) -> Values:
    return st.sampled_from(core["members"]) if core["members"] else st.nothing()


def literals(core: Core, config: Core) -> Values:
    return st.sampled_from(core["expected"]) if core["expected"] else st.nothing()


def anything(core: Core, config: Core) -> Values:
    """What JSON can hold, small."""
    plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    return plain | st.lists(plain, max_size=3) | st.dictionaries(st.text(), plain, max_size=3)


def urls(core: Core, config: Core) -> Values:
    """Addresses as texts, with the schemes that are allowed."""
    schemes = st.sampled_from(core.get("allowed_schemes") or ["https", "http", "ftp"])
    word = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
    host = st.tuples(word, st.sampled_from(["org", "test", "example.com"])).map(".".join)
    path = st.lists(word, max_size=2).map(lambda parts: "".join(f"/{part}" for part in parts))
    return st.tuples(schemes, host, path).map(lambda parts: f"{parts[0]}://{parts[1]}{parts[2]}")


def server_urls(core: Core, config: Core) -> Values:
    """Addresses of servers, such as a database's: a user, a host, a port and a name."""
    schemes = st.sampled_from(core.get("allowed_schemes") or ["https"])
    word = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
    parts = st.tuples(schemes, word, word, st.integers(1, 65_535), word)
    return parts.map(lambda one: f"{one[0]}://{one[1]}@{one[2]}:{one[3]}/{one[4]}")


SCALARS: dict[str, Callable[[Core, Core], Values]] = {
    "int": integers,
    "float": floats,
    "decimal": decimals,
    "fraction": fractions,
    "complex": complexes,
    "bool": booleans,
    "none": nones,
    "str": texts,
    "bytes": binaries,
    "date": dates,
    "datetime": datetimes,
    "time": times,
    "timedelta": durations,
    "uuid": uuids,
    "enum": enums,
    "literal": literals,
    "any": anything,
    "url": urls,
    "multi-host-url": server_urls,
}
"""The kinds of schema that stand for one value. Called with the schema and the configuration of its model."""


def near(kind: str, demand: Demand) -> list[Any]:
    """The values between which a condition on a value of that kind changes its answer: each constant and both sides."""
    if kind == "any":
        return list(demand.constants)
    return list(_near(kind, demand.constants))


def _near(kind: str, constants: Iterable[Any]) -> Iterable[Any]:
    for constant in constants:
        if isinstance(constant, int | float | Decimal | Fraction) and not isinstance(constant, bool):
            if not math.isfinite(constant):
                continue
            if kind == "int":
                yield from (math.floor(constant), math.floor(constant) - 1, math.floor(constant) + 1)
            elif kind == "float":
                yield from (float(constant), float(constant) - 1, float(constant) + 1)
            elif kind in ("decimal", "fraction"):
                exact: Any = Decimal(str(constant)) if kind == "decimal" else Fraction(str(constant))
                yield from (exact, exact - 1, exact + 1)
        elif isinstance(constant, datetime) and kind == "datetime":
            yield from (constant, constant - timedelta(microseconds=1), constant + timedelta(microseconds=1))
        elif type(constant) is date and kind == "date":
            yield from (constant, constant - timedelta(days=1), constant + timedelta(days=1))
        elif kind in ("str", "bytes", "time", "timedelta", "uuid"):
            yield constant


def sizes_near(core: Core, demand: Demand) -> list[int]:
    """The sizes at which a condition changes its answer, within the schema's bounds."""
    least, most = core.get("min_length") or 0, core.get("max_length")
    found = {math.floor(size) + step for size in demand.sizes if math.isfinite(size) for step in (-1, 0, 1)}
    return sorted(size for size in found if least <= size <= (LONGEST if most is None else most))
