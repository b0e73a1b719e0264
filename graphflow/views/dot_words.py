"""Words of DOT: texts escaped for labels and attributes, fonts, dots, widths of lines."""

from __future__ import annotations

import html
import re

_NAME_ESCAPE = re.compile(r"\\(?=[NGETHL])")


def pen(width: float) -> str:
    """A width of lines as a style, which layout does not heed: with ``penwidth`` all would move a little (a law)."""
    return f"setlinewidth({width:g})"


def filled_dot(shape: str, width: str, colour: str, pen: str) -> dict[str, str]:
    return {
        "shape": shape,
        "style": "filled",
        "label": "",
        "width": width,
        "height": width,
        "fixedsize": "true",
        "fillcolor": colour,
        "color": colour,
        "penwidth": pen,
    }


def escaped(text: str) -> str:
    r"""Text inside a label in HTML, where Graphviz takes ``\N`` for the node's name: such a backslash stands alone."""
    return _NAME_ESCAPE.sub(r"<FONT>\\</FONT>", html.escape(text))


def in_font(text: str, size: int, colour: str) -> str:
    return f'<FONT POINT-SIZE="{size}" COLOR="{colour}">{text}</FONT>'


def plain(text: str) -> str:
    """Text as an attribute, taken as it is: neither HTML nor escapes of DOT nor entities mean anything in it."""
    from graphviz import escape, nohtml

    lines = [str(escape(line)) for line in text.replace("&", "&amp;").split("\n")]
    plain: str = nohtml("\\n".join(lines))  # a str of a kind that is never taken for HTML
    return plain
