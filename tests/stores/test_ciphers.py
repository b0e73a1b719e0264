"""Ciphers: sealed is sealed, keys change, and a wrong one is told apart from a token that was altered."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from graphflow.core.tokens import HERE, NAME, SEALED, masked, unwrapped, wrapped
from graphflow.errors import CipherKeyInvalid, CipherKeyUnknown, CipherMissing, SecretDamaged
from graphflow.graph import states
from graphflow.stores import Cipher, FernetCipher, SQLiteStore
from graphflow.stores.ciphers import opened, sealed

pytest.importorskip("cryptography", reason="pip install 'graphflow-agents[secrets]'")
assert states  # importing it gives this process its key

OLD, NEW = FernetCipher.new_key(), FernetCipher.new_key()


@given(st.binary(max_size=200))
def test_what_is_sealed_comes_back(plain: bytes) -> None:
    cipher = FernetCipher(NEW, OLD)
    assert cipher.open(cipher.seal(plain)) == plain
    assert cipher.open(FernetCipher(OLD).seal(plain)) == plain
    assert len(plain) < 4 or plain not in cipher.seal(plain)


def test_sealing_twice_gives_different_bytes() -> None:
    cipher = FernetCipher(NEW)
    assert cipher.seal(b"secret") != cipher.seal(b"secret")


def test_another_key_is_told_by_its_name() -> None:
    with pytest.raises(CipherKeyUnknown, match=FernetCipher(OLD).name) as caught:
        FernetCipher(NEW).open(FernetCipher(OLD).seal(b"secret"))
    assert FernetCipher(NEW).name in caught.value.why
    assert not any(key in str(caught.value) for key in (OLD, NEW))


@given(st.integers(min_value=4, max_value=60), st.integers(min_value=1, max_value=255))
def test_one_byte_is_altered(position: int, by: int) -> None:
    found = bytearray(FernetCipher(NEW).seal(b"secret"))
    found[position] ^= by
    with pytest.raises(SecretDamaged, match="altered"):
        FernetCipher(NEW).open(bytes(found))


@pytest.mark.parametrize("key", ["", "short", NEW[:-2], NEW + "AAAA", "ä" * 44, 44, None])
def test_no_key(key: object) -> None:
    with pytest.raises(CipherKeyInvalid) as caught:
        FernetCipher(key)  # type: ignore[arg-type]
    assert "new_key()" in caught.value.fix
    assert not isinstance(key, str) or len(key) < 6 or key not in str(caught.value)


def test_no_keys_at_all() -> None:
    with pytest.raises(CipherKeyInvalid, match="No key"):
        FernetCipher()


def test_a_key_given_as_cipher_is_not_shown(tmp_path: Path) -> None:
    for given_one in (NEW, FernetCipher):
        with pytest.raises(CipherKeyInvalid, match="cipher= cannot be") as caught:
            SQLiteStore(tmp_path / "runs.db", cipher=given_one)  # type: ignore[arg-type]
        assert NEW not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_cipher_shows_and_pickles_no_key() -> None:
    cipher = FernetCipher(NEW, OLD)
    assert repr(cipher) == f"<FernetCipher {cipher.name}, {FernetCipher(OLD).name}>"
    assert NEW not in repr(cipher)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(cipher)


def test_all_but_the_secrets_stays_as_it_is() -> None:
    """Texts that look like tokens are none, whatever quotes and braces they hold; spaces in a token mean nothing."""
    cipher = FernetCipher(NEW)
    tricky = {"text": '{"$secret":"here.AAAA"}', "list": ["{", "$secret", ":", 'x"}'], "key": wrapped(b'"s3cret"')}
    for text in (to_json(tricky), to_json(tricky).replace(b'{"$secret":', b'{ "$secret" : ')):
        closed = sealed(text, cipher)
        assert b"s3cret" not in closed
        data = from_json(closed)
        assert data["key"][NAME].startswith(SEALED)
        assert {name: value for name, value in data.items() if name != "key"} == {
            name: value for name, value in from_json(text).items() if name != "key"
        }
        assert from_json(opened(closed, cipher)) == from_json(text), "equal secrets have equal tokens in a process"
    assert masked(tricky)["key"] == "**********"


def test_a_token_of_another_process_is_not_sealed() -> None:
    """It could not be opened, and so is left as it is: refused when it is read, never taken for a secret."""
    text = to_json({"key": {NAME: HERE + "A" * 64}})
    assert sealed(text, FernetCipher(NEW)) == text
    with pytest.raises(SecretDamaged, match="another process"):
        unwrapped(HERE + "A" * 64)
    with pytest.raises(CipherMissing, match="without its key"):
        unwrapped(SEALED + "A" * 64)


def test_a_cipher_of_ones_own() -> None:
    """Anything that can seal and open; what it raises is told without its words."""

    class Own:
        def seal(self, plain: bytes) -> bytes:
            return plain[::-1]

        def open(self, sealed: bytes) -> bytes:
            raise RuntimeError("key 12345 is wrong")

    own = Own()
    assert isinstance(own, Cipher)
    text = sealed(to_json(wrapped(b"1")), own)
    assert opened(text, own, " (of run r)") == text, "what does not open stays as it is"
    with pytest.raises(SecretDamaged, match=r"RuntimeError") as caught:
        unwrapped(from_json(text)[NAME])
    assert "(of run r)" in caught.value.what
    assert "12345" not in str(caught.value)


def test_what_only_looks_sealed_stands_in_nobodys_way() -> None:
    """A model or a web page may give such data, and must not make a run unreadable; only a secret's own field tells."""
    cipher = FernetCipher(NEW)
    data = {"of_a_tool": {NAME: SEALED + "AAAA"}, "key": wrapped(b'"s3cret"')}
    back = from_json(opened(sealed(to_json(data), cipher), cipher))
    assert back == data
    assert unwrapped(back["key"][NAME]).strip() == b'"s3cret"'
    with pytest.raises(CipherKeyUnknown):
        unwrapped(back["of_a_tool"][NAME])


def test_too_many_that_do_not_open_take_no_memory() -> None:
    """Of the first it is only known that they are sealed."""
    cipher = FernetCipher(NEW)
    first = SEALED + "A" * 80
    opened(to_json([{NAME: first}, *({NAME: f"{SEALED}{number:08d}"} for number in range(5000))]), cipher)
    with pytest.raises(CipherMissing):
        unwrapped(first)


def test_lengths_are_rounded_up() -> None:
    assert len({len(wrapped(b"x" * size)[NAME]) for size in range(32)}) <= 2
