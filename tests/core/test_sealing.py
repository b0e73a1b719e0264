"""Secrets in a state: tokens in what is journalled, at any depth, and what they were for who reads it back (S1.1)."""

from __future__ import annotations

import datetime
import decimal
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, Secret, SecretBytes, SecretStr, TypeAdapter
from typing_extensions import TypedDict

from graphflow import Replace, append, merge
from graphflow.core.sealing import holds_secret, scrubbed, sealing
from graphflow.core.tokens import masked
from graphflow.errors import UpdateInvalid
from graphflow.graph.declaration import Declaration

CANARY = "canary-4417"


class Account(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    name: str = Field("ann", alias="Name")
    key: SecretStr = SecretStr(CANARY)
    below: list[Account] = []


@dataclass
class Plain:
    when: datetime.date
    key: SecretStr


class Typed(TypedDict):
    key: SecretStr
    size: int


class SecretDate(Secret[datetime.date]):
    def _display(self) -> str:
        return "****/**/**"


class Every(BaseModel):
    text: SecretStr = SecretStr("")
    raw: SecretBytes = SecretBytes(b"")
    number: Secret[float] = Secret(0.5)
    date: SecretDate = SecretDate(datetime.date(2020, 1, 31))
    inner: Secret[Account] = Secret(Account())
    maybe: SecretStr | None = None
    either: str | SecretStr = "a text"
    account: Account = Account()
    accounts: dict[str, list[Account]] = {}
    pair: tuple[SecretStr, int] = (SecretStr("x"), 1)
    many: set[SecretStr] = set()
    plain: Plain = Plain(datetime.date(2021, 2, 3), SecretStr("y"))
    typed: Typed = {"key": SecretStr("z"), "size": 1}
    least: Annotated[SecretStr, Field(min_length=2)] = SecretStr("ab")
    added: Annotated[list[SecretStr], append] = []
    merged: Annotated[dict[str, SecretStr], merge] = {}
    price: decimal.Decimal = decimal.Decimal("1.5")


schema = Declaration("every", Every).plan().schema

secrets = st.builds(SecretStr, st.text(st.characters(), max_size=40))
accounts = st.recursive(
    st.builds(lambda key: Account(key=key), secrets),
    lambda below: st.builds(lambda key, more: Account(key=key, below=more), secrets, st.lists(below, max_size=2)),
    max_leaves=4,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "text": secrets,
            "raw": st.builds(SecretBytes, st.binary(max_size=40)),
            "number": st.builds(Secret, st.floats(allow_nan=False)),
            "inner": st.builds(Secret, accounts),
            "maybe": st.none() | secrets,
            "either": st.text() | secrets,
            "account": accounts,
            "accounts": st.dictionaries(st.text(max_size=3), st.lists(accounts, max_size=2), max_size=2),
            "many": st.sets(secrets, max_size=3),
        },
    )
)
def test_whatever_it_is_it_comes_back(given_values: dict[str, Any]) -> None:
    values = schema.start(Every(**given_values))
    data = schema.dump_state(values)
    back = schema.revive_state(data)
    assert back == values
    assert {name: type(value) for name, value in back.items()} == {name: type(v) for name, v in values.items()}


def test_lone_surrogates_survive_in_a_secret() -> None:
    values = schema.start(Every(text=SecretStr("a\ud800")))
    assert schema.revive_state(schema.dump_state(values)) == values


def test_everything_around_is_legible_and_shown_with_masks() -> None:
    values = schema.start(Every(accounts={"a": [Account(name="bob")]}, typed={"key": SecretStr(CANARY), "size": 3}))
    data = schema.dump_state(values)
    assert CANARY not in str(data)
    shown = masked(data)
    assert shown["accounts"] == {"a": [{"name": "bob", "key": "**********", "below": []}]}
    assert shown["typed"] == {"key": "**********", "size": 3}
    assert shown["plain"] == {"when": "2021-02-03", "key": "**********"}
    assert (shown["inner"], shown["either"], shown["price"]) == ("**********", "a text", "1.5")


def test_which_fields_hold_secrets() -> None:
    assert set(schema.fields) - set(schema.secret_names) == {"price"}
    assert schema.fields["price"].is_secret is False
    assert sealing(TypeAdapter(list[dict[str, int]])) is None
    assert not holds_secret(TypeAdapter(Annotated[str, Field(description="SecretStr")]).core_schema)


def test_changes_go_through_reducers() -> None:
    """S7: what an update gives, one element or an override, is wrapped as what it is."""
    update = schema.update({"added": CANARY, "merged": {"a": CANARY}})
    assert CANARY not in str(schema.dump(update))
    assert schema.revive(schema.dump(update)) == update
    replaced = schema.update({"added": Replace([CANARY])})
    assert schema.revive(schema.dump(replaced)) == {"=added": [SecretStr(CANARY)]}


def test_equal_secrets_have_equal_tokens() -> None:
    """S15.4: equal runs have equal journals."""
    one, other = schema.start(Every(text=CANARY)), schema.start(Every(text=CANARY))
    assert schema.dump_state(one) == schema.dump_state(other)
    assert schema.dump_state(one) != schema.dump_state(schema.start(Every(text=CANARY + "!")))


@pytest.mark.parametrize(
    "change",
    [
        {"text": 5},
        {"text": [CANARY]},
        {"account": {"name": 5, "key": CANARY}},
        {"least": "1"},
        {"number": CANARY},
        {"date": CANARY},
        {"typed": {"key": CANARY, "size": CANARY}},
        {"inner": {"key": [CANARY]}},
        {"added": {"a": CANARY}},
        {"added": Replace(CANARY)},
    ],
    ids=str,
)
def test_what_does_not_validate_is_not_shown(change: dict[str, Any]) -> None:
    """S3.3: the message names field and reason."""
    with pytest.raises(UpdateInvalid, match=f"'{next(iter(change))}'.*not shown: secret") as caught:
        schema.update(change)
    assert CANARY not in str(caught.value)


def test_what_stands_in_a_field_of_any_type_is_refused() -> None:
    """S1.1: there it would be written as asterisks, and lost."""

    class Open(BaseModel):
        anything: Any = None

    with pytest.raises(UpdateInvalid, match="does not come back from JSON") as caught:
        Declaration("open", Open).plan().schema.update({"anything": {"key": SecretStr(CANARY)}})
    assert CANARY not in str(caught.value)


def test_a_nested_model_keeps_its_own_serializer() -> None:
    """What is built here changes nothing of the user's classes."""
    assert Account(key=SecretStr(CANARY)).model_dump_json() == '{"name":"ann","key":"**********","below":[]}'
    assert Account.model_validate_json('{"key": "x"}').key == SecretStr("x")


def test_a_text_is_cleared_of_secrets_in_every_form() -> None:
    text = 'a "quo\\"ted" b quo"ted c'
    assert 'quo"ted' not in scrubbed(text, iter(['quo"ted']))
    assert scrubbed("abc is in abcdef", iter(["abcdef", "abc"])) == "abc is in **********", "a short one is no secret"
