"""Classes that cannot be the state of a graph, each with its full message (S1.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import BaseModel, Field, PlainSerializer, PrivateAttr, RootModel, SecretStr

from graphflow.core.reducers import append, extend
from graphflow.graph.declaration import Declaration
from tests.graph.essays import Essay
from tests.graph.snapshots import says


class Client: ...


@says("""
[GF110] The state of a graph cannot be int
  where  here   Declaration("x", int)
  why    The shared state is a pydantic model class: its fields are what nodes read and write. (S1.1)
  fix    Write class State(BaseModel): ... with a field for each thing that nodes share.
""")
def test_a_plain_class_as_state() -> None:
    Declaration("x", int)


@says("""
[GF110] The state of a graph cannot be Essay(topic='a', draft='', score=0, ki..., prices={}, tags=None, approved=False)
  where  here   Declaration("x", Essay(topic="a"))
  why    The shared state is a pydantic model class: its fields are what nodes read and write. (S1.1)
  fix    Give the class Essay; a run is given the instance.
""")
def test_an_instance_as_state() -> None:
    Declaration("x", Essay(topic="a"))


@says("""
[GF110] The state Foo is a RootModel, which has no fields
  where  here   Declaration("x", Foo)
  why    Nodes change fields, one by one. (S3.1)
  fix    Write class Foo(BaseModel): with its value as a field.
""")
def test_a_root_model() -> None:

    class Foo(RootModel[int]): ...

    Declaration("x", Foo)


@says("""
[GF112] The state Foo has a private attribute '_client'
  where  here   Declaration("x", Foo)
  why    The state is what is journalled and shown; a private attribute would be lost at the first step. (S1.1)
  fix    Make it a field: client. A client or connection is given to the run: graph.run(state, deps=...), read as ctx.deps. (S3.8)
""")
def test_a_private_attribute() -> None:
    class Foo(BaseModel):
        a: int = 0
        _client: Any = PrivateAttr(default=None)

    Declaration("x", Foo)


@says("""
[GF112] The state Foo allows extra values
  where  here   Declaration("x", Foo)
  why    Only fields are validated, folded and journalled; with extra='allow' a misspelt one would be kept too. (S3.3)
  fix    Leave extra='allow' out of its model_config, and keep open data in a field: notes: dict[str, str] = {}.
""")
def test_extra_values() -> None:
    class Foo(BaseModel, extra="allow"):
        a: int = 0

    Declaration("x", Foo)


@says("""
[GF112] The field 'a' of Foo is excluded from JSON
  where  here   Declaration("x", Foo)
  why    A field with exclude=True would be missing when the run is resumed. (S1.1)
  fix    Leave exclude=True out; what must not be stored is given to the run: graph.run(state, deps=...). (S3.8)
""")
def test_an_excluded_field() -> None:
    class Foo(BaseModel):
        a: int = Field(0, exclude=True)

    Declaration("x", Foo)


@says("""
[GF111] The field 'a' of Foo cannot be stored: Client | None
  where  here   Declaration("x", Foo)
  why    It holds objects that have no form in JSON. The state must survive a round trip through JSON. (S1.1)
  fix    Keep plain data in the state (texts, numbers, lists, models). A client, connection or function is given to the run: graph.run(state, deps=...), read as ctx.deps. (S3.8)
""")
def test_an_arbitrary_object() -> None:
    class Foo(BaseModel, arbitrary_types_allowed=True):
        a: Client | None = None

    Declaration("x", Foo)


@says("""
[GF111] The field 'a' of Foo cannot be stored: collections.abc.Callable[[], int] | None
  where  here   Declaration("x", Foo)
  why    It holds functions, which have no form in JSON. The state must survive a round trip through JSON. (S1.1)
  fix    Keep plain data in the state (texts, numbers, lists, models). A client, connection or function is given to the run: graph.run(state, deps=...), read as ctx.deps. (S3.8)
""")
def test_a_function_in_the_state() -> None:
    class Foo(BaseModel):
        a: Callable[[], int] | None = None

    Declaration("x", Foo)


@says("""
[GF111] The field 'a' of Foo holds a secret, and a serializer of its own writes it
  where  here   Declaration("x", Foo)
  why    A secret is sealed where it is stored, and what a serializer makes of it could not be opened again. (S1.1)
  fix    Leave the serializer out; where the text is needed, a node calls get_secret_value().
""")
def test_a_secret_with_a_serializer() -> None:
    class Foo(BaseModel):
        a: Annotated[SecretStr, PlainSerializer(lambda key: key.get_secret_value())] = SecretStr("x")

    Declaration("x", Foo)


@says("""
[GF111] The field 'a' of Foo cannot be stored: bytes
  where  here   Declaration("x", Foo)
  why    Bytes that are no UTF-8 text have no form in JSON. The state must survive a round trip through JSON. (S1.1)
  fix    Write model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"), or use Base64Bytes.
""")
def test_bytes_without_base64() -> None:
    class Foo(BaseModel):
        a: bytes = b""

    Declaration("x", Foo)


@says("""
[GF111] The field 'a' of Foo cannot be stored: collections.abc.Iterable[int]
  where  here   Declaration("x", Foo)
  why    It yields its values once, so there is nothing to store. The state must survive a round trip through JSON. (S1.1)
  fix    Use list[...].
""")
def test_an_iterator_in_the_state() -> None:

    class Foo(BaseModel):
        a: Iterable[int] = []

    Declaration("x", Foo)


@says("""
[GF111] The field 'a' of Foo cannot be stored: dict[tuple[int, int], str]
  where  here   Declaration("x", Foo)
  why    A key of a JSON object is a text, and these keys would not come back as they were. The state must survive a round trip through JSON. (S1.1)
  fix    Use texts or numbers as keys, or a list of pairs.
""")
def test_keys_that_are_no_texts() -> None:
    class Foo(BaseModel):
        a: dict[tuple[int, int], str] = {}

    Declaration("x", Foo)


@says("""
[GF111] The field 'a' of Foo cannot be stored: dict[int | str, str]
  where  here   Declaration("x", Foo)
  why    A key of a JSON object is a text, and these keys would not come back as they were. The state must survive a round trip through JSON. (S1.1)
  fix    Use texts or numbers as keys, or a list of pairs.
""")
def test_keys_of_two_kinds() -> None:
    class Foo(BaseModel):
        a: dict[int | str, str] = {}

    Declaration("x", Foo)


@says("""
[GF111] The field 'a' of Foo cannot be stored: type[int]
  where  here   Declaration("x", Foo)
  why    It holds classes, which have no form in JSON. The state must survive a round trip through JSON. (S1.1)
  fix    Keep plain data in the state (texts, numbers, lists, models). A client, connection or function is given to the run: graph.run(state, deps=...), read as ctx.deps. (S3.8)
""")
def test_a_class_in_the_state() -> None:
    class Foo(BaseModel):
        a: type[int] = int

    Declaration("x", Foo)


@says("""
[GF111] The default of 'a' in Foo does not survive: None
  where  here   Declaration("x", Foo)
  why    It does not validate: Input should be a valid integer. The state must survive a round trip through JSON. (S1.1)
  fix    Write a: int | None = None, or give it a default of type int.
""")
def test_a_default_of_none_for_a_number() -> None:
    class Foo(BaseModel):
        a: int = None

    Declaration("x", Foo)


@says("""
[GF111] The default of 'a' in Foo does not survive: (1, 2)
  where  here   Declaration("x", Foo)
  why    It comes back from JSON as [1, 2]. The state must survive a round trip through JSON. (S1.1)
  fix    Annotate a with the type of its values, or keep texts, numbers, lists and dicts in it.
""")
def test_a_default_that_comes_back_as_something_else() -> None:
    class Foo(BaseModel):
        a: Any = (1, 2)

    Declaration("x", Foo)


@says("""
[GF135] The reducer of 'a' in Foo takes a field that is a list
  where  here   Declaration("x", Foo)
  why    a is str. (S7.1)
  fix    append and extend fold lists, union sets, merge dicts; one reducer a field.
""")
def test_a_reducer_on_a_text() -> None:
    class Foo(BaseModel):
        a: Annotated[str, append] = ""

    Declaration("x", Foo)


@says("""
[GF135] The reducer of 'a' in Foo has two reducers: append and extend
  where  here   Declaration("x", Foo)
  why    a is list[str]. (S7.1)
  fix    append and extend fold lists, union sets, merge dicts; one reducer a field.
""")
def test_two_reducers() -> None:
    class Foo(BaseModel):
        a: Annotated[list[str], append, extend] = []

    Declaration("x", Foo)


@says("""
[GF113] '' cannot be the name of a graph
  where  here   Declaration("", Essay)
  why    A name is printable text: it stands in paths, drawings and journals. (S1.4)
  fix    Write Graph("essay", Essay).
""")
def test_a_graph_without_a_name() -> None:
    Declaration("", Essay)


@says("""
[GF118] limits=3 is no Limits
  where  here   Declaration("x", Essay, limits=3)
  why    The limits of a graph are one object. (S17)
  fix    Write limits=Limits(steps=1_000).
""")
def test_limits_as_a_count() -> None:
    Declaration("x", Essay, limits=3)


@says("""
[GF110] The state Foo is not complete: name 'Nowhere' is not defined
  where  here   Declaration("x", Foo)
  why    A type in its annotations is not known where the class was made.
  fix    Define that type before, or call Foo.model_rebuild() before declaring the graph.
""")
def test_a_type_that_is_not_known() -> None:
    class Foo(BaseModel):
        a: "Nowhere" = 0  # type: ignore[name-defined]  # noqa: F821, UP037

    Declaration("x", Foo)


@says("""
[GF110] The state of a graph cannot be BaseModel
  where  here   Declaration("x", BaseModel)
  why    The shared state is a pydantic model class: its fields are what nodes read and write. (S1.1)
  fix    Write class State(BaseModel): ... with a field for each thing that nodes share.
""")
def test_the_class_of_all_models_as_state() -> None:
    Declaration("x", BaseModel)
