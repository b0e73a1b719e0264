"""Models of every shape that people write, for the strategy that makes instances of any of them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, NotRequired, TypeVar
from uuid import UUID, uuid4

from pydantic import (
    UUID4,
    AfterValidator,
    AliasChoices,
    AliasPath,
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Discriminator,
    Field,
    FutureDate,
    HttpUrl,
    IPvAnyAddress,
    Json,
    NaiveDatetime,
    PastDate,
    PastDatetime,
    PlainValidator,
    PostgresDsn,
    RootModel,
    SecretStr,
    Tag,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    computed_field,
    condecimal,
    conlist,
    constr,
    field_validator,
    model_validator,
)
from typing_extensions import TypedDict

from graphflow import add, append, extend, local, merge, union


class Scalars(BaseModel):
    a: int
    b: float
    c: str
    d: bool
    e: bytes
    f: None


class Bounds(BaseModel):
    score: int = Field(ge=0, le=10)
    share: float = Field(gt=0, lt=1)
    count: Annotated[int, Field(gt=3)]
    debt: Annotated[int, Field(lt=-3)]


class Multiples(BaseModel):
    dozen: int = Field(multiple_of=12, ge=5, le=100)
    half: float = Field(multiple_of=0.5, ge=0, le=10)


class Patterns(BaseModel):
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{3}$")]
    slug: Annotated[str, Field(pattern=r"^[a-z]+$", max_length=8)]
    part: Annotated[str, Field(pattern=r"ab+c")]


class ShapedTexts(BaseModel):
    name: Annotated[str, Field(min_length=2, max_length=5)]
    tidy: constr(strip_whitespace=True, to_upper=True, min_length=2)  # type: ignore[valid-type]
    blob: Annotated[bytes, Field(min_length=1, max_length=4)]
    long: Annotated[str, Field(min_length=2_000)]


class StrippedByConfig(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True, str_min_length=1, str_to_lower=True)
    a: str
    b: list[str]


class Lists(BaseModel):
    few: conlist(int, min_length=2, max_length=4)  # type: ignore[valid-type]
    nested: list[list[Annotated[int, Field(ge=1)]]]
    many: Annotated[list[str], Field(max_length=2)]


class Sets(BaseModel):
    tags: Annotated[set[str], Field(min_length=1, max_length=3)]
    frozen: frozenset[int]
    pairs: set[tuple[int, str]]
    choices: set[Literal["a", "b", "c"]]


class Dicts(BaseModel):
    counts: dict[str, int]
    some: Annotated[dict[Literal["x", "y"], float], Field(min_length=1)]
    deep: dict[int, list[str]]


class Tuples(BaseModel):
    pair: tuple[int, str]
    many: tuple[float, ...]
    nothing: tuple[()]


class OtherContainers(BaseModel):
    last: deque[int]
    ordered: OrderedDict[str, int]
    default: defaultdict[str, list[int]]
    sequence: Sequence[int]
    mapping: Mapping[str, int]


class Choices(BaseModel):
    kind: Literal["refund", "question", 3, None]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Enums(BaseModel):
    colour: Colour
    level: Level
    levels: dict[Level, Colour]


class OptionalConstrained(BaseModel):
    limit: Annotated[int, Field(gt=1, lt=5)] | None
    name: Annotated[str, Field(min_length=3)] | None = None


class Unions(BaseModel):
    value: int | str | list[float]
    other: Annotated[int, Field(ge=7)] | Annotated[str, Field(max_length=1)]


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str = "Rex"


class Discriminated(BaseModel):
    pet: Cat | Dog = Field(discriminator="kind")
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = []


class DiscriminatedByFunction(BaseModel):
    pet: Annotated[
        Annotated[Cat, Tag("cat")] | Annotated[Dog, Tag("dog")],
        Discriminator(lambda v: v.get("kind") if isinstance(v, dict) else v.kind),
    ]


def _fresh() -> str:
    return "fresh"


class Defaults(BaseModel):
    count: int = 3
    id: UUID = Field(default_factory=uuid4)
    items: list[int] = Field(default_factory=list)
    text: str = Field(default_factory=_fresh)
    invalid: int = None  # type: ignore[assignment]
    after: int = Field(default_factory=lambda given: given["count"] + 1)


class FieldValidators(BaseModel):
    even: int
    many: list[str]
    word: str
    plain: int

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value

    @field_validator("many", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) else value

    @field_validator("word", mode="wrap")
    @classmethod
    def _short(cls, value: object, handler: ValidatorFunctionWrapHandler) -> str:
        return str(handler(value))[:3]

    @field_validator("plain", mode="plain")
    @classmethod
    def _plain(cls, value: object) -> int:
        if not isinstance(value, int):
            raise ValueError("not an int")
        return value


class AnnotatedValidators(BaseModel):
    a: Annotated[int, AfterValidator(abs)]
    b: Annotated[int, BeforeValidator(int)]
    c: Annotated[str, WrapValidator(lambda value, handler: handler(value).strip())]
    d: Annotated[int, PlainValidator(lambda value: int(value))]


class RareValues(BaseModel):
    third: int

    @field_validator("third")
    @classmethod
    def _third(cls, value: int) -> int:
        if value % 7:
            raise ValueError("not a multiple")
        return value


class OtherFields(BaseModel):
    low: int
    high: int

    @field_validator("high")
    @classmethod
    def _above(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data["low"]:
            raise ValueError("below")
        return value


class ModelValidators(BaseModel):
    first: int
    last: int

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        data = dict(data)
        data.setdefault("last", 3)
        return data

    @model_validator(mode="after")
    def _ordered(self) -> ModelValidators:
        if self.first > self.last:
            raise ValueError("not in order")
        return self


class HoldsValidated(BaseModel):
    inner: ModelValidators
    many: list[ModelValidators]


class Jsons(BaseModel):
    numbers: Json[list[int]]
    anything: Json[Any]


class Moments(BaseModel):
    aware: AwareDatetime
    naive: NaiveDatetime
    either: dt.datetime
    past: PastDatetime
    future: FutureDate
    gone: PastDate
    since: Annotated[dt.datetime, Field(ge=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))]
    until: Annotated[dt.datetime, Field(lt=dt.datetime(1850, 1, 1))]


class Days(BaseModel):
    day: Annotated[dt.date, Field(gt=dt.date(2024, 1, 1), le=dt.date(2024, 1, 3))]
    at: Annotated[dt.time, Field(ge=dt.time(9), lt=dt.time(17))]
    wait: Annotated[dt.timedelta, Field(gt=dt.timedelta(0), le=dt.timedelta(days=1))]
    any_wait: dt.timedelta


class Decimals(BaseModel):
    price: condecimal(max_digits=6, decimal_places=2, ge=0)  # type: ignore[valid-type]
    plain: Decimal
    stepped: Annotated[Decimal, Field(multiple_of=Decimal("0.25"), gt=0, lt=10)]
    between: Annotated[Decimal, Field(gt=Decimal("0.1"), lt=Decimal("0.2"))]
    part: Annotated[Fraction, Field(ge=0, le=1)]


class Addresses(BaseModel):
    page: HttpUrl
    anything: AnyUrl
    database: PostgresDsn
    pages: list[HttpUrl] = []


class Ids(BaseModel):
    any_id: UUID
    random: UUID4


class Places(BaseModel):
    path: Path
    four: ipaddress.IPv4Address
    six: ipaddress.IPv6Address
    either: IPvAnyAddress
    net: ipaddress.IPv4Network


class Anything(BaseModel):
    value: Any
    thing: object
    mapping: dict[str, Any]


class Inner(BaseModel):
    n: int = Field(ge=1)


class Nested(BaseModel):
    one: Inner
    many: list[Inner]
    named: dict[str, Inner]
    maybe: Inner | None


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Chain(BaseModel):
    value: int
    next: Chain | None = None


class Leaf(BaseModel):
    type: Literal["leaf"] = "leaf"
    value: int


class Both(BaseModel):
    type: Literal["both"] = "both"
    left: Expression
    right: Expression


class Neither(BaseModel):
    type: Literal["neither"] = "neither"
    of: list[Expression]


Expression = Annotated[Leaf | Both | Neither, Field(discriminator="type")]
Both.model_rebuild()
Neither.model_rebuild()


class Formula(BaseModel):
    root: Both
    others: dict[str, Expression]


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    value: T
    values: list[T]


class Boxes(BaseModel):
    numbers: Box[int]
    words: Box[Annotated[str, Field(min_length=1)]]
    free: Box


@dataclass
class Point:
    x: int
    y: Annotated[int, Field(ge=0)] = 0
    tags: list[str] = field(default_factory=list)


class Options(TypedDict):
    depth: Annotated[int, Field(ge=1)]
    note: NotRequired[str]


class Pair(NamedTuple):
    left: int
    right: str = "x"


class PlainClasses(BaseModel):
    point: Point
    options: Options
    pair: Pair
    points: list[Point]


class Numbers(RootModel[Annotated[list[int], Field(min_length=1)]]):
    pass


class HoldsRoot(BaseModel):
    numbers: Numbers
    by_name: RootModel[dict[str, int]]


class Computed(BaseModel):
    side: int = Field(ge=0)

    @computed_field
    @property
    def area(self) -> int:
        return self.side * self.side


class Aliases(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    one: int = Field(alias="first")
    two: int = Field(validation_alias=AliasChoices("second", AliasPath("rest", 0)))
    three: int = Field(validation_alias="3rd", default=3)


class AliasesOnly(BaseModel):
    one: int = Field(alias="first", ge=1)
    inner: Aliases


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    a: int
    b: tuple[str, ...] = ()


class HoldsFrozen(BaseModel):
    all: set[Frozen]
    by: dict[Frozen, int]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    a: int
    b: tuple[int, ...]
    c: Colour
    d: Path
    e: dt.date
    f: Inner
    g: Point
    h: set[int]
    i: Decimal
    j: Pair


class Forbids(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int
    b: int = 2
    c: int = Field(alias="see", default=1)


class Secrets(BaseModel):
    password: SecretStr


class Temperature:
    """A type of the user's own that pydantic knows how to validate."""

    def __init__(self, kelvin: float) -> None:
        self.kelvin = kelvin

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Temperature) and self.kelvin == other.kelvin

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls, core_schema.float_schema(ge=0))


class Custom(BaseModel):
    warm: Temperature
    encoded: Base64Bytes
    size: ByteSize
    pattern: re.Pattern[str]


class Plain:
    """A class that pydantic knows nothing of."""

    def __init__(self, size: int, name: str) -> None:
        self.size, self.name = size, name


class Arbitrary(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    point: Point
    own: Plain
    owns: list[Plain] = []


class Callables(BaseModel):
    call: Callable[[int], int]
    classes: type[int]
    partial_default: Callable[..., int] = partial(max, 1)


class Reduced(BaseModel):
    """As the state of a graph."""

    kinds: ClassVar[int] = 1
    log: Annotated[list[str], append] = []
    seen: Annotated[list[int], extend] = []
    total: Annotated[int, add, Field(le=60)] = 0
    tags: Annotated[set[str], union] = set()
    marks: Annotated[dict[str, int], merge] = {}
    best: Annotated[int, max] = 0
    near: Annotated[int, local] = 0


class Lazy(BaseModel):
    model_config = ConfigDict(defer_build=True)
    a: int
    items: Iterable[int] | None = None


SHAPES: list[type[BaseModel]] = [
    Scalars, Bounds, Multiples, Patterns, ShapedTexts, StrippedByConfig, Lists, Sets, Dicts, Tuples, OtherContainers,
    Choices, Enums, OptionalConstrained, Unions, Discriminated, DiscriminatedByFunction, Defaults, FieldValidators,
    AnnotatedValidators, RareValues, OtherFields, ModelValidators, HoldsValidated, Jsons, Moments, Days, Decimals,
    Addresses, Ids, Places, Anything, Nested, Tree, Chain, Formula, Boxes, PlainClasses, Numbers, HoldsRoot, Computed,
    Aliases, AliasesOnly, Frozen, HoldsFrozen, Strict, Forbids, Secrets, Custom, Arbitrary, Callables, Reduced, Lazy,
]  # fmt: skip
