"""The pictures of the documentation: the architecture is as its source says, and a recording plays all its frames."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.text import Text

from pictures.architecture import ARROWS, BOXES, drawn
from pictures.session import Frame, animated

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
FRAMES = [Frame(number / 2, Text(f"step {number}\n" * (1 + number % 3))) for number in range(40)]


def test_the_architecture_is_drawn_from_its_source():
    assert (FOLDER / "architecture.svg").read_text() == drawn(), "Run make picture."
    assert {name for arrow in ARROWS for name in arrow[:2]} == {box.name for box in BOXES}


@pytest.mark.parametrize("name", ["architecture.svg", "job.svg"])
def test_a_picture_loads_nothing_from_elsewhere(name: str):
    text = (FOLDER / name).read_text()
    ElementTree.fromstring(text)
    assert not re.search(r"url\(['\"]?http|href=|<script", text)


def test_a_recording_shows_each_chosen_frame_once_and_the_last_one_without_animation():
    text = animated(FRAMES, "A job")
    ElementTree.fromstring(text)
    shown = re.findall(r">step&#160;(\d+)<", text)
    assert 10 <= len(set(shown)) <= 14
    assert [int(number) for number in dict.fromkeys(shown)] == sorted({int(number) for number in shown})
    assert shown[-1] == "39"
    last = len(set(shown)) - 1
    assert f".frame{{visibility:hidden}}#frame{last}{{visibility:visible}}" in text
    rules = dict(re.findall(r"@keyframes k(\d+)\{(.*?\})\}", text))
    begin = {
        int(number): float((re.search(r"([\d.]+)%\{visibility:visible\}", rule))[1]) for number, rule in rules.items()
    }
    end = {
        int(number): [float(each) for each in re.findall(r"([\d.]+)%\{visibility:hidden\}", rule)][-1:]
        for number, rule in rules.items()
    }
    assert [begin[number] for number in range(1, last + 1)] == [end[number][0] for number in range(last)]
