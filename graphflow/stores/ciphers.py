"""Ciphers: how the secrets of a state are sealed on disk, one by one (S1.1).

A store that is given a cipher writes each secret as a sealed token, and everything around it as ever, so that journals,
rows and exports stay legible. Whoever has the store and not the key sees which fields hold a secret, and roughly how
long it is; nothing of it can be read, or altered without being found out. Nothing seals what was never a secret to the
state: what a model wrote, or ``ctx.once`` gave, stands in the journal as it is.

``FernetCipher`` needs the extra ``secrets``. Any object that can ``seal`` and ``open`` bytes is a cipher, so that keys
may lie in a service of yours.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from graphflow.core.tokens import HERE, SEALED, leave_sealed, opened_here, translated, wrapped
from graphflow.errors import CipherKeyInvalid, CipherKeyUnknown, SecretDamaged, StoreError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

VARIABLE = "GRAPHFLOW_KEY"
"""Where the command line and ``graphflow.testing`` look for keys: arguments are seen by everybody on a machine."""
EXTRA = "pip install 'graphflow-agents[secrets]'"


@runtime_checkable
class Cipher(Protocol):
    """Seals bytes, and opens what it has sealed. It must find out what was altered, and may be called in any thread."""

    def seal(self, plain: bytes) -> bytes:
        """The same sealed: each time different bytes, from which nothing can be told but a length."""
        ...

    def open(self, sealed: bytes) -> bytes:
        """What ``seal`` was given. Raises CipherKeyUnknown or SecretDamaged, or anything else, if it cannot."""
        ...


class FernetCipher:
    """Seals with Fernet: AES-128 in CBC mode under an HMAC with SHA-256, by the package ``cryptography``.

    ``FernetCipher(key)`` takes a key as ``FernetCipher.new_key()`` makes it. Several change keys: the first seals, all
    of them open, ``FernetCipher(new, old)``; the old one can go once no run is left that was sealed with it. A key
    belongs where passwords are kept, not beside the store.

    Raises CipherKeyInvalid for what is no key, and StoreError without the extra ``secrets``::

        cipher = FernetCipher(os.environ["RUNS_KEY"])
        graph.run(state, store=SQLiteStore("runs.db", cipher=cipher))
    """

    __slots__ = ("_by_name", "_first")

    def __init__(self, *keys: str | bytes) -> None:
        if not keys:
            raise _no_key("No key was given", "A cipher needs one.")
        named = [_named(key, number) for number, key in enumerate(keys, 1)]
        self._first = named[0][0]
        self._by_name: dict[bytes, Fernet] = dict(named)

    @staticmethod
    def new_key() -> str:
        """A new key, made by chance: 44 characters. Keep it; nothing can be opened without it."""
        return _fernet().generate_key().decode()

    @property
    def name(self) -> str:
        """A short digest of the key that seals, which tells keys apart and tells nothing of them."""
        return self._first.hex()

    def seal(self, plain: bytes) -> bytes:
        """The same sealed with the first key, which it names."""
        return self._first + urlsafe_b64decode(self._by_name[self._first].encrypt(plain))

    def open(self, sealed: bytes) -> bytes:
        """What was sealed with one of the keys. Raises CipherKeyUnknown and SecretDamaged."""
        from cryptography.fernet import InvalidToken

        name = sealed[:_NAME]
        fernet = self._by_name.get(name)
        if fernet is None:
            known = ", ".join(one.hex() for one in self._by_name)
            raise CipherKeyUnknown(
                f"A secret was sealed with the key {name.hex()}, which is not at hand",
                why=f"At hand: {known}. (Digests, which tell nothing of the keys.) Nothing was changed.",
                fix="Give that key too, FernetCipher(new, old); on the command line GRAPHFLOW_KEY=new,old.",
            )
        try:
            return fernet.decrypt(urlsafe_b64encode(sealed[_NAME:]))
        except InvalidToken:
            raise damaged(f"It names the key {name.hex()}, and does not open with it.") from None

    def __repr__(self) -> str:
        return f"<FernetCipher {', '.join(name.hex() for name in self._by_name)}>"

    def __reduce__(self) -> Any:
        raise TypeError("a cipher is not pickled: its keys would go along")


_NAME = 4  # bytes
_LENGTH = 44  # characters of a key


def _named(key: object, number: int) -> tuple[bytes, Fernet]:
    which = "The key" if number == 1 else f"Key {number}"
    if not isinstance(key, str | bytes):
        raise _no_key(f"{which} is a {type(key).__name__}", "It is a text, as FernetCipher.new_key() makes it.")
    kind = _fernet()
    data = key.strip().encode() if isinstance(key, str) else key.strip()
    try:
        if len(data) != _LENGTH:  # base64 ignores what comes after its end
            raise ValueError
        made = kind(data)
    except (ValueError, binascii.Error):
        raise _no_key(
            f"{which} is none", f"It is {len(data)} characters long; a key is 32 bytes as base64, {_LENGTH} characters."
        ) from None
    return hashlib.blake2b(urlsafe_b64decode(data), digest_size=_NAME, person=b"graphflow key").digest(), made


def _fernet() -> type[Fernet]:
    try:
        from cryptography.fernet import Fernet
    except ImportError as error:
        raise StoreError(
            "Secrets cannot be sealed: the package cryptography is not installed",
            why="FernetCipher uses it.",
            fix=EXTRA,
        ) from error
    return Fernet


def _no_key(what: str, why: str) -> CipherKeyInvalid:
    return CipherKeyInvalid(
        what,
        why=f"{why} It is not shown.",
        fix="Make one, and keep it: python -c 'from graphflow.stores import FernetCipher; print(FernetCipher.new_key())'",
    )


def damaged(why: str) -> SecretDamaged:
    """A token that does not open."""
    return SecretDamaged(
        "A sealed secret does not open: it was altered",
        why=f"{why} Nothing was changed.",
        fix="Bring the store back from a copy; graphflow runs show and export read the rest of the run without a key.",
    )


def cipher_of(environ: Mapping[str, str]) -> Cipher | None:
    """What seals secrets, with the keys of an environment: the first seals; None without any. Raises CipherKeyInvalid."""
    keys = [key.strip() for key in environ.get(VARIABLE, "").split(",") if key.strip()]
    try:
        return FernetCipher(*keys) if keys else None
    except CipherKeyInvalid as error:
        raise CipherKeyInvalid(f"{error.what}, in {VARIABLE}", why=error.why, fix=error.fix) from None


def checked_cipher(cipher: object) -> Any:
    """Raises CipherKeyInvalid unless it is a cipher or None."""
    if cipher is None or (isinstance(cipher, Cipher) and not isinstance(cipher, type)):
        return cipher
    raise CipherKeyInvalid(
        f"cipher= cannot be a {'class' if isinstance(cipher, type) else type(cipher).__name__}",
        why="A cipher is an object that can seal and open. What was given is not shown: it may be a key.",
        fix="Write cipher=FernetCipher(key).",
    )


def sealed(text: bytes, cipher: Cipher) -> bytes:
    """JSON text as it is written to disk: its secrets sealed."""

    def seal(token: str) -> str:
        plain = opened_here(token) if token.startswith(HERE) else None
        return token if plain is None else SEALED + urlsafe_b64encode(cipher.seal(plain)).decode()

    return translated(text, seal)


def opened(text: bytes, cipher: Cipher, of: str = "") -> bytes:
    """JSON text as this process reads it: its secrets can be opened here, ``of`` says where they are from.

    What the cipher cannot open stays sealed. A secret that it was meant for raises CipherKeyUnknown or SecretDamaged
    once it is asked for; something of the user's that only looks like one is nobody's secret.
    """

    def unseal(token: str) -> str:
        if not token.startswith(SEALED):
            return token
        try:
            plain = cipher.open(urlsafe_b64decode(token.removeprefix(SEALED)))
        except (CipherKeyUnknown, SecretDamaged) as error:
            leave_sealed(token, type(error)(error.what + of, why=error.why, fix=error.fix))
            return token
        except StoreError:
            raise
        except Exception as error:
            said = damaged(f"Its cipher raised {type(error).__name__}.")
            leave_sealed(token, SecretDamaged(said.what + of, why=said.why, fix=said.fix))
            return token
        return next(iter(wrapped(plain).values()))

    return translated(text, unseal)
