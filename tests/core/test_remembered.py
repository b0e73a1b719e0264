"""Errors in a journal keep their class where the process knows it, without running any of the class's code."""

from __future__ import annotations

import builtins
import copy
import pickle
from typing import Any

import pytest
from pydantic_core import from_json, to_json

import graphflow.errors
from graphflow.core.remembered import Remembered, describe, remember
from graphflow.errors import GraphflowError, ModelError, NodeError, RateLimited


class Broken(Exception):
    """A user's own, with needs of its own."""

    def __init__(self, part: str, *, code: int) -> None:
        super().__init__(f"{part} is broken ({code})")
        self.part = part

    def __str__(self) -> str:
        return f"{self.part}: see the manual"


class VeryBroken(Broken):
    pass


class Shared(Exception):
    built: list[Any] = []

    def __new__(cls, *args: Any) -> Shared:
        cls.built.append(args)
        return super().__new__(cls, *args)


class Registered(Exception):
    below: list[type] = []

    def __init_subclass__(cls) -> None:
        Registered.below.append(cls)


def through_a_journal(error: Exception) -> Exception:
    return remember(from_json(to_json(describe(error))))


@pytest.mark.parametrize(
    "error",
    [ConnectionResetError("gone"), KeyError("x"), ZeroDivisionError("division by zero"), RateLimited("too many")],
    ids=lambda error: type(error).__name__,
)
def test_the_class_is_kept(error: Exception) -> None:
    again = through_a_journal(error)
    assert isinstance(again, type(error))
    assert isinstance(again, ModelError) is isinstance(error, ModelError)
    assert not isinstance(again, NodeError)


def test_a_users_own_class_is_kept_and_its_code_is_not_run() -> None:
    again = through_a_journal(VeryBroken("pump", code=7))
    assert isinstance(again, Broken)
    assert isinstance(again, VeryBroken)
    assert str(again) == "VeryBroken: pump: see the manual"


def test_a_class_that_this_process_does_not_know_is_remembered_by_name() -> None:
    again = remember({"type": "Odd", "class": "elsewhere.module:Odd", "what": "it was odd"})
    assert type(again) is Remembered
    assert str(again) == "Odd: it was odd"


def test_a_class_of_the_same_name_is_another_class() -> None:
    theirs = type("ConnectionError", (Exception,), {})
    again = through_a_journal(theirs("theirs"))
    assert isinstance(again, theirs)
    assert not isinstance(again, ConnectionError)


@pytest.mark.parametrize("kind", [Shared, Registered])
def test_a_class_that_builds_its_instances_or_children_by_code_of_its_own_is_not_built(kind: type[Exception]) -> None:
    error = kind("kept")
    Shared.built.clear()
    again = through_a_journal(error)
    assert type(again) is Remembered
    assert str(again) == f"{kind.__name__}: kept"
    assert not Shared.built
    assert not Registered.below


def test_every_error_of_python_and_of_ours_can_be_remembered() -> None:
    modules = (builtins, graphflow.errors)
    kinds = {
        kind for m in modules for kind in vars(m).values() if isinstance(kind, type) and issubclass(kind, Exception)
    }
    for kind in kinds - {ExceptionGroup}:  # which is what it holds
        again = remember({"type": kind.__name__, "what": "w", "code": getattr(kind, "code", "")})
        assert isinstance(again, kind), kind
        assert "w" in str(again)
    assert len(kinds) > 80


def test_remembering_twice_changes_nothing_more() -> None:
    once = through_a_journal(RateLimited("too many", why="w", fix="f"))
    assert describe(once) == describe(through_a_journal(once)) == describe(RateLimited("too many", why="w", fix="f"))
    assert isinstance(once, GraphflowError)
    assert str(once) == str(RateLimited("too many", why="w", fix="f"))


def test_a_remembered_error_can_be_copied_and_sent() -> None:
    error = through_a_journal(TimeoutError("late"))
    for again in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert isinstance(again, TimeoutError)
        assert str(again) == str(error)
