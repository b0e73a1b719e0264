"""What is said about conditions written wrongly: one function per kind of mistake, each with the line to write.

Python gives an object no say in ``and``, ``or``, ``not``, ``is``, ``in``, ``len`` and chained comparisons, or one
that is of no use here (S5.3). What was written is read from the caller's source, to show it as it should be.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any, cast

from graphflow.errors import DeclarationError, Place, nearest, shown, unknown_name
from graphflow.graph.constants import constant_text
from graphflow.graph.places import caller, expression_of_caller, view_of_caller
from graphflow.graph.shapes import Shape, annotation_text


def mistake(code: str, what: str, why: str, fix: str, place: Place | None = None) -> DeclarationError:
    """An error of the line that is being run, or of ``place``."""
    return DeclarationError(what, code=code, why=why, fix=fix, where=(place or caller(),))


def unknown_field(
    name: str, owner: str, holder: type[Any] | None, names: Iterable[str], place: Place | None = None
) -> DeclarationError:
    """A name after the dot that is no field."""
    known = list(names)
    if holder is not None and hasattr(holder, name) and name not in known:
        return mistake(
            "GF102",
            f"{owner}.{name} is no field",
            f"{name!r} is something that {_article(holder.__name__)} can do or work out, but a condition looks at "
            "stored values only. (S5.2)",
            f"Write a predicate, which may use all of Python: when=lambda state: ... {name} ...",
        )
    if not known:
        why = f"{owner} is {_article(holder.__name__)}, which has no fields." if holder else "It has no fields."
        return mistake("GF102", f"{owner} has no field {name!r}", f"{why} (S5.2)", f"Compare {owner} itself.")
    return mistake(
        "GF102",
        f"{owner} has no field {name!r}",
        f"The fields are those of {holder.__name__ if holder else 'every alternative of its type'}. (S5.2)",
        unknown_name(name, known),
        place,
    )


class _Rewrite(ast.NodeTransformer):
    """Python's own words -> the ones that work on fields."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        sign: ast.operator = ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr()
        made = node.values[0]
        for value in node.values[1:]:
            made = ast.BinOp(made, sign, value)
        return made

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return _call("not_", node.operand) if isinstance(node.op, ast.Not) else node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        pairs = [_pair(sides[n], sign, sides[n + 1]) for n, sign in enumerate(node.ops)]
        made = pairs[0]
        for pair in pairs[1:]:
            made = ast.BinOp(made, ast.BitAnd(), pair)
        return made

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        return _call("size", *node.args) if isinstance(node.func, ast.Name) and node.func.id == "len" else node


def _pair(left: ast.expr, sign: ast.cmpop, right: ast.expr) -> ast.expr:
    match sign:
        case ast.Is():
            return ast.Compare(left, [ast.Eq()], [right])
        case ast.IsNot():
            return ast.Compare(left, [ast.NotEq()], [right])
        case ast.In() | ast.NotIn():
            is_literal = isinstance(right, ast.Tuple | ast.List | ast.Set)
            made = _call("one_of", left, right) if is_literal else _call("contains", right, left)
            return made if isinstance(sign, ast.In) else _call("not_", made)
        case _:
            return ast.Compare(left, [sign], [right])


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def rewritten(node: ast.expr) -> str:
    """The source of an expression, with the words that work on fields."""
    return ast.unparse(ast.fix_missing_locations(cast("ast.expr", _Rewrite().visit(node))))


_DECIDED = "Python would decide it now, once, while the graph is declared, and not for each state. (S5.3)"


def used_in_node(code: str, what: str, field: str, state: type[Any] | None) -> DeclarationError | None:
    """A field of ``fields(State)`` looked into by a function that has a real state at hand; None elsewhere."""
    view = None if state is None else view_of_caller(state)
    if state is None or view is None:
        return None
    return mistake(
        code,
        f"{what} has no value inside a function of the state",
        f"fields({state.__name__}) stands for the fields of any state; the values of this one are in {view}. (S3.1)",
        f"Inside a node use its state: {view}.{field}",
    )


def asked_for_truth(what: str) -> DeclarationError:
    """``and``, ``or``, ``not``, a chained comparison, ``in`` a list, or ``if`` on an expression."""
    node = expression_of_caller()
    match node:
        case ast.BoolOp(op=sign):
            word, instead = ("and", "&") if isinstance(sign, ast.And) else ("or", "|")
            used = f"`{word}` cannot combine conditions on fields"
        case ast.UnaryOp(op=ast.Not()):
            used, instead = "`not` cannot negate a condition on fields", "not_"
        case ast.Compare(ops=[_, _, *_]):
            used, instead = "A chained comparison cannot be used on fields", "&"
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            used, instead = "`in` cannot be used on fields", "one_of"
        case _:
            return mistake(
                "GF103",
                f"The condition {what} was asked whether it is true",
                "`and`, `or`, `not`, `if` and chained comparisons ask that. " + _DECIDED,
                "Combine conditions with & and |, negate with not_(...), and give the result to when=.",
            )
    return mistake("GF103", used, _DECIDED, f"Use {instead}: {rewritten(node)}")


def used_as_container(word: str, what: str) -> DeclarationError:
    """``in``, ``len``, iteration or an index on an expression."""
    node = expression_of_caller()
    instead = {
        "in": f"contains({what}, ...)",
        "len": f"size({what})",
        "for": "a map over the field, graph.map(..., over=...), or a predicate: when=lambda state: any(...)",
        "[...]": "a predicate: when=lambda state: ...[...] == ...",
    }[word]
    if word in ("in", "len") and isinstance(node, ast.Compare | ast.Call):
        instead = rewritten(node)
    named = {"for": "Going through", "[...]": "An index into"}.get(word)
    return mistake(
        "GF104",
        f"{named} a field cannot be part of a condition" if named else f"`{word}` cannot be used on fields",
        f"While the graph is declared {what} has no value yet: it stands for the value in each state. (S5.3)",
        f"Use {instead}",
    )


def no_condition(value: object, place: Place) -> DeclarationError:
    """Something given as condition that is none: above all a bool that Python worked out too early."""
    if not isinstance(value, bool):
        what = "A condition is missing" if value is None else f"{shown(value)} is no condition"
        return mistake(
            "GF105",
            what,
            "A condition is an expression over fields(State), or a predicate of the state. (S5.2)",
            "Write when=fields(State).score >= 7 or when=lambda state: state.score >= 7.",
            place,
        )
    if " is " in place.text:
        return mistake(
            "GF105",
            f"The condition is the fixed value {value}: `is` compared the field itself with something",
            "`is` cannot be given another meaning on fields: Python answered it while the graph was declared. (S5.3)",
            "Use == or !=: essay.draft == None, essay.draft != None.",
            place,
        )
    return mistake(
        "GF105",
        f"The condition is the fixed value {value}",
        "It was worked out while the graph was declared and would be the same for every state. (S5.3)",
        "Leave when= out for an edge that always matches." if value else "Leave the edge out, or compare a field.",
        place,
    )


def value_as_condition(what: str, shape: Shape) -> DeclarationError:
    """A field that is no bool, used as a condition."""
    if shape.is_optional and shape.kinds:
        instead = f"{what} != None"
    elif all(kind.base is str for kind in shape.kinds):
        instead = f'{what} != ""'
    elif all(kind.is_sized for kind in shape.kinds):
        instead = f"size({what}) > 0"
    else:
        instead = f"{what} != 0" if all(kind.is_number for kind in shape.kinds) else f"{what} == ..."
    return mistake(
        "GF105",
        f"{what} is {_article(str(shape))}, no condition",
        "Only a bool field says yes or no by itself; what would count as yes for another must be said. (S5.2)",
        f"Write what must hold: {instead}. If it stands beside & or |, put comparisons in parentheses: (a > 1) & (b > 2).",
    )


def never_equal(what: str, sign: str, value: object, shape: Shape) -> DeclarationError:
    """A comparison that no value of the field's type can make true."""
    why = f"{what} is {_article(str(shape))}, and no value of that type equals {constant_text(value)}"
    if value is None and sign not in ("==", "!="):
        return mistake(
            "GF106",
            f"{what} {sign} None compares what can never match",
            "None is neither more nor less than anything: an ordering with None is always false. (S5.3)",
            f"Use {what} == None or {what} != None.",
        )
    if sign not in ("==", "!="):
        why = f"{what} is {_article(str(shape))}, which has no order with {_article(type(value).__name__)}"
    return mistake(
        "GF106",
        f"{what} {sign} {constant_text(value)} compares what can never match",
        why + ". (S5.2)",
        _mend(value, shape),
    )


def _mend(value: object, shape: Shape) -> str:
    if value is None:
        return "Leave the comparison out, or let the field be None: " + f"{annotation_text(shape.annotation)} | None."
    texts = {str(getattr(choice, "value", choice)): choice for choice in shape.choices}
    if texts and not isinstance(value, int | float):
        close = nearest(str(getattr(value, "value", value)), texts)
        if close is not None:
            return f"Did you mean {constant_text(texts[close])}?"
    if texts:
        return "It can be " + ", ".join(constant_text(choice) for choice in shape.choices) + "."
    return f"Compare it with {_article(str(shape))}."


def never_comparable(left: str, sign: str, right: str, one: Shape, other: Shape) -> DeclarationError:
    """Two fields of types that never match."""
    return mistake(
        "GF106",
        f"{left} {sign} {right} compares what can never match",
        f"{left} is {_article(str(one))} and {right} is {_article(str(other))}. (S5.2)",
        "Compare fields of one type.",
    )


def wrong_operand(what: str, why: str, fix: str) -> DeclarationError:
    """An operator or function given what it has no meaning for."""
    return mistake("GF107", what, why + " (S5.2)", fix)


def used_as_key(what: str, is_yes_or_no: bool) -> DeclarationError:
    """An expression as a key of a dict, as in ``reads={outer.topic: ...}``: shows the dict with names as keys."""
    why = "An expression has no value while the graph is declared, and == between two makes a condition."
    found = f"{what} cannot be a key of a dict or an element of a set"
    node = expression_of_caller()
    if not isinstance(node, ast.Dict):
        return wrong_operand(found, why, f'Use the name as a text: "{what}".')
    keys = [ast.Constant(key.attr) if isinstance(key, ast.Attribute) else key for key in node.keys]
    fix = f"Keys are names, as texts: {ast.unparse(ast.Dict(keys, node.values))}"
    if is_yes_or_no:
        fix += "\nIn the dict of a fork the target comes first: {target: condition}"
    return wrong_operand(found, why, fix)


def no_operator(sign: str, what: str) -> DeclarationError:
    """An operator that expressions do not have."""
    return wrong_operand(
        f"{sign} cannot be used on fields",
        f"Conditions on fields have comparisons, &, |, not_, +, -, *, size, contains and one_of; {what} met {sign}.",
        "Write a predicate, which may use all of Python: when=lambda state: ...",
    )


def _article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
