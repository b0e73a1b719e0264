"""Colours can be told apart by everybody: measured, not believed."""

from __future__ import annotations

import pytest

from graphflow.views.theme import CONTRAST, DARK, LIGHT, Theme, colours, contrast, dark_of_light

THEMES = {"light": LIGHT, "dark": DARK, "contrast": CONTRAST}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_texts_have_a_contrast_of_four_and_a_half(theme: Theme) -> None:
    for role, shade in theme.shades.items():
        for ink in (shade.ink, theme.text, theme.muted):
            assert contrast(ink, shade.fill) >= 4.5, role
    for ink in (theme.text, theme.muted, theme.guard, theme.otherwise, theme.loop, theme.error):
        for ground in (theme.background, theme.box):
            assert contrast(ink, ground) >= 4.5, (ink, ground)
    assert contrast(theme.shades["subgraph"].ink, theme.box) >= 4.5


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_lines_have_a_contrast_of_three(theme: Theme) -> None:
    lines = [shade.stroke for shade in theme.shades.values()]
    lines += [theme.edge, theme.box_line, theme.bar, theme.loop, theme.error, theme.text]
    for line in lines:
        for ground in (theme.background, theme.box):
            assert contrast(line, ground) >= 3, (line, ground)


def test_the_contrast_theme_is_stronger_than_light() -> None:
    assert min(contrast(shade.ink, shade.fill) for shade in CONTRAST.shades.values()) >= 7


def test_every_light_colour_stands_for_one_dark_colour() -> None:
    pairs = {(light, dark) for (_, light), (_, dark) in zip(colours(LIGHT), colours(DARK), strict=True)}
    assert len(pairs) == len(dark_of_light())
