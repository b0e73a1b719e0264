"""What is given to an open question (S10.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to the question of a node, made with ``approve.answer(True)``.

    ``node`` is the node's name, enough while one question of it is open, or the id of one question: its cursor.
    """

    node: str
    value: Any
