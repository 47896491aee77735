"""Writes small PNG files, each row with the filter that a test asks for."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence


def png(
    rows: Sequence[bytes],
    colour_type: int = 2,
    width: int = 3,
    methods: Sequence[int] = (0, 0),
    depth: int = 8,
    interlaced: int = 0,
    palette: bytes = b"",
) -> bytes:
    """Return a PNG file of these rows of samples, each filtered by the method of the same place."""
    head = struct.pack(">IIBBBBB", width, len(rows), depth, colour_type, 0, 0, interlaced)
    step = len(rows[0]) // width
    above, data = bytes(len(rows[0])), b""
    for method, row in zip(methods, rows, strict=True):
        data += bytes([method, *_filtered(method, row, above, step)])
        above = row
    colours = _chunk(b"PLTE", palette) if palette else b""
    chunks = _chunk(b"IHDR", head) + colours + _chunk(b"IDAT", zlib.compress(data)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _filtered(method: int, row: bytes, above: bytes, step: int) -> Iterator[int]:
    """Source: https://www.w3.org/TR/png-3/#9Filters"""
    for place, sample in enumerate(row):
        left, corner = (row[place - step], above[place - step]) if place >= step else (0, 0)
        up = above[place]
        distances = [abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)]
        paeth = (left, up, corner)[distances.index(min(distances))]
        yield (sample - (0, left, up, (left + up) // 2, paeth)[method]) % 256
