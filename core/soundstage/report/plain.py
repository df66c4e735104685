"""The leaderboard for other programs: Markdown, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from soundstage.leaderboard.board import Leaderboard, Section
from soundstage.report.text import arrow, coverage_text, fine_print, group_text, name_text, published_texts, value_text


def render_markdown(board: Leaderboard) -> str:
    """GitHub Markdown, one table a section."""
    lines = [f"**{board.title}**", ""]
    header = ["#", "separator", "role"]
    header += [f"{column.label} {arrow(column)} ({column.unit}, {column.metric})" for column in board.columns]
    header.append("cells")
    for section in board.sections:
        if section.group:
            lines += [f"### {group_text(section)}", ""]
        lines.append("| " + " | ".join(header) + " |")
        lines.append("|" + "|".join(["--:", "---", "---", *["--:"] * (len(board.columns) + 1)]) + "|")
        for row in section.rows:
            values = [
                f"**{value_text(value, column)}**" if best else value_text(value, column)
                for value, best, column in zip(row.values, row.best, board.columns, strict=True)
            ]
            lines.append(_line([str(row.rank or ""), name_text(row), row.role, *values, coverage_text(row)]))
        counts = [f"{shared}/{possible}" for shared, possible in zip(section.shared, section.possible, strict=True)]
        lines.append("| " + " | ".join(["", "*scores used*", "", *counts, ""]) + " |")
        for published in published_texts(board, section):
            of = f"{published.role} ({board.publication})" if published.role == "published" else published.role
            lines.append(_line(["", published.name, of, *published.values, ""]))
        lines.append("")
    lines += [f"- {line.replace('* best blind', '**bold** best blind')}" for line in fine_print(board)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def render_csv(board: Leaderboard) -> str:
    """One line a section, separator and measure, at full precision; an empty value where there is none.

    Where a publication stands beside, its lines have the role "published" and its name, the rendering, the own
    separator that they are set beside (a line each, empty where there is none) and Δ, own minus published.
    """
    groups = list(board.sections[0].group) if board.sections else []
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    fixed = ["grid", "revision", "hash", "protocol", *groups, "separator", "role", "rank", "metric", "measure", "unit"]
    own = ["higher_is_better", "value", "scores", "scores_possible", "best_blind", "cells_done", "cells_planned"]
    beside = ["publication", "rendering", "beside", "difference"] if board.publication else []
    writer.writerow([*fixed, *own, *beside])
    for section in board.sections:
        for row in section.rows:
            for index, column in enumerate(board.columns):
                value = row.values[index]
                writer.writerow(
                    [
                        *(board.grid, board.revision, board.hash, board.protocol.name, *section.group.values()),
                        *(row.separator, row.role, row.rank or "", column.metric, column.name, column.unit),
                        *(column.higher_is_better, "" if math.isnan(value) else repr(value), section.shared[index]),
                        section.possible[index],
                        *(row.best[index], row.done, row.planned),
                        *([""] * len(beside)),
                    ]
                )
        writer.writerows(_published_lines(board, section))
    return out.getvalue().rstrip("\n")


def _published_lines(board: Leaderboard, section: Section) -> Iterator[list[object]]:
    """The section's published values in the columns of the CSV."""
    for row in section.published:
        for index, column in enumerate(board.columns):
            if math.isnan(row.values[index]):
                continue
            differences = [(one.separator, one.values[index]) for one in row.differences] or [("", math.nan)]
            for separator, difference in differences:
                yield [
                    *(board.grid, board.revision, board.hash, board.protocol.name, *section.group.values()),
                    *(row.model, "published", "", column.metric, column.name, column.unit, column.higher_is_better),
                    *(repr(row.values[index]), "", "", "", "", "", board.publication, row.rendering),
                    *(separator, "" if math.isnan(difference) else repr(difference)),
                ]


def render_json(board: Leaderboard) -> str:
    """The whole leaderboard; null where there is no value."""
    return json.dumps(_without_nan(asdict(board)), indent=1, ensure_ascii=False)


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return value
