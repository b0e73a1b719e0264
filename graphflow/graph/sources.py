"""The source of a function as a syntax tree, trusted only where compiling it gives the very code of the function.

A file may have changed since it was imported, and several lambdas may stand on one line: the code itself is the
proof of which text belongs to which function.
"""

from __future__ import annotations
import __future__ as future

import ast
import copy
import linecache
import warnings
from types import CodeType, FunctionType
from typing import cast

Definition = ast.Lambda | ast.FunctionDef

_FUTURES = sum({cast("int", getattr(future, name).compiler_flag) for name in future.all_feature_names})
"""The bits of co_flags that ``from __future__ import ...`` sets: the code depends on them."""
_MOST_FILES = 64
_parsed: dict[str, tuple[list[str], dict[int, list[Definition]]]] = {}
"""Filename -> its lines as linecache held them, and its functions by line."""


def definition_of(function: FunctionType) -> Definition | None:
    """The syntax tree that the function was compiled from; None where that cannot be known for certain."""
    code = function.__code__
    for node in _definitions(code.co_filename, function.__globals__).get(code.co_firstlineno, ()):
        if _compiles_to(node, code):
            return node
    return None


def _definitions(filename: str, module_globals: dict[str, object]) -> dict[int, list[Definition]]:
    lines = linecache.getlines(filename, module_globals)
    known = _parsed.get(filename)
    if known is not None and known[0] is lines:
        return known[1]
    found: dict[int, list[Definition]] = {}
    try:
        with warnings.catch_warnings():  # what Python has to say of the file it said at the import
            warnings.simplefilter("ignore")
            tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        tree = ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            found.setdefault(node.lineno, []).append(node)
        elif isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found.setdefault(first, []).append(node)
    if len(_parsed) >= _MOST_FILES:
        _parsed.clear()
    _parsed[filename] = (lines, found)
    return found


def _compiles_to(node: Definition, code: CodeType) -> bool:
    """Whether compiling the definition, with the same variables around it, gives this code."""
    module = ast.parse(f"def around({', '.join(code.co_freevars)}):\n    return 0")
    around = module.body[0]
    assert isinstance(around, ast.FunctionDef)
    if isinstance(node, ast.Lambda):
        around.body = [ast.copy_location(ast.Return(node), node)]
    else:
        bare = copy.copy(node)
        bare.decorator_list = []
        around.body = [bare]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            flags = code.co_flags & _FUTURES
            made = cast("CodeType", compile(module, code.co_filename, "exec", flags=flags, dont_inherit=True))
    except (SyntaxError, ValueError):
        return False
    outer = next(part for part in made.co_consts if isinstance(part, CodeType))
    return any(_are_same(part, code) for part in outer.co_consts if isinstance(part, CodeType))


def _are_same(one: CodeType, other: CodeType) -> bool:
    names = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_argcount", "co_exceptiontable")
    if any(getattr(one, name) != getattr(other, name) for name in names):
        return False
    if len(one.co_consts) != len(other.co_consts):
        return False
    return all(
        _are_same(a, b)
        if isinstance(a, CodeType) and isinstance(b, CodeType)
        else (type(a), repr(a)) == (type(b), repr(b))
        for a, b in zip(one.co_consts, other.co_consts, strict=True)
    )
