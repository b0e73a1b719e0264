"""How long, how many, how much: figures of a run as people read them, on drawings and in the terminal alike."""

from __future__ import annotations

from graphflow.core.usage import Usage


def duration(seconds: float) -> str:
    """
    >>> [duration(s) for s in (0.004, 1.84, 17.3, 125, 7260)]
    ['4 ms', '1.8 s', '17 s', '2 min 05 s', '2 h 01 min']
    """
    if seconds < 0.0995:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 6_000:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def tokens(count: int) -> str:
    """
    >>> tokens(950), tokens(8_530), tokens(2_000_000)
    ('950 tokens', '8.5k tokens', '2.0M tokens')
    """
    if count < 1_000:
        return f"{count} tokens"
    return f"{count / 1_000:.1f}k tokens" if count < 999_950 else f"{count / 1_000_000:.1f}M tokens"


def dollars(usd: float | None) -> str:
    """An unknown price is unknown, never zero (S13.1).

    >>> dollars(0.0641), dollars(12.5), dollars(None), dollars(0.00004)
    ('$0.064', '$12.50', 'cost unknown', '$0.00004')
    """
    if usd is None:
        return "cost unknown"
    if usd >= 1 or usd == 0:
        return f"${usd:.2f}"
    return f"${usd:.3f}" if usd >= 0.001 else f"${usd:.1g}" if usd >= 0.0001 else f"${usd:.5f}"


def has_cost(usage: Usage) -> bool:
    """Whether there is a cost to speak of, if only an unknown one: an offline model has none."""
    return bool(usage.tokens) or usage.usd != 0
