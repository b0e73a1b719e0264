"""The public names: about 30, each there, each documented."""

from __future__ import annotations

import inspect

import graphflow


def test_every_public_name_is_there_and_documented() -> None:
    for name in graphflow.__all__:
        thing = getattr(graphflow, name)
        assert inspect.getdoc(thing), f"{name} has no docstring"


def test_the_names_are_few() -> None:
    assert len(graphflow.__all__) <= 45


def test_a_misspelt_name_is_an_attribute_error() -> None:
    try:
        graphflow.Grahp
    except AttributeError as error:
        assert "Grahp" in str(error)
    else:
        raise AssertionError("a misspelt name was accepted")


def test_dir_lists_them() -> None:
    assert set(graphflow.__all__) <= set(dir(graphflow))
