"""One SVG for light and dark, that stands beside others in a page and needs nothing from outside.

Graphviz's own SVG is read and written anew: ids get the drawing's prefix, tooltips become titles, the font gets its
relatives once its widths are measured, and light colours turn dark by style where the surroundings are dark.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from graphflow.views.drawing import Drawing
from graphflow.views.theme import THEMES, ThemeName, dark_of_light

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}"
_FONTS = "Arial, Liberation Sans, Helvetica, sans-serif"
_DARK_AROUND = ':is([data-jp-theme-light="false"],.vscode-dark,[data-theme="dark"],html[theme="dark"],html.dark)'
_LIGHT_AROUND = ':is([data-jp-theme-light="true"],.vscode-light,[data-theme="light"],html[theme="light"])'


def finished(graphviz_svg: bytes, drawing: Drawing, theme: ThemeName, prefix: str) -> str:
    """The SVG of a drawing as it is given out. ``prefix`` begins all its ids."""
    root = simplified(graphviz_svg, drawing)
    for element in root.iter():
        if element.get("id") is not None:
            element.set("id", f"{prefix}-{element.get('id')}")
    root.set("xmlns", _SVG)
    root.set("id", f"{prefix}-drawing")
    root.set("class", "gf gf-auto" if theme == "auto" else "gf")
    root.set("role", "img")
    root.set("aria-label", f"graph {drawing.name}")
    root.set("style", "max-width:100%;height:auto")
    style = ElementTree.Element("style")
    background = THEMES[theme].background
    style.text = _rim(prefix, background, has_chips=_has_chips(root, background)) + (
        _dark_style(_colours_in(root)) if theme == "auto" else ""
    )
    root.insert(0, style)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def simplified(graphviz_svg: bytes, drawing: Drawing) -> ElementTree.Element:
    """Graphviz's SVG without namespaces and links: ids as the drawing has them, tooltips as titles, labels on top."""
    root = ElementTree.fromstring(graphviz_svg)
    _simplify(root)
    _tell(root, _tooltips(drawing))
    _lift_labels(root)
    root.tail = None
    return root


def _tooltips(drawing: Drawing) -> Mapping[str, str]:
    tooltips = {stop.id: stop.tooltip for stop in drawing.stops}
    tooltips |= {cluster.id: cluster.tooltip for cluster in drawing.clusters}
    tooltips |= {arrow.id: arrow.tooltip for arrow in drawing.arrows}
    return tooltips | {"graph": drawing.purpose or drawing.name}


def _simplify(element: ElementTree.Element) -> None:
    """Drop namespaces, and the links that Graphviz wraps around whatever has a tooltip."""
    element.tag = element.tag.rpartition("}")[2]
    for name in [name for name in element.attrib if name.startswith(_XLINK)]:
        del element.attrib[name]
    for child in list(element):
        _simplify(child)
    children: list[ElementTree.Element] = []
    for child in element:
        is_wrapper = child.tag == "a" or (child.tag == "g" and child.get("id", "").startswith("a_"))
        children += list(child) if is_wrapper else [child]
    element[:] = children


def _tell(root: ElementTree.Element, tooltips: Mapping[str, str]) -> None:
    for element in root.iter():
        own = element.get("id")
        if own is not None:
            title = element.find("title")
            if title is not None:
                if own in tooltips:
                    title.text = tooltips[own]
                else:
                    element.remove(title)
        if element.get("font-family") is not None:
            element.set("font-family", _FONTS)


def _lift_labels(root: ElementTree.Element) -> None:
    """Labels of edges above all lines, so that they stay readable where a line crosses."""
    for graph in root.iter("g"):
        if graph.get("class") == "graph":
            labelled = [part for part in graph if _is_edge(part) and part.find("text") is not None]
            for part in labelled:
                graph.remove(part)
                graph.append(part)


def _is_edge(part: ElementTree.Element) -> bool:
    return "edge" in part.get("class", "").split()


def _colours_in(root: ElementTree.Element) -> list[tuple[str, str]]:
    """The light colours of a drawing, with the attribute that each stands in."""
    used = {(element.get(part, ""), part) for element in root.iter() for part in ("fill", "stroke")}
    return sorted((colour, part) for colour, part in used if colour in dark_of_light())


def _has_chips(root: ElementTree.Element, background: str) -> bool:
    """Whether something is written in the colour of the ground: the entries that took an arrow, on dark chips."""
    return any(one.tag == "text" and one.get("fill") == background for one in root.iter())


def _rim(prefix: str, background: str, *, has_chips: bool) -> str:
    """Labels of edges have a rim in the colour of the ground, but for what is written in it."""
    chips = f'#{prefix}-drawing .edge text[fill="{background}"]{{stroke:none}}' if has_chips else ""
    turning = f"stroke:{background};stroke:var(--gf-{background[1:]},{background})"
    return f"#{prefix}-drawing .edge text{{paint-order:stroke;{turning};stroke-width:3px;stroke-linejoin:round}}{chips}"


def _dark_style(colours: list[tuple[str, str]]) -> str:
    """Every light colour in use as a variable that dark surroundings set; around a light theme none is set."""
    dark = dark_of_light()
    rules = [f'.gf-auto [{part}="{light}"]{{{part}:var(--gf-{light[1:]},{light})}}' for light, part in colours]
    lights = sorted({light for light, _ in colours})
    turned = ";".join(f"--gf-{light[1:]}:{dark[light]}" for light in lights)
    kept = ";".join(f"--gf-{light[1:]}:initial" for light in lights)
    rules += [
        f"@media (prefers-color-scheme:dark){{.gf-auto{{{turned}}}}}",
        f"{_LIGHT_AROUND} .gf-auto{{{kept}}}",
        f"{_DARK_AROUND} .gf-auto{{{turned}}}",
    ]
    return "".join(rules)
