"""S1.1: which classes can be the state, and that their values do survive JSON."""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import uuid
from typing import Annotated, Any, Literal, NamedTuple, Optional

import pytest
from pydantic import (
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    field_serializer,
)
from pydantic.dataclasses import dataclass

from graphflow.core.reducers import add, append, extend, keep_last, local, merge, union
from graphflow.errors import DeclarationError
from graphflow.graph.declaration import Declaration


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Size:
    width: int = 0


class Leaf(BaseModel):
    value: int = 0
    below: list[Leaf] = []


class Celsius:
    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Celsius) and other.degrees == self.degrees

    __hash__ = None


Temperature = Annotated[
    Celsius,
    PlainValidator(lambda value: value if isinstance(value, Celsius) else Celsius(value)),
    PlainSerializer(lambda value: value.degrees),
]


class Everything(BaseModel):
    """A field of every kind that can be stored, each with a default."""

    text: str = "a"
    number: int = 1
    ratio: float = 0.5
    price: decimal.Decimal = decimal.Decimal("1.10")
    flag: bool = True
    nothing: None = None
    word: str | None = None
    old: Optional[int] = 3  # noqa: UP045
    choice: Literal["a", 2, None] = "a"
    colour: Colour = Colour.BLUE
    day: datetime.date = datetime.date(2026, 11, 21)
    moment: AwareDatetime = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
    span: datetime.timedelta = datetime.timedelta(seconds=90)
    id: uuid.UUID = Field(default_factory=uuid.uuid4)
    path: pathlib.Path = pathlib.Path("a/b")
    code: Base64Bytes = b"aGk="
    pair: tuple[int, str] = (1, "a")
    many: tuple[int, ...] = (1, 2)
    names: set[str] = {"b", "a"}
    frozen: frozenset[int] = frozenset({1})
    counts: dict[str, int] = {"a": 1}
    by_number: dict[int, str] = {1: "a"}
    by_colour: dict[Colour, int] = {Colour.RED: 1}
    by_day: dict[datetime.date, int] = {datetime.date(2026, 11, 21): 1}
    leaf: Leaf = Leaf(value=1, below=[Leaf()])
    leaves: list[Leaf] = [Leaf(value=2)]
    point: Point = Point(1, 2)
    size: Size = Field(default_factory=lambda: Size(3))
    anything: Any = {"a": [1, None, "b"]}
    temperature: Temperature = Field(default_factory=lambda: Celsius(20.5))
    limited: Annotated[int, Field(ge=0, le=9)] = 3
    log: Annotated[list[str], append] = []
    seen: Annotated[list[int], extend] = []
    total: Annotated[int, add] = 0
    tags: Annotated[set[str], union] = set()
    marks: Annotated[dict[str, int], merge] = {}
    last: Annotated[str, keep_last] = ""
    best: Annotated[int, max] = 0
    note: Annotated[str, local] = ""
    aliased: int = Field(default=1, alias="aliasedAs")


def test_whatever_survives_json_is_accepted() -> None:
    graph = Declaration("all", Everything)
    assert graph.state is Everything
    assert graph.plan().schema.fields.keys() == Everything.model_fields.keys()


def test_fields_without_defaults_are_judged_by_their_type() -> None:
    class Required(BaseModel):
        a: int
        b: list[Leaf]

    assert Declaration("required", Required).state is Required


def test_bytes_are_accepted_as_base64() -> None:
    class Binary(BaseModel):
        model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
        data: bytes = b"\xff\x00"

    assert Declaration("binary", Binary).state is Binary


@pytest.mark.parametrize(
    "where", ["list[Client]", "dict[str, Client]", "Client | None", "tuple[int, Client]", "Nested", "Json[int]"]
)
def test_what_cannot_be_stored_is_found_at_any_depth(where: str) -> None:
    class Client: ...

    class Nested(BaseModel, arbitrary_types_allowed=True):
        client: Client

    annotation = eval(where, {"Client": Client, "Nested": Nested, "Json": Json})
    made: Any = type(
        "Made", (BaseModel,), {"__annotations__": {"a": annotation}, "model_config": {"arbitrary_types_allowed": True}}
    )
    with pytest.raises(DeclarationError, match="The field 'a' of Made cannot be stored") as caught:
        Declaration("x", made)
    assert caught.value.code == "GF111"


def test_a_secret_is_found_at_any_depth() -> None:
    class Account(BaseModel):
        name: str = ""
        key: SecretStr = SecretStr("x")

    class Made(BaseModel):
        accounts: dict[str, list[Account]] = {}
        names: list[str] = []

    assert Declaration("x", Made).plan().schema.secret_names == ("accounts",)


def test_a_serializer_of_its_own_around_a_secret_is_refused() -> None:
    """S1.1: it could write the secret plainly, and what it makes of it could not be opened again."""

    class Account(BaseModel):
        key: SecretStr = SecretStr("x")

        @field_serializer("key", when_used="json")
        def told(self, key: SecretStr) -> str:
            return key.get_secret_value()

    class Made(BaseModel):
        account: Account = Account()

    with pytest.raises(
        DeclarationError, match="'account' of Made holds a secret, and a serializer of its own"
    ) as caught:
        Declaration("x", Made)
    assert caught.value.code == "GF111"


def test_a_secret_is_no_key_of_a_dict() -> None:
    class Made(BaseModel):
        ages: dict[SecretStr, int] = {}

    with pytest.raises(DeclarationError, match="'ages' of Made cannot be stored"):
        Declaration("x", Made)


def test_a_model_inside_may_have_its_own_way_with_bytes() -> None:
    class Blob(BaseModel):
        model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
        data: bytes = b"\xff"

    class Made(BaseModel):
        blob: Blob = Blob()

    assert Declaration("x", Made).state is Made


def test_a_default_keeps_its_type() -> None:
    """The text that a StrEnum becomes is equal to it, but no longer an enum."""

    class Tone(enum.StrEnum):
        WARM = "warm"

    class Made(BaseModel):
        tone: Any = Tone.WARM

    with pytest.raises(DeclarationError, match="It comes back from JSON as 'warm'"):
        Declaration("x", Made)


def test_a_recursive_model_is_looked_through_once() -> None:
    class Tree(BaseModel):
        children: list[Tree] = []
        name: str = ""

    assert Declaration("tree", Tree).state is Tree


def test_a_default_factory_is_tried() -> None:
    class Made(BaseModel):
        items: list[int] = Field(default_factory=lambda: ["no"])  # type: ignore[list-item]

    with pytest.raises(DeclarationError, match="The default of 'items'"):
        Declaration("x", Made)


def test_a_default_that_needs_other_fields_is_left_to_the_run() -> None:
    class Made(BaseModel):
        first: int = 1
        second: int = Field(default_factory=lambda data: data["first"] + 1)

    assert Declaration("x", Made).state is Made
