"""Bugs put into our own code while a test runs: the functions of a module as if its text were another."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from inspect import CO_OPTIMIZED, getsource
from types import CodeType, FunctionType
from typing import Any

import pytest


def alter(monkeypatch: pytest.MonkeyPatch, module: str, old: str, new: str) -> None:
    """Let ``new`` stand where ``old`` stands once in a module of graphflow: in its functions and methods, not on disk."""
    known = import_module(module)
    text = getsource(known)
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {module}"
    file = known.__file__ or ""
    before = dict(_codes(compile(text, file, "exec", dont_inherit=True)))
    changed = 0
    for name, code in _codes(compile(text.replace(old, new), file, "exec", dont_inherit=True)):
        if name in before and before[name].co_code == code.co_code and _same_constants(before[name], code):
            continue
        monkeypatch.setattr(_function(known, name), "__code__", code)
        changed += 1
    assert changed, f"{old!r} is in no function of {module}"


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """Functions and methods by their qualified names; what is inside them goes with them."""
    for one in code.co_consts:
        if isinstance(one, CodeType):
            if one.co_flags & CO_OPTIMIZED:
                yield one.co_qualname, one
            else:  # the body of a class
                yield from _codes(one)


def _same_constants(one: CodeType, other: CodeType) -> bool:
    if one.co_names != other.co_names or len(one.co_consts) != len(other.co_consts):
        return False
    pairs = zip(one.co_consts, other.co_consts, strict=True)
    return all(
        a.co_code == b.co_code and _same_constants(a, b)
        if isinstance(a, CodeType) and isinstance(b, CodeType)
        else a == b
        for a, b in pairs
    )


def _function(module: Any, name: str) -> FunctionType:
    found: Any = module
    for part in name.split("."):
        found = vars(found)[part]
    found = getattr(found, "fget", None) or getattr(found, "__func__", found)
    assert isinstance(found, FunctionType)
    return found
