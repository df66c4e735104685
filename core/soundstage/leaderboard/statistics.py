"""How sure a table can be: intervals, paired tests, ranks and groups. Pure functions of arrays.

Everything is asked of songs: sources, placements and seeds of one song hang together, so that whoever resamples scores
one by one finds intervals that are too narrow. A resample draws as many songs as there are, with replacement, each with
all that belongs to it. (To draw again among the placements or seeds of a drawn song would count their spread twice: it
is in the spread between songs already. In simulations such intervals of 95 % held up to 99 %: benchmarks/intervals.py.)
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from soundstage.leaderboard.board import FEWEST, RESAMPLES, Paired, Standing
from soundstage.leaderboard.protocols import Aggregation

Floats = NDArray[np.float64]
Counts = NDArray[np.float32]

LEVEL = 0.95
APART = 0.05
"""The p-value below which two entries count as told apart."""

FEW = 8
"""Songs below which an interval is at least as wide as Student's t with the bootstrap's standard error."""

TIE = 1e-9
"""Relative difference below which two scores are the same but for rounding."""


def draws(songs: int, times: int = RESAMPLES, seed: int = 0) -> Counts:
    """How often each song is drawn in each resample: (times, songs), each row's sum is `songs`. Seeded."""
    chances = np.full(songs, 1.0 / songs)
    return np.random.default_rng(seed).multinomial(songs, chances, size=times).astype(np.float32)


def resampled(
    values: Floats, songs: NDArray[np.int64], sources: Sequence[Hashable], how: Aggregation, counts: Counts
) -> Floats:
    """What each entry's value would be in each resample: (resamples, entries).

    values: (scores, entries), no holes. songs: of which song each score is, by column of counts. sources: of which
    source. NaN in a resample that has drawn no song with any score of some source.
    """
    parts = [np.arange(len(values))]
    if how.sources == "mean":
        names = np.array([str(source) for source in sources])
        parts = [np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())]
    average = _means if how.tracks == "mean" else _medians
    found = [average(values[part], songs[part], counts) for part in parts]
    return np.mean(found, axis=0) if len(found) > 1 else found[0]


def _means(values: Floats, songs: NDArray[np.int64], counts: Counts) -> Floats:
    sums = np.zeros((counts.shape[1], values.shape[1]))
    np.add.at(sums, songs, values)
    drawn = counts @ np.bincount(songs, minlength=counts.shape[1])
    with np.errstate(invalid="ignore"):
        return np.asarray((counts @ sums) / np.where(drawn, drawn, np.nan)[:, None], np.float64)


def _medians(values: Floats, songs: NDArray[np.int64], counts: Counts) -> Floats:
    """The medians of each column: sort once, and count how many drawn scores lie below each place."""
    drawn = (counts @ np.bincount(songs, minlength=counts.shape[1])).astype(np.int64)
    lower, upper = (drawn - 1) // 2, drawn // 2
    found = np.empty((len(counts), values.shape[1]))
    for entry, column in enumerate(values.T):
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        of_songs = np.zeros((counts.shape[1], len(order)), np.float32)
        of_songs[songs[order], np.arange(len(order))] = 1.0
        below = np.cumsum(of_songs, axis=1)
        first = _places(counts, below, lower)
        second = _places(counts, below, upper) if np.any(lower != upper) else first
        found[:, entry] = (ordered[first] + ordered[second]) / 2.0
    found[drawn == 0] = np.nan
    return found


def _places(counts: Counts, below: NDArray[np.float32], rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where in the sorted scores each resample's score of that rank (0 is the lowest) stands.

    below: (songs, scores), how many scores of a song lie at or before each place. Blocks first and then places within
    them, since to count every place of every resample is nine tenths of a board's time.
    """
    scores = below.shape[1]
    step = max(1, math.isqrt(scores))
    ends = np.arange(step - 1, scores, step)
    block = (counts @ below[:, ends] <= rank[:, None]).sum(axis=1)
    found = np.empty(len(counts), np.int64)
    for one in np.unique(block):
        which = np.flatnonzero(block == one)
        start, stop = one * step, min((one + 1) * step, scores)
        reached = counts[which] @ below[:, start:stop]
        found[which] = start + (reached <= rank[which, None]).sum(axis=1)
    return found.clip(max=scores - 1)


def interval(resamples: Floats, value: float, songs: int) -> tuple[float, float]:
    """The 95 % interval of a value from its resamples, lower end first.

    The percentile interval, widened as Student's t is wider than the normal distribution and by n/(n−1) (Hesterberg
    2015, the "expanded percentile"). Of fewer than FEW songs resamples cannot reach far enough: there it is at least
    the value ± t · the resamples' standard deviation. NaN where there are fewer than FEWEST songs.
    """
    from scipy import stats

    known = resamples[~np.isnan(resamples)]
    if songs < FEWEST or not len(known) or math.isnan(value):
        return math.nan, math.nan
    widened = math.sqrt(songs / (songs - 1))
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, songs - 1)) * widened
    tail = float(stats.norm.cdf(-reach))
    low, high = (float(end) for end in np.quantile(known, [tail, 1.0 - tail]))
    if songs < FEW:
        spread = reach * float(known.std())
        low, high = min(low, value - spread), max(high, value + spread)
    return low, high


def standings(resamples: Floats, higher_is_better: bool) -> list[Standing]:
    """Where each entry stands in (resamples, entries)."""
    if not resamples.size:
        return []
    best_first = -resamples if higher_is_better else resamples
    filled = np.where(np.isnan(best_first), math.inf, best_first)
    ranks = 1 + (filled[:, None, :] < filled[:, :, None]).sum(axis=2)
    first = ranks == 1
    shares = (first / first.sum(axis=1, keepdims=True)).mean(axis=0)
    tail = (1.0 - LEVEL) / 2.0
    ends = np.quantile(ranks, [tail, 1.0 - tail], axis=0, method="inverted_cdf")
    return [
        Standing((int(low), int(high)), float(share)) for low, high, share in zip(ends[0], ends[1], shares, strict=True)
    ]


def song_differences(first: Floats, second: Floats, songs: NDArray[np.int64]) -> Floats:
    """The mean of `first − second` over the scores of each song; what is rounding alone is 0. (scores,) → (songs,)"""
    apart = first - second
    apart = np.where(np.abs(apart) <= TIE * np.maximum(np.abs(first), np.abs(second)), 0.0, apart)
    return np.asarray(np.bincount(songs, apart) / np.bincount(songs), np.float64)


def paired(differences: Floats) -> Paired:
    """One entry against another. differences: of each song, positive where the first is better."""
    from scipy import stats

    moved = differences[differences != 0.0]
    p_value, effect = 1.0, 0.0
    if len(moved):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a sample is small or has ties: told by the count of songs
            p_value = float(stats.wilcoxon(moved).pvalue)
        ranks = stats.rankdata(np.abs(moved))
        effect = float(np.sum(np.sign(moved) * ranks) / np.sum(ranks))
    better, worse = int((differences > 0.0).sum()), int((differences < 0.0).sum())
    return Paired(len(differences), better, worse, min(1.0, p_value), effect)


def turned(test: Paired) -> Paired:
    """The same test with the second entry first."""
    return Paired(test.songs, test.worse, test.better, test.p_value, -test.effect)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction of a family of p-values, in their order."""
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = highest
    return corrected


def groups(names: Sequence[str], p_values: Mapping[tuple[str, str], float]) -> dict[str, str]:
    """A compact letter display: two entries share a letter where they cannot be told apart.

    names: best first. p_values: of each pair, corrected. The best entry has an `a`.
    """
    members = [frozenset(names)]
    for (one, other), p_value in p_values.items():
        if p_value >= APART:
            continue
        split = []
        for group in members:
            split += [group - {one}, group - {other}] if {one, other} <= group else [group]
        members = [group for group in dict.fromkeys(split) if not any(group < larger for larger in split)]
    place = {name: index for index, name in enumerate(names)}
    members.sort(key=lambda group: sorted(place[name] for name in group))
    return {name: "".join(letter(at) for at, group in enumerate(members) if name in group) for name in names}


def letter(number: int) -> str:
    """a, b, …, z, and then aa, ab, … in brackets, as in (aa)."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return alphabet[number] if number < 26 else f"({alphabet[number // 26 - 1]}{alphabet[number % 26]})"


def songs_to_show(effect: float, spread: float, power: float = 0.8) -> int:
    """How many songs would show a mean difference of `effect` where song differences have the standard deviation
    `spread`: a two-sided paired t-test at 5 % with that power, divided by the Wilcoxon test's efficiency of 3/π.
    """
    from scipy import stats

    if effect <= 0.0 or not math.isfinite(spread):
        raise ValueError("the effect must be above zero, and the spread finite")
    songs = 2
    while songs < 100_000:
        beyond = float(stats.t.ppf(1.0 - APART / 2.0, songs - 1))
        reached = float(stats.nct.sf(beyond, songs - 1, math.sqrt(songs) * effect / spread)) if spread else 1.0
        if reached >= power:
            break
        songs = max(songs + 1, int(songs * 1.02))
    return max(FEWEST + 1, math.ceil(songs * math.pi / 3.0))


def variance_shares(differences: Floats, levels: Sequence[Sequence[Hashable]]) -> list[float]:
    """Which share of the variance comes from each level: one each, then what is left within the innermost.

    differences: (scores,). levels: outermost first, what each score belongs to (song, placement, …), each nested in
    those before it. Moments of a nested random-effects analysis of variance (Henderson's method 1); a component that
    comes out negative is 0.
    """
    keys: list[list[Hashable]] = [[() for _ in differences]]
    for level in levels:
        keys.append([(*_as_tuple(before), one) for before, one in zip(keys[-1], level, strict=True)])
    codes = [_codes(key) for key in keys]
    everything = len(differences)
    squares = [_sum_of_squares(differences, code) for code in codes] + [float(np.sum(differences**2))]
    sizes = [int(code.max(initial=-1)) + 1 for code in codes] + [everything]
    parts: list[float] = []
    # From the innermost outwards: what lies between two levels, less what the finer ones put there.
    for at in range(len(squares) - 1, 0, -1):
        freedom = sizes[at] - sizes[at - 1]
        between = squares[at] - squares[at - 1]
        of_finer = 0.0
        for finer, part in zip(range(len(squares) - 1, at, -1), parts, strict=True):
            of_finer += part * (_expected(codes, finer, at, everything) - _expected(codes, finer, at - 1, everything))
        weight = _expected(codes, at, at, everything) - _expected(codes, at, at - 1, everything)
        parts.append(max(0.0, (between - of_finer) / weight) if freedom > 0 and weight > 0 else 0.0)
    total = sum(parts)
    ordered = parts[::-1]
    return [part / total if total else 0.0 for part in ordered]


def _as_tuple(key: Hashable) -> tuple[Hashable, ...]:
    return key if isinstance(key, tuple) else (key,)


def _codes(keys: Sequence[Hashable]) -> NDArray[np.int64]:
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(key, len(known)) for key in keys], np.int64)


def _sum_of_squares(values: Floats, code: NDArray[np.int64]) -> float:
    """The sum over groups of (sum of values)² / size."""
    return float(np.sum(np.bincount(code, values) ** 2 / np.bincount(code)))


def _expected(codes: Sequence[NDArray[np.int64]], finer: int, at: int, everything: int) -> float:
    """What a component of variance 1 of level `finer` adds to the sum of squares of level `at`."""
    if at == len(codes):  # every score by itself
        return float(everything)
    size = np.bincount(codes[at])
    if finer == len(codes):
        return float(len(size))
    within = np.bincount(codes[finer])
    outer = np.zeros(len(within), np.int64)
    outer[codes[finer]] = codes[at]
    if finer <= at:  # members of one group of `at` share one of `finer`
        return float(everything)
    return float(np.sum(within.astype(np.float64) ** 2 / size[outer]))
