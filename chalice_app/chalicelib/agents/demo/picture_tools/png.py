"""Reads the pixels of PNG files, without a library: each library costs every cold start of the agent Lambda.

Source: https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PIXELS = 1_000_000
"""A larger picture takes seconds to read."""

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""The samples of a pixel by the colour type: grey, RGB, palette, grey and RGB with alpha."""

_PALETTE = 3


class UnreadablePicture(ValueError):
    """The picture is no PNG file, is damaged, is too large, or has a rare format."""


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        width: In pixels.
        height: In pixels.
        pixels: Red, green and blue of each pixel, from 0 to 255, row by row from the top.
    """

    width: int
    height: int
    pixels: list[tuple[int, int, int]]


def read_png(content: bytes) -> Picture:
    """Return the picture in a PNG file.

    Raises:
        UnreadablePicture: It cannot be read.
    """
    try:
        return _picture(content)
    except (struct.error, zlib.error, IndexError) as error:
        raise UnreadablePicture("The PNG file is damaged.") from error


def _picture(content: bytes) -> Picture:
    if not content.startswith(SIGNATURE):
        raise UnreadablePicture("The picture is no PNG file.")
    chunks = list(_chunks(content))
    width, height, depth, colour_type, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or interlaced or colour_type not in _SAMPLES:
        raise UnreadablePicture("Only PNG files with 8 bits for each sample and without interlacing can be measured.")
    if not 0 < width * height <= MAX_PIXELS:
        raise UnreadablePicture(f"The picture has {width} x {height} pixels; at most {MAX_PIXELS:,} can be measured.")
    step = _SAMPLES[colour_type]
    size = height * (width * step + 1)
    data = zlib.decompressobj().decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"), size)
    if len(data) < size:
        raise UnreadablePicture("The PNG file is damaged.")
    palette = next((body for kind, body in chunks if kind == b"PLTE"), b"")
    pixels: list[tuple[int, int, int]] = []
    for row in _rows(data, width * step, step):
        if colour_type == _PALETTE:
            pixels += [(palette[3 * each], palette[3 * each + 1], palette[3 * each + 2]) for each in row]
        else:
            red, green, blue = (row[sample::step] for sample in ((0, 1, 2) if step > 2 else (0, 0, 0)))
            pixels += zip(red, green, blue, strict=True)
    return Picture(width, height, pixels)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        yield kind, content[place + 8 : place + 8 + length]
        place += length + 12


def _rows(data: bytes, row_bytes: int, step: int) -> Iterator[bytearray]:
    """Yield the rows of a picture. Each one is stored as its difference from what its neighbours predict."""
    above = bytearray(row_bytes)
    for start in range(0, len(data), row_bytes + 1):
        method, row = data[start], bytearray(data[start + 1 : start + 1 + row_bytes])
        if method:
            for place in range(row_bytes):
                left, corner = (row[place - step], above[place - step]) if place >= step else (0, 0)
                row[place] = (row[place] + _predicted(method, left, above[place], corner)) & 255
        yield row
        above = row


def _predicted(method: int, left: int, above: int, corner: int) -> int:
    match method:
        case 1:
            return left
        case 2:
            return above
        case 3:
            return (left + above) // 2
        case 4:
            guess = left + above - corner
            return min((left, above, corner), key=lambda each: abs(guess - each))
    raise UnreadablePicture("The PNG file is damaged.")
