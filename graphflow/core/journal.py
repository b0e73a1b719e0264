"""Entries to JSON and back. The journal is the truth of a run: append-only, declared updates, nothing revived by type.

An entry is an object with ``seq``, ``kind``, ``t`` (the driver's clock, seconds) and mostly ``at`` (the cursor). What a
node changed stands in it as the state's own schema writes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeGuard, overload

from pydantic_core import from_json, to_json

from graphflow.core.annotations import is_native
from graphflow.core.plan import Edge, Plan
from graphflow.core.reducers import Replace
from graphflow.core.schema import Schema, adapter
from graphflow.core.sealing import holds_secret, sealing
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
    schema = plan.schema
    if entry["kind"] == "effect":
        if "updates" in entry and schema.secret_names:
            entry = {**entry, "updates": dump_all_given(schema, entry["updates"])}
        return entry
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
def item_codec(item_type: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]] | None:
    """How a map's items go to JSON-able data and back; None where they are that already."""
    if is_native(item_type):
        return None
    whole = adapter(item_type)
    sealed = sealing(whole)
    if sealed is not None:
        return sealed

    def dump(item: Any) -> Any:
        return whole.dump_python(item, mode="json", round_trip=True)

    def revive(data: Any) -> Any:
        return whole.validate_json(to_json(data, inf_nan_mode="constants"))

    return dump, revive


def dump_items(edge: Edge, items: Any) -> list[Any]:
    """A map's items as JSON-able data, by their declared type (S6.1)."""
    codec = None if edge.over is None else item_codec(edge.over.item_type)
    if codec is None:
        return list(items)
    return [codec[0](item) for item in items]


def revive_items(edge: Edge, data: list[Any]) -> list[Any]:
    """The inverse of ``dump_items``."""
    codec = None if edge.over is None else item_codec(edge.over.item_type)
    if codec is None:
        return data
    return [codec[1](item) for item in data]


def dump_all_given(schema: Schema, updates: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Updates as a tool gave them, not validated yet (S3.7): what they give for a secret field is put away."""
    if not schema.secret_names:
        return list(map(dict, updates))
    return [{name: _put_away(schema, name, value) for name, value in one.items()} for one in updates]


def _put_away(schema: Schema, name: str, value: Any) -> Any:
    spec = schema.fields.get(name)
    if spec is None or not spec.is_secret:
        return value
    is_replacing = _is_replace(value)
    given = value.value if _is_replace(value) else value
    spec = schema.specs["=" + name] if is_replacing else spec
    assert spec.dump is not None
    try:
        return {_GIVEN: spec.dump(spec.validate(given)), "replaces": is_replacing}
    except ValueError:
        return {_GIVEN: None, "unfit": True}


def _is_replace(value: object) -> TypeGuard[Replace[Any]]:
    return isinstance(value, Replace)


_GIVEN = "$given"


class Unfit:
    """What a tool gave for a secret field, and what was no valid value of it. The step says so, after a crash too."""


def revive_given(schema: Schema, updates: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The inverse of ``dump_all_given``."""
    if not schema.secret_names:
        return tuple(map(dict, updates))
    return tuple({name: _taken_out(schema, name, value) for name, value in one.items()} for one in updates)


def _taken_out(schema: Schema, name: str, data: Any) -> Any:
    if name not in schema.secret_names or not _is_object(data) or _GIVEN not in data:
        return data
    if "unfit" in data:
        return Unfit()
    spec = schema.specs["=" + name if data["replaces"] else name]
    assert spec.revive is not None
    value = spec.revive(data[_GIVEN])
    return Replace(value) if data["replaces"] else value


def secret_places(plan: Plan) -> list[str]:
    """Where a run of this plan keeps secrets, ``State.key``, in sub-graphs too. Worked out once for each plan."""
    key = ("secrets", plan.fingerprint)
    found: list[str] | None = plan.schema.memo.get(key)
    if found is None:
        plans = [plan]
        for one in plans:
            graphs = [node.graph.plan() for node in one.nodes if node.graph is not None]
            plans += [inner for inner in graphs if all(inner is not known for known in plans)]
        found = plan.schema.memo[key] = list(dict.fromkeys(place for one in plans for place in _secret_places(one)))
    return found


def _secret_places(plan: Plan) -> Iterator[str]:
    for name in plan.schema.secret_names:
        yield f"{plan.state.__name__}.{name}"
    for edge in plan.edges:
        if edge.over is not None and not is_native(edge.over.item_type):
            core: Any = adapter(edge.over.item_type).core_schema
            if holds_secret(core):
                yield edge.over.label
