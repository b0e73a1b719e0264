"""Laws of secrets, for places whose stores have a cipher: sealed where they are kept, and opened for whoever reads.

A place whose stores have none is asked for nothing here: a run with secrets is not given to them (S1.1).
"""

from __future__ import annotations

from pydantic_core import to_json

from graphflow.core.journal import decode
from graphflow.core.tokens import HERE, NAME, SEALED, unwrapped, wrapped
from graphflow.stores.store import Standing
from graphflow.testing.store_contract.place import Law, Place, commit, in_loop, opened, plan_of_notes

_SECRET = b'"a secret of the contract"'


def secrets_are_sealed_and_come_back(place: Place) -> None:
    """From every way in: the journal a run begins with, its entries, where it stands, a snapshot."""
    with opened(place) as store, opened(place) as other:
        if store.cipher is None:
            return
        begun, more = _entry(1), _entry(2, " ")
        store.create("sealed", plan_of_notes(), entries=[begun])
        store.acquire("sealed")
        state = {"key": wrapped(_SECRET), "count": 1}
        in_loop(commit(store, "sealed", [more], Standing(2, state=state)))
        for reader in (store, other):
            read = [decode(text) for text in reader.read("sealed")]
            assert [unwrapped(entry["state"]["key"][NAME]).strip() for entry in read] == [_SECRET, _SECRET]
            assert [entry["state"]["text"] for entry in read] == [_TEXT, _TEXT], (
                "a text that looks like a token is none"
            )
            told = reader.row("sealed").standing.state
            assert told is not None
            assert told["key"][NAME].startswith(SEALED), "where a run stands is shown, and stays sealed"
            assert told["count"] == 1, "what is no secret is legible"
        if store.cut("sealed", to_json({"kind": "snapshot", "seq": 2, "state": {"key": wrapped(_SECRET)}})):
            (entry,) = map(decode, store.read("sealed"))
            assert unwrapped(entry["state"]["key"][NAME]).strip() == _SECRET


_TEXT = '{"$secret":"here.AAAA"} {"$secret":"sealed.AAAA"} ' + HERE


def _entry(seq: int, space: str = "") -> bytes:
    token = wrapped(_SECRET)[NAME]
    text = to_json(_TEXT).decode()
    return f'{{"kind":"x","seq":{seq},"state":{{"key":{{{space}"{NAME}":{space}"{token}"}},"text":{text}}}}}'.encode()


LAWS: tuple[Law, ...] = (secrets_are_sealed_and_come_back,)
