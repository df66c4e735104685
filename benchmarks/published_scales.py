"""What the published scale and shift matrices say of level: row sums, lags, and whether a song's stems agree.

    python benchmarks/published_scales.py spauq_DATE_MODEL_binaural.csv spauq_DATE_MODEL_stereo.csv … [--srr-above 5]

A row of the scale matrix holds the weights of the two reference channels in one channel of the estimate; where a stem's
channels are alike its sum is the gain. A mixture divided by its peak while the stems are not would give all stems
of a song one gain. Prints Markdown; the numbers in docs/published.md are from the CSVs that came with the paper.
"""

from __future__ import annotations

import argparse
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from soundstage.errors import SoundstageError
from soundstage.results.exchange.binaural_csv import NAME, SOURCES, read_lines

NUMBER = re.compile(r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?|nan", re.IGNORECASE)
RATIO = "log of binaural / stereo"


def matrix(text: str, where: str) -> np.ndarray:
    """A 2 × 2 matrix as numpy prints it. Raises SoundstageError where the text is not one."""
    numbers = [float(number) for number in NUMBER.findall(text)]
    if len(numbers) != 4:
        raise SoundstageError(f"{where}: {text!r} is not a 2 × 2 matrix such as [[1. 0.] [0. 1.]]")
    return np.array(numbers).reshape(2, 2)


def read_stems(file: Path) -> pd.DataFrame:
    """One row a track and source: SRR in dB, the two row sums of the scale, their mean `gain`, and the four lags."""
    found = NAME.fullmatch(file.stem)
    if found is None:
        raise SoundstageError(f"{file}: its name is not spauq_DATE_MODEL_binaural.csv or …_stereo.csv")
    rows = []
    for line in read_lines(file):
        where = f"{file}, line {line.number}"
        for column in ("SRR", "scale", "shift"):
            if column not in line.texts:
                raise SoundstageError(f"{file}, line 1: no column '{column}'")
        left, right = matrix(line.texts["scale"], where).sum(axis=1)
        lags = matrix(line.texts["shift"], where)
        labels = {"model": found["model"], "rendering": found["rendering"], "title": line.title, "source": line.source}
        gains = {"left": left, "right": right, "gain": (left + right) / 2.0}
        rows.append(
            labels | gains | {"srr": float(line.texts["SRR"]), "own": lags.diagonal(), "cross": lags[[0, 1], [1, 0]]}
        )
    return pd.DataFrame(rows)


def agreement(table: pd.DataFrame, fewest: int = 8) -> tuple[list[float], float]:
    """How far a song's stems agree. table: a row a song, a column a source, NaN where a stem is left out.

    Returns Spearman's correlation of each pair of sources that `fewest` songs have both of, and the share of variance
    that lies between the songs with all sources (one-way intraclass correlation: 1 where all stems of a song are alike,
    about 0 where the song does not matter; NaN below `fewest` songs).
    """
    pairs = []
    for one, two in combinations(table.columns, 2):
        ranks = table[[one, two]].dropna().rank()
        if len(ranks) >= fewest:
            pairs.append(float(np.corrcoef(ranks[one], ranks[two])[0, 1]))
    values = table.dropna().to_numpy()
    songs, stems = values.shape
    if songs < fewest:
        return pairs, float("nan")
    between = stems * values.mean(axis=1).var(ddof=1)
    within = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum() / (songs * (stems - 1))
    return pairs, float((between - within) / (between + (stems - 1) * within))


def by_song(stems: pd.DataFrame, column: str = "gain") -> pd.DataFrame:
    """A row a song, a column a source."""
    sources = [source for source in SOURCES if source in set(stems["source"])]
    return stems.pivot(index="title", columns="source", values=column)[sources]


def quartiles(values: np.ndarray) -> str:
    """Median and quartiles."""
    low, middle, high = np.nanpercentile(values, [25, 50, 75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def row_sums(stems: pd.DataFrame) -> np.ndarray:
    """Both channels' row sums as one list."""
    return stems[["left", "right"]].to_numpy().ravel()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--srr-above", type=float, default=5.0, help="dB; the second column is over these stems alone")
    options = parser.parse_args()
    try:
        stems = pd.concat([read_stems(file) for file in options.files], ignore_index=True)
    except SoundstageError as error:
        raise SystemExit(str(error)) from None
    above = options.srr_above
    print(f"| model | rendering | stems | row sums | SRR > {above:g} dB: stems | row sums | own lag 0 | cross lags 0 |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for (model, rendering), part in stems.groupby(["model", "rendering"], sort=False):
        clear = part[part["srr"] > above]
        own, cross = (float((np.concatenate(list(part[name])) == 0.0).mean()) for name in ("own", "cross"))
        sums = quartiles(row_sums(part)), quartiles(row_sums(clear)) if len(clear) else "–"
        print(
            f"| {model} | {rendering} | {len(part)} | {sums[0]} | {len(clear)} | {sums[1]} | {own:.0%} | {cross:.0%} |"
        )
    print("\n| model | gain | stems | pairs of sources | correlation, lowest to highest | share between songs |")
    print("|---|---|---|--:|--:|--:|")
    for model, part in stems.groupby("model", sort=False):
        clear = part.assign(gain=part["gain"].where(part["srr"] > above))
        for which, chosen in (("all", part), (f"SRR > {above:g} dB", clear)):
            for name, table in _gains(chosen).items():
                pairs, share = agreement(table)
                if pairs:
                    between = "–" if np.isnan(share) else f"{share:.2f}"
                    spread = f"{min(pairs):.2f} to {max(pairs):.2f}"
                    print(f"| {model} | {name} | {which} | {len(pairs)} | {spread} | {between} |")
    print("\n| model | gain of a stem, binaural / stereo |")
    print("|---|--:|")
    for model, part in stems.groupby("model", sort=False):
        gains = _gains(part)
        if RATIO in gains:
            print(f"| {model} | {quartiles(np.exp(gains[RATIO].to_numpy()))} |")


def _gains(stems: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By rendering a table of gains, and where both are there their ratio's logarithm, for gains above 0."""
    tables = {str(name): by_song(one) for name, one in stems.groupby("rendering")}
    if {"binaural", "stereo"} <= set(tables):
        positive = {name: table.where(table > 0.0) for name, table in tables.items()}
        tables[RATIO] = np.log(positive["binaural"] / positive["stereo"])
    return tables


if __name__ == "__main__":
    main()
