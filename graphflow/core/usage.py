"""What a run spends, and what it may spend (S13)."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Usage:
    """What was spent. Tokens are counts; ``usd`` is None as soon as one call's price is unknown: never zero (S13.1).

    >>> Usage(model_calls=1, input_tokens=10) + Usage(model_calls=1, usd=None)
    Usage(steps=0, model_calls=2, tool_calls=0, input_tokens=10, cached_tokens=0, output_tokens=0, reasoning_tokens=0, usd=None)
    """

    steps: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    usd: float | None = 0.0

    @property
    def tokens(self) -> int:
        """Input and output together, as a budget counts them."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.steps + other.steps,
            self.model_calls + other.model_calls,
            self.tool_calls + other.tool_calls,
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            None if self.usd is None or other.usd is None else self.usd + other.usd,
        )


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run and all under it may spend; None is no bound (S13.1). ``seconds`` counts while a driver runs.

    ``reserve_steps`` is kept for the node named by ``graph.on_budget`` (S13.2).
    """

    steps: int | None = None
    model_calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None
    reserve_steps: int = 5

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if value is not None and (isinstance(value, bool) or not value >= 0):
                raise ValueError(f"Budget({f.name}={value!r}) must be a number of at least 0, or None.")

    def as_json(self) -> dict[str, float]:
        """Its bounds as plain data, as a journal keeps them: a run goes on under the budget it was given."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}
