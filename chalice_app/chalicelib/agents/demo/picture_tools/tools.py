"""The picture agent's tool: it measures the newest picture in the conversation."""

from __future__ import annotations

from typing import Any

from strands import ToolContext, tool

from chalicelib.agents.demo.picture_tools.png import Picture, UnreadablePicture, read_png
from chalicelib.agents.demo.wind.findings import Found, note


@tool(context=True)
def measure_picture(tool_context: ToolContext) -> dict[str, Any] | str:
    """Measure the size and the colours of the newest picture that the user has attached.

    Returns the width and the height in pixels, the mean colour, and the percentage of the picture that is rather green
    (plants), rather blue (water or sky), or neither.
    """
    pictures = [
        block["image"] for message in tool_context.agent.messages for block in message["content"] if "image" in block
    ]
    if not pictures:
        return "There is no picture. Attach one, as a PNG file."
    try:
        found = _found(read_png(pictures[-1]["source"]["bytes"]))
    except UnreadablePicture as error:
        return str(error)
    return note(tool_context, found)


def _found(picture: Picture) -> Found:
    count = len(picture.pixels)
    mean = [round(sum(pixel[sample] for pixel in picture.pixels) / count) for sample in range(3)]
    green = sum(green > red and green > blue for red, green, blue in picture.pixels)
    blue = sum(blue > red and blue > green for red, green, blue in picture.pixels)
    return {
        "width": (picture.width, "pixels"),
        "height": (picture.height, "pixels"),
        "mean_colour": ("#" + bytes(mean).hex(), None),
        "green_share": (round(100 * green / count, 1), "%"),
        "blue_share": (round(100 * blue / count, 1), "%"),
        "other_share": (round(100 * (count - green - blue) / count, 1), "%"),
    }
