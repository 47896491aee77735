"""The picture agent: it takes pictures, and its answer follows from their pixels."""

from __future__ import annotations

import json
import struct

import pytest
from chalicelib.agents import registry
from chalicelib.agents.demo.picture_tools.png import UnreadablePicture, read_png
from chalicelib.agents.run_context import RunContext

from runcast.json_text import result_json
from runcast.runs.outcome import outcome_of
from tests.fakes.png import png
from tests.unit.chalicelib.agents.demo.conftest import LocalModel

GREEN, BLUE, GREY = (20, 120, 30), (10, 20, 200), (90, 90, 90)
PIXELS = [GREEN, GREEN, GREEN, BLUE, GREY, GREY]
RGB = [bytes(sum(row, ())) for row in (PIXELS[:3], PIXELS[3:])]
RGBA = [bytes(sum(((*pixel, 255) for pixel in row), ())) for row in (PIXELS[:3], PIXELS[3:])]


@pytest.mark.parametrize("methods", [(0, 0), (1, 1), (0, 2), (2, 3), (3, 4), (4, 4)])
@pytest.mark.parametrize(("rows", "colour_type"), [(RGB, 2), (RGBA, 6)])
def test_pixels_are_read_however_they_are_filtered(rows, colour_type, methods):
    picture = read_png(png(rows, colour_type, methods=methods))
    assert (picture.width, picture.height, picture.pixels) == (3, 2, PIXELS)


def test_grey_pixels_and_palettes_are_read():
    assert read_png(png([b"\x00\xff"], 0, width=2, methods=[0])).pixels == [(0, 0, 0), (255, 255, 255)]
    assert read_png(png([b"\x5a\x80"], 4, width=1, methods=[0])).pixels == [GREY]
    assert read_png(png([b"\x01\x00"], 3, width=2, methods=[1], palette=bytes(GREEN + BLUE))).pixels == [BLUE, GREEN]


WHOLE = png(RGB)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GIF89a", "no PNG file"),
        (WHOLE[:20], "damaged"),
        (WHOLE[:-30], "damaged"),
        (png([b"\x05"], 3, width=1, methods=[0], palette=bytes(3)), "damaged"),
        (png(RGB, depth=16), "Only PNG files with 8 bits"),
        (png(RGB, interlaced=1), "Only PNG files with 8 bits"),
        (
            png([b"\x00"], 0, width=1, methods=[0]).replace(struct.pack(">II", 1, 1), struct.pack(">II", 2000, 2000)),
            "2000 x 2000",
        ),
    ],
)
def test_other_pictures_are_refused(content, message):
    with pytest.raises(UnreadablePicture, match=message):
        read_png(content)


def result_of(*images):
    """The result of the agent for a prompt with these pictures, as the record has it."""
    prompt = [{"text": "What is there?"}, *({"image": {"format": "png", "source": {"bytes": each}}} for each in images)]
    agent = registry.load("picture")(RunContext("What is there?", {}, LocalModel()))
    return json.loads(result_json(outcome_of(agent(prompt)).result))


def test_the_answer_follows_from_the_pixels():
    assert registry.takes_attachments("picture")
    assert not registry.takes_attachments("terrain")
    result = result_of(png([bytes(3)], width=1, methods=[0]), WHOLE)
    facts = {name: fact["value"] for name, fact in result["facts"].items()}
    assert facts == {
        "width": 3,
        "height": 2,
        "mean_colour": "#2a5d4e",
        "green_share": 50.0,
        "blue_share": 16.7,
        "other_share": 33.3,
    }
    assert "#2a5d4e" in result["text"]


def test_without_a_picture_that_it_can_read_it_says_so():
    assert "There is no picture" in result_of()
    assert "no PNG file" in result_of(b"GIF89a")
