"""Secrets as they stand in text: ``{"$secret": "here.…"}``, a token in the place of the value (S1.1).

What leaves a state as JSON (entries, events, standings, exports) holds tokens and never the value. A token ``here.…``
can be opened in this process only, by a key that is made when it starts and kept nowhere: in memory that is all that
is needed, and a token that strays into a log or a file says nothing. A store on disk turns it into ``sealed.…`` with
its cipher, and back; it needs no schema for that, as nothing else looks like a token: in a text of the user's the
quotes around it would be escaped.

Equal secrets have equal tokens here, so that equal runs have equal journals (S15.4); the length is rounded up. Where
the key comes from is not decided here: the core reads no chance.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard, cast

from graphflow.errors import CipherMissing, Internal, SecretDamaged, StoreError

NAME: Final = "$secret"
"""The only key of a token's object."""
HERE: Final = "here."
SEALED: Final = "sealed."
MASK: Final = "**********"
"""What is shown in the place of a secret."""

MARK: Final = b'"$secret"'
"""Text without this has no token in it."""
_TOKEN = re.compile(rb'(\{\s*"\$secret"\s*:\s*")((?:here|sealed)\.[A-Za-z0-9_=-]*)("\s*\})')
_TAG = 16  # bytes
_STEP = 32  # bytes that a length is rounded up to

_keys: list[bytes] = []
_unopened: dict[str, StoreError] = {}
_MOST_UNOPENED = 4096


def hold(key: bytes) -> None:
    """Give this process its key, 64 bytes by chance. The first one stays."""
    if not _keys:
        _keys.extend((key[:32], key[32:]))


def wrapped(plain: bytes) -> dict[str, str]:
    """A token for JSON text, which is a secret."""
    padded = plain + b" " * (-len(plain) % _STEP)  # white space after JSON means nothing
    tag = _tag(padded)
    return {NAME: HERE + urlsafe_b64encode(tag + _mixed(padded, tag)).decode()}


def unwrapped(token: str) -> bytes:
    """The JSON text of a token ``here.…``. Raises CipherMissing for a sealed one, SecretDamaged for any other.

    One that a store could not open raises what it said of it.
    """
    if token.startswith(SEALED):
        said = _unopened.get(token)
        if said is not None:
            raise type(said)(said.what, why=said.why, fix=said.fix)
        raise CipherMissing(
            "A secret is sealed, and the store was opened without its key",
            why="It is kept sealed on disk, and opened only where a run goes on. Nothing was changed.",
            fix='Open the store with its key: SQLiteStore("runs.db", cipher=FernetCipher(key)); on the command line '
            "set GRAPHFLOW_KEY.",
        )
    plain = opened_here(token)
    if plain is None:
        raise SecretDamaged(
            "A secret was put away by another process, or its token was altered",
            why="Without a store's cipher a secret is kept for as long as its process lives. Nothing was changed.",
            fix='Keep such runs in a store with a cipher: store=SQLiteStore("runs.db", cipher=FernetCipher(key)).',
        )
    return plain


def leave_sealed(token: str, error: StoreError) -> None:
    """A store could not open a token. It stays as it is, and only who asks for its secret is told why.

    What merely looks like one, in data of the user's or of a model, so takes nothing with it.
    """
    if len(_unopened) >= _MOST_UNOPENED:
        _unopened.clear()
    _unopened[token] = error


def opened_here(token: str) -> bytes | None:
    """The JSON text of a token of this process; None for anything else."""
    try:
        data = urlsafe_b64decode(token.removeprefix(HERE))
    except (binascii.Error, ValueError):
        return None
    tag = data[:_TAG]
    plain = _mixed(data[_TAG:], tag)
    return plain if token.startswith(HERE) and hmac.compare_digest(_tag(plain), tag) else None


def is_token(data: object) -> TypeGuard[Mapping[str, str]]:
    """Whether JSON-able data is a token."""
    if not _is_dict(data) or len(data) != 1:
        return False
    token = data.get(NAME)
    return isinstance(token, str) and token.startswith((HERE, SEALED))


def _is_dict(data: object) -> TypeGuard[dict[Any, Any]]:
    return isinstance(data, dict)


def masked(data: Any, kinds: tuple[str, ...] = (HERE, SEALED)) -> Any:
    """JSON-able data as it is shown: a mask in the place of each token.

    >>> masked({"name": "Ann", "keys": [{"$secret": "sealed.Zm9v"}]})
    {'name': 'Ann', 'keys': ['**********']}
    """
    if is_token(data):
        return MASK if data[NAME].startswith(kinds) else data
    if _is_dict(data):
        return {name: masked(value, kinds) for name, value in data.items()}
    if isinstance(data, list | tuple):
        parts = cast("list[Any]", data)
        return type(parts)(masked(part, kinds) for part in parts)
    return data


def without_sealed(data: Any) -> Any:
    """JSON-able data in which tokens that cannot be told apart, as they are sealed, are masks."""
    return masked(data, (SEALED,))


def translated(text: bytes, change: Callable[[str], str]) -> bytes:
    """JSON text with other tokens in it: ``change`` is given each token, and gives the one to write."""
    if MARK not in text:
        return text

    def changed(found: re.Match[bytes]) -> bytes:
        return found[1] + change(found[2].decode()).encode() + found[3]

    return _TOKEN.sub(changed, text)


def _tag(plain: bytes) -> bytes:
    if not _keys:
        raise Internal("A secret was met before this process had a key for it.")
    return hashlib.blake2b(plain, key=_keys[0], digest_size=_TAG).digest()


def _mixed(data: bytes, tag: bytes) -> bytes:
    """``data`` with a stream that follows from key and tag; the same again gives it back."""
    stream = hashlib.shake_256(_keys[1] + tag).digest(len(data))
    return (int.from_bytes(data) ^ int.from_bytes(stream)).to_bytes(len(data))
