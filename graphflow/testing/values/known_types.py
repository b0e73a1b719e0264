"""Inputs for the types that pydantic validates with functions of its own, which no schema describes."""

from __future__ import annotations

import inspect
import ipaddress
import warnings
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from hypothesis import strategies as st

from graphflow.testing.values.scalars import Core, Values


def looks_around(core: Core) -> bool:
    """Whether a validator of the user's may look at the other fields, and so cannot be asked alone."""
    function: Core = core.get("function") or {}
    inner = core.get("schema")
    is_own: bool = function.get("type") == "with-info" and not _home(function.get("function")).startswith("pydantic")
    return is_own or (inner is not None and inner["type"].startswith("function-") and looks_around(inner))


def _home(function: Any) -> str:
    return str(getattr(inspect.unwrap(getattr(function, "func", function)), "__module__", ""))


def does_nothing(*_: object, **__: object) -> None:
    """Stands for a function somebody gives."""


def _encoded(owner: Any) -> Values:
    made = st.binary(max_size=20).map(owner.encoder.encode)
    return made if "Bytes" in type(owner).__name__ else made.map(lambda data: data.decode())


_KNOWN: dict[str, Callable[[Any], Values]] = {
    "EmailStr": lambda owner: st.from_regex(r"[a-z][a-z0-9]{0,8}@[a-z]{1,8}\.(org|com)", fullmatch=True),
    "NameEmail": lambda owner: st.from_regex(r"[a-z][a-z0-9]{0,8}@[a-z]{1,8}\.(org|com)", fullmatch=True),
    "ByteSize": lambda owner: st.integers(0, 2**40),
    "PaymentCardNumber": lambda owner: st.sampled_from(["4242424242424242", "5555555555554444", "378282246310005"]),
    "IPvAnyAddress": lambda owner: st.ip_addresses(),
    "IPvAnyInterface": lambda owner: st.from_type(ipaddress.IPv4Interface) | st.from_type(ipaddress.IPv6Interface),
    "IPvAnyNetwork": lambda owner: st.from_type(ipaddress.IPv4Network) | st.from_type(ipaddress.IPv6Network),
    "EncodedBytes": _encoded,
    "EncodedStr": _encoded,
    "pattern_either_validator": lambda owner: st.sampled_from(["a", "[0-9]+", "^x.*$"]),
    "pattern_str_validator": lambda owner: st.sampled_from(["a", "[0-9]+", "^x.*$"]),
    "pattern_bytes_validator": lambda owner: st.sampled_from([b"a", b"[0-9]+"]),
}
"""Inputs for what pydantic's own functions validate, by the class they belong to or their name."""


def known_inputs(core: Core) -> Values | None:
    function = core["function"]["function"]
    if not _home(function).startswith("pydantic"):
        return None
    owner = getattr(function, "__self__", None)
    name = (
        getattr(function, "__name__", "")
        if owner is None
        else (owner if isinstance(owner, type) else type(owner)).__name__
    )
    make = _KNOWN.get(name)
    return None if make is None else make(owner)


def of_type(annotation: Any) -> Values:
    """What Hypothesis makes of a type. Raises what it raises where it does not know how."""
    kind = annotation
    if isinstance(kind, type) and issubclass(kind, PurePath):
        return st.lists(st.text("abcxyz.-_ é", min_size=1), min_size=1, max_size=3).map(lambda parts: kind(*parts))
    with warnings.catch_warnings(action="ignore"):
        found: Values = st.from_type(annotation)
        found.validate()
    return found
