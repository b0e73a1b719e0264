"""Names in addresses: a run's id may be any text, and arrives as it was meant.

A path is matched as it was sent, percent-encoded (``safety.py`` sees to it), so that a ``/`` in a name stays in the
name. Browsers take ``..`` for the folder above even where it is percent-encoded; a name that begins with a dot is
therefore written with a ``~`` before it, and so is one that begins with ``~``.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request

from graphflow.errors import StudioRefused


def encoded(name: str) -> str:
    """A name as a path has it.

    >>> encoded("r-1"), encoded("../x"), encoded("~ann")
    ('r-1', '~..%2Fx', '~~ann')
    """
    return ("~" if name[:1] in ("~", ".") else "") + quote(name, safe="", errors="surrogatepass")


def decoded(text: str) -> str:
    """The inverse.

    >>> decoded("~..%2Fx"), decoded("~~ann"), decoded("r-1")
    ('../x', '~ann', 'r-1')
    """
    return unquote(text.removeprefix("~"), errors="replace")


class _Name(Convertor[str]):
    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return decoded(value)

    def to_string(self, value: str) -> str:
        return encoded(value)


register_url_convertor("name", _Name())


def number_of(text: str | None, called: str, default: int, most: int | None = None) -> int:
    """A whole number out of an address. Raises StudioRefused."""
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise StudioRefused(
            f"{called}={text[:40]!r} is no whole number", code="GF545", why="The studio's page never asks for that."
        )
    return int(text) if most is None else min(int(text), most)


def asked(request: Request, name: str, default: int, most: int | None = None) -> int:
    """A number of the query. Raises StudioRefused."""
    return number_of(request.query_params.get(name), name, default, most)
