"""The leaderboard for other programs: Markdown, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from soundstage.leaderboard.board import Column, Heads, Leaderboard, Row, Section
from soundstage.report.text import (
    TRAINING,
    Line,
    arrow,
    encodable,
    fine_print,
    group_text,
    heads_title,
    own_lines,
    printable,
    published_lines,
    scores_line,
    spread_lines,
    tells_training,
    uncomputed,
)

COST = ["real_time_factor", "peak_mb", "gpu_peak_mb"]
HEADS = ["heads", "head_spread", "head_spread_low", "head_spread_high", "head_songs"]


def format_markdown(board: Leaderboard, intervals: bool = False) -> str:
    """GitHub Markdown, one table a section. intervals: of every column, and not of the one that ranks alone."""
    shown = frozenset(board.columns if intervals else [board.ranked_by])
    lines = [f"**{printable(board.title)}**", ""]
    header = ["#", "separator", "role"]
    for column in board.columns:
        header.append(marked(printable(f"{column.label} {arrow(column)} ({column.unit}, {column.metric})")))
    has_cost = any(row.cost for section in board.sections for row in section.rows)
    has_training = tells_training(board)
    header += [TRAINING] if has_training else []
    header += ["RTF", "MB"] if has_cost else []
    header.append("cells")
    for section in board.sections:
        if section.group:
            lines += [f"### {group_text(section)}", ""]
        lines.append(_line(header))
        lines.append("|" + "|".join(["--:", "---", "---", *["--:"] * (len(header) - 3)]) + "|")
        for line in (*own_lines(board, section), scores_line(board, section), *published_lines(board, section)):
            lines.append(_line(_markdown_cells(board, line, shown, has_training, has_cost)))
        lines.append("")
    for heads in board.heads:
        lines += [f"### {marked(heads_title(heads))}", ""]
        lines.append(_line(["separator", *(marked(printable(f"{c.label} ± ({c.unit})")) for c in board.columns)]))
        lines.append("|" + "|".join(["---", *["--:"] * len(board.columns)]) + "|")
        lines += [_line([marked(name), *cells]) for name, cells in spread_lines(board, heads)]
        lines.append("")
    lines += [f"- {line.replace('* best blind', '**bold** best blind')}" for line in fine_print(board)]
    return "\n".join(lines)


def _markdown_cells(
    board: Leaderboard, line: Line, intervals: Collection[Column], has_training: bool, has_cost: bool
) -> Iterator[str]:
    yield f"{line.rank} ({line.ranks}) {line.group}" if line.ranks else line.rank
    yield "*scores used*" if line.kind == "scores used" else marked(line.name)
    kinds = {"scores used": "", "published": marked(f"published ({printable(board.publication)})")}
    yield kinds.get(line.kind, line.kind)
    for column in board.columns:
        cell = line.cells[column]
        text = f"**{cell.text}**" if cell.best else cell.text
        yield f"{text} {cell.interval}" if cell.interval and column in intervals else text
    if has_training:
        yield f"**{line.training}**" if line.training == "yes" else line.training
    if has_cost:
        yield from line.cost or ("", "")
    yield line.coverage


def _line(cells: Sequence[str] | Iterator[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def marked(text: str) -> str:
    """The text of a cell, what Markdown or HTML would take for their own kept as it is."""
    return "".join(f"\\{letter}" if letter in "|\\<*`~" else letter for letter in text)


def format_csv(board: Leaderboard, safe: bool = False) -> str:
    """One line a section, separator and measure, at full precision; an empty value where there is none.

    low, high: the value's 95 % interval. Of the measure that ranks, and the same in all lines of a separator: the ranks
    in 95 % of resamples, the share of them in which it is best, its group's letters, and on how many songs it is better
    and worse than the table's first, with the corrected p-value. trained_on_them: whether it was trained on these
    songs, `yes`, `no` or `not stated`; empty for what is no separator.

    Where a grid has several heads: heads, those that the table's spatializer is one of (or the only ones, in a table of
    all), head_spread, how far this separator's scores differ by them, with its 95 % interval, and over how many songs.

    Where a publication stands beside, its lines have the role "published" and its name, the condition (in a column
    that is called rendering), the own separator that they are set beside (a line each, empty where there is none) and
    Δ, own minus published. safe: whether texts that spreadsheets would compute get an apostrophe.
    """
    groups = list(board.sections[0].group) if board.sections else []
    names = ["grid", "revision", "hash", "protocol", *groups, "separator", "role", "rank", "metric", "measure", "unit"]
    names += ["higher_is_better", "value", "low", "high", "songs", "scores", "scores_possible", "best_blind"]
    names += ["trained_on_them"]
    names += ["rank_low", "rank_high", "best_share", "group", "songs_better", "songs_worse", "p_value"]
    names += ["cells_done", "cells_planned"]
    names += COST if any(row.cost for section in board.sections for row in section.rows) else []
    names += HEADS if board.heads else []
    names += ["publication", "rendering", "beside", "difference"] if board.publication else []
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    for section in board.sections:
        of_section = {"grid": board.grid, "revision": board.revision, "hash": board.hash}
        of_section |= {"protocol": board.protocol.name, **section.group}
        for record in (*_own_records(board, section), *_published_records(board, section)):
            told = {**of_section, **record}
            if safe:
                told = {name: uncomputed(value) if isinstance(value, str) else value for name, value in told.items()}
            writer.writerow(told)
    return encodable(out.getvalue().rstrip("\n"))


def _about(column: Column) -> dict[str, Any]:
    return {
        "metric": column.metric,
        "measure": column.name,
        "unit": column.unit,
        "higher_is_better": column.higher_is_better,
    }


def _own_records(board: Leaderboard, section: Section) -> Iterator[dict[str, Any]]:
    """What the CSV says of each row and column."""
    heads = _heads_of(board, section)
    for row in section.rows:
        sure = _standing(row)
        for column in board.columns:
            value, scores = row.values[column], section.scores[column]
            low, high = value.interval or (math.nan, math.nan)
            yield {
                **_about(column),
                **sure,
                **(_spread(heads, row.separator, column) if heads else {}),
                "low": exact(low),
                "high": exact(high),
                "songs": scores.songs,
                "separator": row.separator,
                "role": row.role,
                "rank": row.rank or "",
                "value": exact(value.value),
                "scores": scores.shared,
                "scores_possible": scores.possible,
                "best_blind": value.best,
                "trained_on_them": row.trained_on_them,
                "cells_done": row.coverage.done,
                "cells_planned": row.coverage.planned,
            }


def _heads_of(board: Leaderboard, section: Section) -> Heads | None:
    """The heads that a table's spatializer is one of; of a table of all spatializers the only ones that there are."""
    rendered = section.group.get("spatializer")
    found = [heads for heads in board.heads if rendered is None or rendered in heads.heads]
    return found[0] if len(found) == 1 else None


def _spread(heads: Heads, separator: str, column: Column) -> dict[str, Any]:
    """What the CSV says of how much a score depends on the head."""
    spread = heads.spreads.get(separator, {}).get(column)
    if spread is None:
        return {"heads": " ".join(heads.heads)}
    low, high = spread.interval or (math.nan, math.nan)
    found = (" ".join(heads.heads), exact(spread.value), exact(low), exact(high), heads.songs[column])
    return dict(zip(HEADS, found, strict=True))


def _standing(row: Row) -> dict[str, Any]:
    """What the CSV says of how sure a rank is, the same in all lines of a separator."""
    found: dict[str, Any] = {"group": row.group}
    if row.standing:
        low, high = row.standing.ranks
        found |= {"rank_low": low, "rank_high": high, "best_share": row.standing.best}
    if row.cost:
        found |= {name: "" if (value := getattr(row.cost, name)) is None else value for name in COST}
    if row.against_best:
        test = row.against_best
        found |= {"songs_better": test.better, "songs_worse": test.worse, "p_value": test.p_value}
    return found


def _published_records(board: Leaderboard, section: Section) -> Iterator[dict[str, Any]]:
    """What the CSV says of each published value, a record for each own separator that it is set beside."""
    for row in section.published:
        for column in board.columns:
            if column not in row.values:
                continue
            record = {
                **_about(column),
                "separator": row.model,
                "role": "published",
                "value": exact(row.values[column].value),
                "trained_on_them": row.trained_on_them,
                "publication": board.publication,
                "rendering": row.condition,
            }
            if not row.differences:
                yield record
            for one in row.differences:
                gap = one.values[column].value if column in one.values else math.nan
                yield {**record, "beside": one.separator, "difference": exact(gap)}


def exact(value: float) -> str:
    """A number at full precision; empty where there is none."""
    return "" if math.isnan(value) else repr(value)


def format_json(board: Leaderboard) -> str:
    """The whole leaderboard; null where there is no value.

    What stands in columns is an object of metrics, each an object of measures: `values["spauq"]["SSR"]["value"]`.
    """
    return encodable(json.dumps(plain(board), indent=1, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """A value of a board as JSON has it: what is not finite is null, what stands in columns goes by their names."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return _by_name(value) if any(isinstance(key, Column) for key in value) else _each(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _each(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: plain(item) for key, item in value.items()}


def _by_name(values: Mapping[Column, Any]) -> dict[str, dict[str, Any]]:
    """What stands in columns, by metric and measure."""
    found: dict[str, dict[str, Any]] = {}
    for column, value in values.items():
        found.setdefault(column.metric, {})[column.name] = plain(value)
    return found
