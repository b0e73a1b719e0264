"""The options of every command that drives runs: model, budget, answers, durability, progress."""

from __future__ import annotations

import argparse
from typing import Any

from graphflow.cli.arguments import Parser, add_common
from graphflow.cli.giving import add_deps
from graphflow.cli.opening import OPENING_HELP, add_store
from graphflow.core.usage import Budget

_BUDGET = ("steps", "model_calls", "tokens", "usd", "seconds")


def add_driving(parser: Parser) -> None:
    """What ``run``, ``runs resume`` and ``runs rerun`` take alike."""
    parser.add_argument(
        "--answer", metavar="NODE=VALUE", action="append", default=[], help="answer a question; again for the next one"
    )
    add_model(parser)
    add_deps(parser)
    parser.add_argument("--budget-steps", metavar="N", type=count, help="at most so many steps")
    parser.add_argument("--budget-model-calls", metavar="N", type=count, help="at most so many model calls")
    parser.add_argument("--budget-tokens", metavar="N", type=count, help="at most so many tokens, in and out")
    parser.add_argument("--budget-usd", metavar="X", type=amount, help="at most so many dollars")
    parser.add_argument("--budget-seconds", metavar="S", type=amount, help="at most so many seconds")
    add_store(parser, OPENING_HELP)
    add_durability(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr, errors only")
    add_common(parser)


def add_model(parser: Parser) -> None:
    """The model of agents that name none."""
    parser.add_argument(
        "--model", metavar="NAME", help="the model of agents that name none: provider/model or replay:FILE"
    )


def add_durability(parser: Parser) -> None:
    """When what has happened is safe in the store."""
    parser.add_argument(
        "--durability",
        choices=("step", "batch", "exit"),
        help="when steps are safe in the store: each before the next begins (step, the default), some ms later, at exit",
    )


def count(text: str) -> int:
    """A whole number of at least 0, for argparse."""
    number = int(text) if text.isdecimal() else -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 0")
    return number


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    number = count(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return number


def amount(text: str) -> float:
    """A number of at least 0, for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of at least 0")
    return number


def budget_of(given: argparse.Namespace) -> Budget | None:
    """The budget that was given; None if none was."""
    bounds: dict[str, Any] = {
        name: value for name in _BUDGET if (value := getattr(given, f"budget_{name}")) is not None
    }
    return Budget(**bounds) if bounds else None
