"""Colours, and what they are for. Kind and status are also words and glyphs: colour never speaks alone.

Texts have a contrast of at least 4.5 to what they stand on, lines of at least 3 (a test measures it); only edges that
a run did not take are fainter, on purpose. Each light colour stands for one dark colour, so that a drawing can be
turned from one to the other colour by colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

ThemeName = Literal["auto", "light", "dark", "contrast"]
Role = Literal[
    "agent", "function", "tool", "router", "human", "subgraph",
    "done", "running", "retrying", "failed", "not_run",
]  # fmt: skip
"""What a card can be: a kind of node, or, over a run, a status. Waiting looks like a human node."""


@dataclass(frozen=True, slots=True)
class Shade:
    """The colours of one card: ``fill``, ``stroke`` of its border, ``ink`` of its kind and badges."""

    fill: str
    stroke: str
    ink: str


@dataclass(frozen=True, slots=True)
class Theme:
    """One palette. ``box`` and ``box_line`` are a cluster's, ``track`` the empty part of a progress bar."""

    shades: Mapping[Role, Shade]
    text: str
    muted: str
    edge: str
    guard: str
    otherwise: str
    background: str
    box: str
    box_line: str
    bar: str
    loop: str
    error: str
    untaken: str
    track: str
    pen: float = 1.4  # points


LIGHT = Theme(
    shades={
        "agent": Shade("#eef2ff", "#4f46e5", "#4338ca"),
        "function": Shade("#f1f5f9", "#64748b", "#475569"),
        "tool": Shade("#ecfeff", "#0e7490", "#155e75"),
        "router": Shade("#f0fdfa", "#0f766e", "#115e59"),
        "human": Shade("#fffbeb", "#b45309", "#92400e"),
        "subgraph": Shade("#faf5ff", "#7e22ce", "#6b21a8"),
        "done": Shade("#f0fdf4", "#15803d", "#166534"),
        "running": Shade("#eff6ff", "#2563eb", "#1d4ed8"),
        "retrying": Shade("#fff7ed", "#c2410c", "#9a3412"),
        "failed": Shade("#fef2f2", "#dc2626", "#b91c1c"),
        "not_run": Shade("#fbfcfe", "#8090a6", "#5b6b80"),
    },
    text="#0f172a",
    muted="#475569",
    edge="#64748b",
    guard="#1e293b",
    otherwise="#5b6b80",
    background="#ffffff",
    box="#f8fafc",
    box_line="#8090a6",
    bar="#334155",
    loop="#b45309",
    error="#dc2626",
    untaken="#9fadbf",
    track="#cbd5e1",
)

DARK = Theme(
    shades={
        "agent": Shade("#1e1f4b", "#818cf8", "#a5b4fc"),
        "function": Shade("#17233a", "#8494ab", "#a3b1c6"),
        "tool": Shade("#0d3140", "#22d3ee", "#67e8f9"),
        "router": Shade("#0c3532", "#2dd4bf", "#5eead4"),
        "human": Shade("#3a2508", "#f59e0b", "#fcd34d"),
        "subgraph": Shade("#2e1a4a", "#c084fc", "#d8b4fe"),
        "done": Shade("#0c3320", "#4ade80", "#86efac"),
        "running": Shade("#132a58", "#60a5fa", "#93c5fd"),
        "retrying": Shade("#3d1d0b", "#fb923c", "#fdba74"),
        "failed": Shade("#3f1218", "#f87171", "#fca5a5"),
        "not_run": Shade("#0f1830", "#64748b", "#94a3b8"),
    },
    text="#f1f5f9",
    muted="#a3b1c6",
    edge="#8494ab",
    guard="#e2e8f0",
    otherwise="#94a3b8",
    background="#0b1220",
    box="#101a2d",
    box_line="#64748b",
    bar="#cbd5e1",
    loop="#f59e0b",
    error="#f87171",
    untaken="#4b5a70",
    track="#334155",
)

CONTRAST = Theme(
    shades={
        "agent": Shade("#ffffff", "#312e81", "#312e81"),
        "function": Shade("#ffffff", "#1e293b", "#1e293b"),
        "tool": Shade("#ffffff", "#164e63", "#164e63"),
        "router": Shade("#ffffff", "#134e4a", "#134e4a"),
        "human": Shade("#ffffff", "#78350f", "#78350f"),
        "subgraph": Shade("#ffffff", "#581c87", "#581c87"),
        "done": Shade("#ffffff", "#14532d", "#14532d"),
        "running": Shade("#ffffff", "#1e3a8a", "#1e3a8a"),
        "retrying": Shade("#ffffff", "#7c2d12", "#7c2d12"),
        "failed": Shade("#ffffff", "#991b1b", "#991b1b"),
        "not_run": Shade("#ffffff", "#475569", "#334155"),
    },
    text="#000000",
    muted="#1e293b",
    edge="#1e293b",
    guard="#000000",
    otherwise="#334155",
    background="#ffffff",
    box="#ffffff",
    box_line="#334155",
    bar="#000000",
    loop="#7c2d12",
    error="#991b1b",
    untaken="#64748b",
    track="#cbd5e1",
    pen=2.0,
)

THEMES: dict[ThemeName, Theme] = {"auto": LIGHT, "light": LIGHT, "dark": DARK, "contrast": CONTRAST}
"""``auto`` is drawn in light colours; an SVG then turns dark by itself where its surroundings are."""


ROLES_OF_CHANGE: Mapping[str, Role] = {"added": "done", "removed": "failed", "changed": "human"}
"""How what differs looks, where two graphs or runs are compared."""


def colours(theme: Theme) -> list[tuple[str, str]]:
    """Every colour of a theme with what it is for, in a fixed order.

    >>> colours(LIGHT)[0]
    ('agent.fill', '#eef2ff')
    """
    shades = [
        (f"{role}.{part.name}", str(getattr(shade, part.name)))
        for role, shade in theme.shades.items()
        for part in fields(shade)
    ]
    plain = [(part.name, getattr(theme, part.name)) for part in fields(theme)]
    return shades + [(name, value) for name, value in plain if isinstance(value, str)]


def dark_of_light() -> dict[str, str]:
    """Light colour -> the dark colour that stands for it."""
    return {light: dark for (_, light), (_, dark) in zip(colours(LIGHT), colours(DARK), strict=True)}


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two ``#rrggbb`` colours as WCAG 2 defines it, from 1 to 21.

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return round((lighter + 0.05) / (darker + 0.05), 2)


def _luminance(colour: str) -> float:
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
