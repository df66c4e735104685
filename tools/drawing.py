"""Draws who imports whom as a picture that pages show as they are, without a program that draws it for the reader."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from html import escape

WIDTH, ROW, BOX_HEIGHT, LETTER, MARGIN = 760, 62, 30, 7.6, 16

STYLE = """
text { font: 13px ui-monospace, monospace; text-anchor: middle; fill: #1c2330 }
rect { fill: #e9eefb; stroke: #5468b0 }
path { fill: none; stroke: #8590a8; stroke-width: 1.3; marker-end: url(#head) }
marker path { fill: #8590a8; stroke: none; marker-end: none }
"""


def rows_of(uses: Mapping[str, set[str]]) -> dict[str, int]:
    """The row of each node: below all that use it."""
    rows = dict.fromkeys(uses, 0)
    for _ in uses:
        for node, names in uses.items():
            for name in names:
                rows[name] = max(rows.get(name, 0), rows[node] + 1)
    return rows


def placed(uses: Mapping[str, set[str]]) -> tuple[dict[str, tuple[float, float]], dict[tuple[str, str], list[str]]]:
    """Where the middle of each node lies, and the way of each arrow: what it passes, a bend in every row it crosses."""
    rows = rows_of(uses)
    levels: list[list[str]] = [[] for _ in range(max(rows.values()) + 1)]
    for node, row in rows.items():
        levels[row].append(node)
    ways: dict[tuple[str, str], list[str]] = {}
    for node, names in uses.items():
        for name in sorted(names):
            bends = [f"{node}→{name}@{row}" for row in range(rows[node] + 1, rows[name])]
            for row, bend in enumerate(bends, start=rows[node] + 1):
                levels[row].append(bend)
            ways[node, name] = [node, *bends, name]
    near: dict[str, list[str]] = {}
    for way in ways.values():
        for upper, lower in itertools.pairwise(way):
            near.setdefault(lower, []).append(upper)
    where: dict[str, tuple[float, float]] = {}
    for row, level in enumerate(levels):
        level.sort(key=lambda node: sum(where[one][0] for one in near.get(node, ())) / max(len(near.get(node, ())), 1))
        room = [_width(node) + 2 * MARGIN for node in level]
        left = (WIDTH - sum(room)) / 2
        for node, wide in zip(level, room, strict=True):
            where[node] = (left + wide / 2, MARGIN + BOX_HEIGHT / 2 + row * ROW)
            left += wide
    return where, ways


def _width(node: str) -> float:
    return 0.0 if "@" in node else len(node) * LETTER + 20


def drawn(uses: Mapping[str, set[str]], about: str) -> str:
    """An SVG of the nodes and of an arrow from each to those that it uses. about: what it shows, for who cannot see."""
    where, ways = placed(uses)
    height = round(max(y for _, y in where.values()) + BOX_HEIGHT / 2 + MARGIN)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
        f"<title>{escape(about)}</title><style>{STYLE}</style>",
        '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker>',
        f'<rect width="{WIDTH}" height="{height}" rx="8" style="fill: #fff; stroke: none"/>',
    ]
    for way in ways.values():
        points = [where[node] for node in way]
        (x, y), (end_x, end_y) = points[0], points[-1]
        stops = [(x, y + BOX_HEIGHT / 2), *points[1:-1], (end_x, end_y - BOX_HEIGHT / 2)]
        path = f"M{stops[0][0]:.0f} {stops[0][1]:.0f}"
        for (x, y), (next_x, next_y) in itertools.pairwise(stops):
            middle = (y + next_y) / 2
            path += f"C{x:.0f} {middle:.0f} {next_x:.0f} {middle:.0f} {next_x:.0f} {next_y:.0f}"
        lines.append(f'<path d="{path}"/>')
    for node, (x, y) in where.items():
        if "@" not in node:
            wide = _width(node)
            box = f'x="{x - wide / 2:.0f}" y="{y - BOX_HEIGHT / 2:.0f}" width="{wide:.0f}" height="{BOX_HEIGHT}"'
            lines.append(f'<rect {box} rx="6"/><text x="{x:.0f}" y="{y + 4.5:.0f}">{escape(node)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"
