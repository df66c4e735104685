"""The leaderboard for other programs: Markdown, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from typing import Any

from soundstage.leaderboard import Leaderboard
from soundstage.render.text import arrow, coverage_text, fine_print, group_text, name_text, value_text


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
            cells = [str(row.rank or ""), name_text(row), row.role, *values, coverage_text(row)]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        counts = [f"{shared}/{possible}" for shared, possible in zip(section.shared, section.possible, strict=True)]
        lines += ["| " + " | ".join(["", "*scores used*", "", *counts, ""]) + " |", ""]
    lines += [f"- {line.replace('* best blind', '**bold** best blind')}" for line in fine_print(board)]
    return "\n".join(lines)


def render_csv(board: Leaderboard) -> str:
    """One line a section, separator and measure, at full precision; an empty value where there is none."""
    groups = list(board.sections[0].group) if board.sections else []
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    fixed = ["grid", "revision", "hash", "protocol", *groups, "separator", "role", "rank", "metric", "measure", "unit"]
    writer.writerow(
        [*fixed, "higher_is_better", "value", "scores", "scores_possible", "best_blind", "cells_done", "cells_planned"]
    )
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
                    ]
                )
    return out.getvalue().rstrip("\n")


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
