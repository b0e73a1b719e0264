"""What is told of errors, without the secrets that a run holds (S3.8).

A secret that stands in a state masks itself wherever it is shown. An error of the user's code may hold its text all the
same, ``ValueError(f"bad key {key.get_secret_value()}")``, as may one of ours that quotes it. What goes into journals,
events and messages of ours is cleared of it; the exception itself is the user's, and stays as it was raised. States
without secrets pay nothing: they are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from graphflow.core.remembered import describe
from graphflow.core.scopes import Scope
from graphflow.core.sealing import scrubbed, secret_values
from graphflow.errors import GraphflowError


def described(error: BaseException, scopes: Iterable[Scope]) -> dict[str, Any]:
    """An error as JSON-able data, without the secrets of these scopes."""
    found = describe(error)
    secrets = set(_secrets(scopes))
    if not secrets:
        return found
    return {name: value if name == "class" else scrubbed(value, iter(secrets)) for name, value in found.items()}


def discreet(error: Exception, scopes: Iterable[Scope]) -> None:
    """Take the secrets of these scopes out of an error of ours."""
    if not isinstance(error, GraphflowError):
        return
    secrets = set(_secrets(scopes))
    if secrets:
        error.what, error.why = scrubbed(error.what, iter(secrets)), scrubbed(error.why, iter(secrets))
        error.args = (error.what, *error.args[1:])


def discreet_text(text: str, scopes: Iterable[Scope]) -> str:
    """A text without the secrets of these scopes."""
    return scrubbed(text, _secrets(scopes))


def clearing(scopes: Iterable[Scope]) -> Callable[[str], str]:
    """What takes the secrets of these scopes, as they are now, out of texts."""
    secrets = set(_secrets(scopes))
    return (lambda text: scrubbed(text, iter(secrets))) if secrets else str


def around(scope: Scope | None) -> Iterator[Scope]:
    """A scope and those it lies in."""
    while scope is not None:
        yield scope
        scope = scope.parent


def _secrets(scopes: Iterable[Scope]) -> Iterator[str]:
    for scope in scopes:
        names = scope.plan.schema.secret_names
        if names:
            values = scope.read()
            for name in names:
                yield from secret_values(values.get(name))
        for item in scope.items if names else ():
            yield from secret_values(item)
