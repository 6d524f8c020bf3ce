"""Figures: well-formed, escaped, inside their frame, and where the numbers say."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.ticker import MaxNLocator
from PIL import Image

from auditor.documents.results import ReliabilityBin
from auditor.render.figures import bars, confusion, distribution, grid, heatmap, ranking, reliability, scatter, strips
from auditor.render.figures.colour import LEVELS, diverging, sequential, text_on
from auditor.render.figures.measure import fitted, text_width
from auditor.render.figures.scale import Scale, tick_labels, ticks
from auditor.render.figures.sprites import MAT, magnification, sprite
from auditor.render.figures.svg import Drawing
from tests.render.sample_results import cell

NASTY = '<script>"&\x00\u202e$\\frac{'
ALT = "A picture for a test."


def all_figures(name: str) -> dict[str, str]:
    cells = [[heatmap.MapCell(0.5, "1.0") if i != j else None for j in range(3)] for i in range(3)]
    names = [name, "b", "c" * 40]
    pixels = np.zeros((8, 8))
    picture = sprite([[cell("source", pixels, [(0, 0.5)])]], 8, 8, 64, 8, 26)
    return {
        "heatmap": heatmap.draw(heatmap.ClassMap(names, cells, "1", "2"), ALT),
        "ranking": ranking.draw(
            [ranking.RankedRow(name, [ranking.Dot(1, 0.5, 1.5)])], name, ALT, reference=(1.2, name)
        ),
        "confusion": confusion.draw(names, [[5, 1, 0], [0, 4, 2], [1, 0, 9]], ALT),
        "reliability": reliability.draw([ReliabilityBin(low=0.9, high=1, confidence=0.95, accuracy=0.9, n=7)], ALT),
        "distribution": distribution.draw([distribution.Sample(name, [1.0, 2.0, 2.5], "s")], name, ALT),
        "strips": strips.draw([[0, 0, 1, 2, 1]], names, {0: "s", 1: "t"}, name, ALT),
        "scatter": scatter.draw(
            [scatter.Cloud([(0.0, 1.0), (1.0, 0.0)], "s", True)], [(0.5, 0), (0.5, 1)], name, name, ALT
        ),
        "bars": bars.draw([(name, 3.0, "3")], ALT),
        "grid": grid.draw(picture, grid.Labels([["source"]], [(name, name)], [[[(name, "50 %")]]]), ALT),
    }


@pytest.mark.parametrize("kind", sorted(all_figures("a")))
def test_a_figure_is_well_formed_whatever_the_names(kind: str) -> None:
    svg = all_figures(NASTY)[kind]
    root = ElementTree.fromstring(svg)
    assert root.find("title").text == ALT  # type: ignore[union-attr]
    assert not [e for e in root.iter() if "style" in e.attrib or "id" in e.attrib or e.tag == "script"]
    assert not set(svg) & set("\x00\u202e")


@pytest.mark.parametrize("kind", sorted(all_figures("a")))
def test_nothing_lies_outside_its_frame(kind: str) -> None:
    root = ElementTree.fromstring(all_figures("a longer class name")[kind])
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for element in root.iter():
        for axis, limit in (("x", width), ("x1", width), ("x2", width), ("cx", width), ("y", height), ("cy", height)):
            if axis in element.attrib:
                assert -0.5 <= float(element.attrib[axis]) <= limit + 0.5, (kind, element.attrib)
        if element.tag == "text" and "transform" not in element.attrib:
            long = text_width(element.text or "", float(element.attrib["font-size"]), "font-weight" in element.attrib)
            start = float(element.attrib["x"]) - {"middle": long / 2, "end": long}.get(
                element.get("text-anchor", ""), 0
            )
            assert start >= -1, (kind, element.text)
            assert start + long <= width + 1, (kind, element.text)


def test_dots_stand_where_their_values_are() -> None:
    rows = [ranking.RankedRow("a", [ranking.Dot(1.0, 0.5, 1.5), ranking.Dot(2.0, 1.5, 2.5, filled=False)])]
    root = ElementTree.fromstring(ranking.draw(rows, "x", ALT))
    ticks_at = {e.text: float(e.attrib["x"]) for e in root.iter("text") if re.fullmatch(r"[\d.]+", e.text or "")}
    dots = [float(e.attrib["cx"]) for e in root.iter("circle") if e.get("class") == "f-accent"]
    assert dots == pytest.approx([ticks_at["1"]], abs=0.02)


def test_a_strip_colours_each_class_for_its_share_of_the_path() -> None:
    root = ElementTree.fromstring(
        strips.draw([[4, 4, 4, 9, 7]], [str(i) for i in range(10)], {4: "s", 9: "t"}, "x", ALT)
    )
    runs = [(e.get("class"), round((float(e.attrib["width"]) + 0.4) / 232, 2)) for e in root.iter("rect")]
    assert runs == [("f-s", 0.6), ("f-t", 0.2), ("f-third", 0.2)]


def test_the_line_of_a_projection_ends_at_the_frame() -> None:
    cloud = scatter.Cloud([(-1.0, -1.0), (1.0, 1.0)], "s", False)
    inside = ElementTree.fromstring(scatter.draw([cloud], [(0.0, -99.0), (0.0, 99.0)], "x", "y", ALT))
    line = next(e for e in inside.iter("line") if e.get("class") == "k-ink")
    assert line.attrib["x1"] == line.attrib["x2"]
    assert {float(line.attrib["y1"]), float(line.attrib["y2"])} == {4.0, 116.0}
    outside = ElementTree.fromstring(scatter.draw([cloud], [(9.0, -1.0), (9.0, 1.0)], "x", "y", ALT))
    assert not [e for e in outside.iter("line") if e.get("class") == "k-ink"]


def test_a_projection_has_the_larger_values_on_the_right_and_on_top() -> None:
    clouds = [scatter.Cloud([(0.0, 3.0)], "s", False), scatter.Cloud([(1.0, 0.0), (0.5, 1.0)], "t", False)]
    root = ElementTree.fromstring(scatter.draw(clouds, None, "x", "y", ALT))
    places = {e.get("class"): re.findall(r"M([\d.]+) ([\d.]+)h0", e.get("d", "")) for e in root.iter("path")}
    (s, (t, u)) = places["k-s"][0], places["k-t"]
    assert float(s[0]) < float(u[0]) < float(t[0])
    assert float(s[1]) < float(u[1]) < float(t[1])


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_and_inside(low: float, span: float) -> None:
    marks = ticks(low, low + span)
    assert 2 <= len(marks) <= 7
    assert all(low - 1e-6 * span <= mark <= low + span * (1 + 1e-6) for mark in marks)
    steps = np.diff(marks)
    assert np.allclose(steps, steps[0])


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_those_of_matplotlib(low: float, span: float) -> None:
    high = low + span
    marks = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high)
    inside = [mark for mark in marks if low - 1e-9 * span <= mark <= high + 1e-9 * span]
    assert ticks(low, high) == pytest.approx(inside, abs=1e-9 * max(abs(low), abs(high)))


def test_maps_of_colour_are_those_of_matplotlib() -> None:
    assert [sequential(k / LEVELS) for k in range(LEVELS + 1)] == [
        to_hex(colormaps["cividis"](round(255 * (1 - k / LEVELS)))) for k in range(LEVELS + 1)
    ]
    theirs = colormaps["PRGn"].resampled(257)
    for k in range(257):
        ours = np.array([int(diverging(k / 128 - 1)[i : i + 2], 16) for i in (1, 3, 5)])
        assert np.abs(ours - 255 * np.array(theirs(k)[:3])).max() <= 0.51, k


def test_tick_labels_share_their_decimals() -> None:
    assert tick_labels([0.0, 0.5, 1.0]) == ["0.0", "0.5", "1.0"]
    assert tick_labels([0.0, 0.05, 0.1], share=True) == ["0", "5", "10"]


def test_a_scale_without_extent_centres() -> None:
    assert Scale(2, 2, 0, 10)(2) == 5


def test_maps_of_colour_are_ordered_in_lightness_and_their_text_is_readable() -> None:
    def luminance(colour: str) -> float:
        values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    levels = [luminance(sequential(i / 40)) for i in range(41)]
    assert levels == sorted(levels, reverse=True)
    assert diverging(0.0) == "#f7f7f7"
    for i in range(41):
        ground, text = luminance(sequential(i / 40)), luminance(text_on(sequential(i / 40)))
        assert (max(ground, text) + 0.05) / (min(ground, text) + 0.05) >= 4.5


def test_text_is_cut_only_where_it_does_not_fit() -> None:
    assert fitted("short", 100) == "short"
    cut = fitted("a rather long label", 40)
    assert cut.endswith("…")
    assert text_width(cut) <= 40


def test_a_sprite_magnifies_by_whole_pixels() -> None:
    assert [
        magnification(8, 8, 64),
        magnification(28, 28, 64),
        magnification(32, 16, 64),
        magnification(224, 224, 64),
    ] == [8, 2, 2, 1]
    pixels = np.zeros((4, 4))
    pixels[1, 2] = 1.0
    picture = sprite([[cell("source", pixels, [])]], 4, 4, 64, 8, 26)
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.uri.split(",")[1]))).convert("RGBA"))
    inner = image[MAT : MAT + 64, MAT : MAT + 64]
    assert picture.factor == 16
    assert set(np.unique(inner[..., 0])) == {0, 255}
    assert (inner[16:32, 32:48, 0] == 255).all()
    assert (inner[..., 0] == 255).sum() == 256
    assert image[-1, -1, 3] == 0


def test_a_difference_is_purple_where_darker_and_green_where_brighter() -> None:
    levels = np.full((2, 2), 128 / 255)
    levels[0, 0], levels[1, 1] = 28 / 255, 228 / 255
    picture = sprite([[cell("difference", levels, [])]], 2, 2, 2, 0, 0)
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.uri.split(",")[1]))).convert("RGBA"))[
        MAT:, MAT:, :3
    ]
    assert tuple(image[0, 1]) == (247, 247, 247)
    assert image[0, 0][1] < image[0, 0][0]
    assert image[1, 1][1] > image[1, 1][0]


def test_a_drawing_escapes_its_text() -> None:
    drawing = Drawing(10, 10, "a & b")
    drawing.text(0, 0, "<b>")
    assert drawing.markup().count("&lt;b&gt;") == 1
    assert "<title>a &amp; b</title>" in drawing.markup()
