"""``colours.css``: the theme of all drawings as custom properties, and the classes by which a stage follows it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from graphflow.studio.stage import property_of
from graphflow.views.marking import ROLES
from graphflow.views.theme import DARK, LIGHT, Role, Theme, colours

_MORE: dict[str, Role] = {
    "is-stopped": "not_run",
    "is-exhausted": "retrying",
    "question": "human",
    "problem": "failed",
    "tone-good": "done",
    "tone-bad": "failed",
    "tone-warn": "retrying",
    "tone-ask": "human",
    "tone-plain": "not_run",
}
"""What else the page shows in the colours of a status."""


@cache
def colours_css() -> str:
    """The style sheet. Dark where the system is, unless the page says otherwise (``data-theme`` of its root).

    >>> colours_css().splitlines()[0][:40]
    ':root{color-scheme:light;--agent-fill:#e'
    """
    dark = _properties(DARK, "dark")
    rules = [
        f":root{{{_properties(LIGHT, 'light')}}}",
        f'@media (prefers-color-scheme:dark){{:root:not([data-theme="light"]){{{dark}}}}}',
        f':root[data-theme="dark"]{{{dark}}}',
    ]
    return "\n".join([*rules, *_classes(), *_shades()]) + "\n"


def _properties(theme: Theme, scheme: str) -> str:
    return ";".join([f"color-scheme:{scheme}", *(f"--{property_of(name)}:{hue}" for name, hue in colours(theme))])


def _classes() -> Iterable[str]:
    for name, _ in colours(LIGHT):
        one = property_of(name)
        yield f".f-{one}{{fill:var(--{one})}}.s-{one}{{stroke:var(--{one})}}"


def _shades() -> Iterable[str]:
    """Fill, stroke and ink of whatever has a status, as ``--f``, ``--s`` and ``--i``."""
    roles = {f"{kind}-{status.replace(' ', '-')}": role for kind in ("is", "status") for status, role in ROLES.items()}
    for name, role in (roles | _MORE).items():
        parts = (f"--{part[0]}:var(--{property_of(role)}-{part})" for part in ("fill", "stroke", "ink"))
        yield f".{name}{{{';'.join(parts)}}}"
