"""What tokens cost. Prices change and differ by contract, so graphflow ships none: unknown is unknown (S13.1).

Give them where the model is made, ``OpenAIModel("gpt-5", prices=Price(input=..., cached=..., output=...))``, or for
all models of the program in ``PRICES``. Without a price ``usage.usd`` is None, and a budget in usd is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

_PER = 1_000_000
_DATED = re.compile(r"[-@:]?(?:\d{4}-\d{2}-\d{2}|20\d{6})$")  # a snapshot costs what its model costs


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens: read, read from the provider's cache, and written (reasoning included).

    >>> Price(input=2.0, cached=0.5, output=8.0).usd(input_tokens=1_000_000, cached_tokens=400_000, output_tokens=0)
    1.4
    """

    input: float
    output: float
    cached: float | None = None  # None: as dear as any other

    def __post_init__(self) -> None:
        for what in ("input", "output", "cached"):
            value = getattr(self, what)
            if value is not None and (isinstance(value, bool) or not math.isfinite(value) or value < 0):
                raise ValueError(f"Price({what}={value!r}) must be US dollars per million tokens, at least 0.")

    def usd(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float:
        """What these tokens cost; ``input_tokens`` includes the cached ones, as in Usage."""
        cached = self.input if self.cached is None else self.cached
        plain = max(0, input_tokens - cached_tokens)
        return (plain * self.input + cached_tokens * cached + output_tokens * self.output) / _PER


FREE = Price(0.0, 0.0, 0.0)
"""A model that costs nothing: one that runs here."""

PRICES: dict[str, Price] = {}
"""Model name -> price, consulted for models that were given none. Empty until you fill it."""


def price_of(name: str, prices: Mapping[str, Price] | Price | None = None) -> Price | None:
    """The price of a model by its name, with or without its provider; None if it is not known.

    A dated snapshot has the price of its model, unless the table has one of its own. Names are not guessed beyond
    that: ``gpt-5-mini`` does not cost what ``gpt-5`` costs.

    >>> table = {"gpt-5": Price(input=2.0, output=8.0)}
    >>> price_of("openai/gpt-5-2026-03-01", table) == table["gpt-5"], price_of("openai/gpt-5-mini", table)
    (True, None)
    """
    if isinstance(prices, Price):
        return prices
    table = PRICES if prices is None else prices
    if not table:
        return None
    names = (name, name.partition("/")[2])
    for known in (*names, *(_DATED.sub("", one) for one in names)):
        if known in table:
            return table[known]
    return None
