"""Entries to JSON and back. The journal is the truth of a run: append-only, declared updates, nothing revived by type.

An entry is an object with ``seq``, ``kind``, ``t`` (the driver's clock, seconds) and mostly ``at`` (the cursor). What a
node changed stands in it as the state's own schema writes it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, TypeGuard

from pydantic_core import from_json, to_json

from graphflow.core.annotations import is_native
from graphflow.core.plan import Edge, Plan
from graphflow.core.schema import adapter
from graphflow.errors import JournalInvalid

Entry = dict[str, Any]


def encode(entry: Entry, plan: Plan) -> bytes:
    """One entry as JSON text. Serialised at commit: what the node does to its objects afterwards is not in it."""
    if not plan.schema.is_native or "items" in entry:
        entry = _dumped(entry, plan)
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
