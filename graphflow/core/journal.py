"""Entries to JSON and back. The journal is the truth of a run: append-only, declared updates, nothing revived by type.

An entry is an object with ``seq``, ``kind``, ``t`` (the driver's clock, seconds) and mostly ``at`` (the cursor). What a
node changed stands in it as the state's own schema writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeGuard, overload

from pydantic_core import from_json, to_json

from graphflow.core.annotations import is_native
from graphflow.core.plan import Edge, Plan
from graphflow.core.schema import adapter
from graphflow.errors import JournalInvalid

Entry = dict[str, Any]

SNAPSHOT = "snapshot"
"""The kind of the entry that a journal begins with once what was before is pruned, see ``snapshots``."""

Brief = tuple[str, str, int, dict[str, Any], int, int, float]
"""The entry of a common step, not yet written: scope prefix, node id, visit, changes, edge, seq, t.

Most entries are these, and most in memory are never read, so writing them waits until somebody does (0.8 us a step).
The text is the same as if it had been written at the commit. Texts and numbers cannot change, and only updates whose
values are these and need no dumping become a Brief: one that holds a list or dict, which its node, a reducer or a view
might still alter, is written at once (see ``shortcuts.Altering``). The dict of changes is made for the update by us, no
node has ever seen it, and logs and joins make new ones instead of altering it.
"""


def expand(item: Entry | Brief) -> Entry:
    """The entry that a Brief stands for."""
    if not isinstance(item, tuple):
        return item
    prefix, node, visit, changes, edge, seq, t = item
    at = f"{prefix}{node}:{visit}"
    if changes:
        return {"kind": "finished", "at": at, "updates": [changes], "edge": edge, "seq": seq, "t": t}
    return {"kind": "finished", "at": at, "edge": edge, "seq": seq, "t": t}


def text_of(item: bytes | Brief) -> bytes:
    """What a driver commits, as the text of a journal's line; for stores that write at once."""
    return _text(expand(item)) if isinstance(item, tuple) else item


def pruned_before(entries: Sequence[bytes | Brief]) -> int:
    """How many entries of a run are no longer there before the first of these: a snapshot stands for them.

    >>> pruned_before([b'{"kind":"snapshot","seq":12}', b'{"kind":"ended","seq":13}']), pruned_before([])
    (11, 0)
    """
    first = entries[0] if entries else b""
    if isinstance(first, tuple) or not first[:24].replace(b" ", b"").startswith(b'{"kind":"snapshot"'):
        return 0
    seq: int = decode(first)["seq"]
    return seq - 1


class Journal(Sequence[bytes]):
    """The entries of a run so far, as texts. A Brief is written when it is first looked at, and is a text from then on.

    >>> journal = Journal([("", "search", 1, {"hits": 3}, 0, 2, 0.5)])
    >>> journal[0]
    b'{"kind":"finished","at":"search:1","updates":[{"hits":3}],"edge":0,"seq":2,"t":0.5}'
    """

    __slots__ = ("_items", "_size")

    def __init__(self, items: list[bytes | Brief]) -> None:
        self._items = items  # the store's own list, which only grows: copying it would cost every run
        self._size = len(items)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self._at(position) for position in range(self._size)[index]]
        return self._at(range(self._size)[index])

    def __iter__(self) -> Iterator[bytes]:
        return map(self._at, range(self._size))

    def _at(self, position: int) -> bytes:
        item = self._items[position]
        if isinstance(item, tuple):
            item = self._items[position] = text_of(item)
        return item


def encode(entry: Entry | Brief, plan: Plan) -> bytes:
    """One entry as JSON text. Serialised at commit: what the node does to its objects afterwards is not in it."""
    if isinstance(entry, tuple):
        return text_of(entry)
    if not plan.schema.is_native or "items" in entry:
        entry = _dumped(entry, plan)
    return _text(entry)


def _text(entry: Entry) -> bytes:
    try:
        return to_json(entry)
    except ValueError:  # a lone surrogate, which UTF-8 cannot hold: escaped it survives
        return json.dumps(entry, ensure_ascii=True, default=_plain).encode()


def _dumped(entry: Entry, plan: Plan) -> Entry:
    """The entry with its typed values as JSON-able data, by the state's own schema."""
    if entry["kind"] == "effect":
        return entry
    schema = plan.schema
    if "updates" in entry:
        entry = {**entry, "updates": [schema.dump(changes) for changes in entry["updates"]]}
    if "altered" in entry:
        entry = {**entry, "altered": schema.dump_state(entry["altered"])}
    if "items" in entry:
        entry = {**entry, "items": dump_items(plan.edge(entry["edge"]), entry["items"])}
    return entry


def _plain(value: Any) -> Any:
    return from_json(to_json(value))


def decode(text: bytes | str) -> Entry:
    """The inverse of ``encode``, up to typed values, which replay revives. Raises JournalInvalid."""
    try:
        return _object(from_json(text, allow_inf_nan=True))
    except ValueError:
        try:
            return _object(json.loads(text))
        except ValueError as error:
            raise JournalInvalid(
                "A journal entry is no JSON",
                why=str(error),
                fix="The journal is damaged; the entries before this one are unharmed.",
            ) from None


def _object(data: Any) -> Entry:
    if not _is_object(data):
        raise ValueError("an entry is an object")
    return data


def _is_object(data: object) -> TypeGuard[Entry]:
    return isinstance(data, dict)


@lru_cache(maxsize=1024)
def _item_codec(item_type: Any) -> Any:
    return None if is_native(item_type) else adapter(item_type)


def dump_items(edge: Edge, items: Any) -> list[Any]:
    """A map's items as JSON-able data, by their declared type (S6.1)."""
    codec = None if edge.over is None else _item_codec(edge.over.item_type)
    if codec is None:
        return list(items)
    return [codec.dump_python(item, mode="json", round_trip=True) for item in items]


def revive_items(edge: Edge, data: list[Any]) -> list[Any]:
    """The inverse of ``dump_items``."""
    codec = None if edge.over is None else _item_codec(edge.over.item_type)
    if codec is None:
        return data
    return [codec.validate_json(to_json(item, inf_nan_mode="constants")) for item in data]
