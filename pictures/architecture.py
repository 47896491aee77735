"""Draws the architecture as an SVG: the boxes and arrows below are its source."""

from __future__ import annotations

from typing import NamedTuple
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 150, 56
_COLUMN, _ROW = 236, 104
_MARGIN = 24


class Box(NamedTuple):
    """A part of the system, at a place of the grid."""

    column: float
    row: float
    name: str
    what: str
    colour: str


class Arrow(NamedTuple):
    """What one part sends to another. `live` arrows are drawn dashed."""

    begin: str
    end: str
    text: str
    live: bool = False


_CLIENT, _API, _LAMBDA, _STORE = "#dbeafe", "#ede9fe", "#ffedd5", "#dcfce7"
BOXES = (
    Box(0, 1, "client", "browser, Python, shell", _CLIENT),
    Box(1, 0, "AppSync", "GraphQL, WebSocket", _API),
    Box(1, 2, "API Gateway", "REST", _API),
    Box(2, 0, "status_publisher", "Lambda", _LAMBDA),
    Box(2, 1, "starter, reader", "Lambdas", _LAMBDA),
    Box(2, 2, "Step Functions", "jobs: several agents", _LAMBDA),
    Box(3, 1, "agent", "Lambda with Strands", _LAMBDA),
    Box(4, 0, "AgentProgress", "DynamoDB, the record", _STORE),
    Box(4, 2, "run_closer", "ends dead runs", _LAMBDA),
)
ARROWS = (
    Arrow("client", "AppSync", "start, read"),
    Arrow("client", "API Gateway", "start, read"),
    Arrow("AppSync", "starter, reader", ""),
    Arrow("API Gateway", "starter, reader", ""),
    Arrow("starter, reader", "agent", "invoke"),
    Arrow("starter, reader", "Step Functions", "a job"),
    Arrow("Step Functions", "agent", "invoke"),
    Arrow("agent", "AgentProgress", "1. durable"),
    Arrow("agent", "status_publisher", "2. live", live=True),
    Arrow("status_publisher", "AppSync", "publish", live=True),
    Arrow("AppSync", "client", "", live=True),
    Arrow("run_closer", "AgentProgress", "an end"),
)


def drawn() -> str:
    """Return the SVG."""
    width = 2 * _MARGIN + max(box.column for box in BOXES) * _COLUMN + _WIDTH
    height = 2 * _MARGIN + max(box.row for box in BOXES) * _ROW + _HEIGHT
    boxes = {box.name: box for box in BOXES}
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" font-family="sans-serif" '
        'role="img">',
        "<title>A client starts a run; its agent stores each step in DynamoDB, then sends it to the client.</title>",
        "<!-- Written by make picture from pictures/architecture.py. -->",
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#475569"/></marker></defs>',
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>',
        *(line for arrow in ARROWS for line in _arrow(arrow, boxes)),
        *(line for box in BOXES for line in _box(box)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _centre(box: Box) -> tuple[float, float]:
    return _MARGIN + box.column * _COLUMN + _WIDTH / 2, _MARGIN + box.row * _ROW + _HEIGHT / 2


def _box(box: Box) -> list[str]:
    x, y = _centre(box)
    return [
        f'<rect x="{x - _WIDTH / 2:g}" y="{y - _HEIGHT / 2:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="8" '
        f'fill="{box.colour}" stroke="#475569"/>',
        f'<text x="{x:g}" y="{y - 3:g}" text-anchor="middle" font-size="15" font-weight="bold">'
        f"{escape(box.name)}</text>",
        f'<text x="{x:g}" y="{y + 16:g}" text-anchor="middle" font-size="12">{escape(box.what)}</text>',
    ]


def _arrow(arrow: Arrow, boxes: dict[str, Box]) -> list[str]:
    """Return a line from edge to edge; there and back between two boxes are beside each other."""
    begin, end = _centre(boxes[arrow.begin]), _centre(boxes[arrow.end])
    aside = 14 if any((each.end, each.begin) == (arrow.begin, arrow.end) for each in ARROWS) else 0
    aside = aside if arrow.live else -aside
    (x1, y1), (x2, y2) = _edge(begin, end, aside), _edge(end, begin, aside)
    dashes = ' stroke-dasharray="6 4"' if arrow.live else ""
    lines = [
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="#475569" stroke-width="1.5"'
        f'{dashes} marker-end="url(#head)"/>'
    ]
    if arrow.text:
        x, y = (x1 + x2) / 2, (y1 + y2) / 2 - (7 if y1 == y2 else 0)
        lines.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="middle" font-size="12" fill="#1e293b" stroke="#ffffff" '
            f'stroke-width="4" paint-order="stroke">{escape(arrow.text)}</text>'
        )
    return lines


def _edge(centre: tuple[float, float], other: tuple[float, float], aside: float) -> tuple[float, float]:
    """Return where the line to `other` leaves the box around `centre`."""
    across, down = other[0] - centre[0], other[1] - centre[1]
    scale = min(
        (_WIDTH / 2 + 2) / abs(across) if across else float("inf"),
        (_HEIGHT / 2 + 2) / abs(down) if down else float("inf"),
    )
    return round(centre[0] + across * scale, 1), round(centre[1] + down * scale + aside, 1)
