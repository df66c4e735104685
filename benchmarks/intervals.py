"""How often 95 % intervals hold the true value, where the sources of a song hang together. Run it by hand; minutes.

    python benchmarks/intervals.py [STUDIES]
    python benchmarks/intervals.py heads [STUDIES]

Each line: distribution, protocol, songs, correlation of a song's sources; the share of studies whose interval holds
the true value by what the leaderboard does, by the plain percentile interval, by resampling scores instead of songs,
and by resampling sources within the drawn songs too; and how wide the first is.

With `heads`: the intervals of how far heads are apart within a song, where songs have one spread and where their own
spreads differ (log-normal, by a factor of two), beside plain Student's t.
"""

import sys

import numpy as np
from scipy import stats

from soundstage.leaderboard.heads import spread_over_heads
from soundstage.leaderboard.protocols import PROTOCOLS
from soundstage.leaderboard.statistics import draws, interval, resampled

SOURCES = 4


def study(rng, songs, correlation, shape):
    hangs, own = np.sqrt(correlation), np.sqrt(1.0 - correlation)
    normal = hangs * rng.standard_normal((songs, 1)) + own * rng.standard_normal((songs, SOURCES))
    if shape == "heavy tails":
        return normal / np.sqrt(rng.chisquare(4, (songs, 1)) / 4)
    return np.exp(0.7 * normal) if shape == "skewed" else normal


def nested(rng, values, how, times):
    songs = len(values)
    drawn = values[rng.integers(0, songs, (times, songs))]
    again = np.take_along_axis(drawn, rng.integers(0, SOURCES, drawn.shape), 2).reshape(times, -1)
    return np.median(again, axis=1) if how.tracks == "median" else again.mean(axis=1)


def held(rng, shape, name, songs, correlation, studies, times=2000):
    how = PROTOCOLS[name]
    average = np.median if how.tracks == "median" else np.mean
    true = {"skewed": 1.0 if how.tracks == "median" else np.exp(0.245)}.get(shape, 0.0)
    of_song, sources = np.repeat(np.arange(songs), SOURCES), ["x"] * (songs * SOURCES)
    by_song, by_score = draws(songs, times), draws(songs * SOURCES, times)
    counts, width = np.zeros(4), 0.0
    for _ in range(studies):
        values = study(rng, songs, correlation, shape)
        value = float(average(values))
        found = resampled(values.reshape(-1, 1), of_song, sources, how, by_song)[:, 0]
        alone = resampled(values.reshape(-1, 1), np.arange(songs * SOURCES), sources, how, by_score)[:, 0]
        ends = [
            interval(found, value, songs),
            np.quantile(found, [0.025, 0.975]),
            interval(alone, value, songs * SOURCES),
            interval(nested(rng, values, how, times), value, songs),
        ]
        counts += [low <= true <= high for low, high in ends]
        width += ends[0][1] - ends[0][0]
    return counts / studies, width / studies


def heads_held(rng, heads, songs, differ, studies):
    spread = np.std(rng.standard_normal((200_000, heads)), axis=1, ddof=1).mean() * np.exp(differ**2 / 2)
    counts = np.zeros(2)
    for _ in range(studies):
        own = np.exp(differ * rng.standard_normal((songs, 1)))
        values = rng.normal(0, 3, (songs, 1)) + own * rng.standard_normal((songs, heads))
        low, high = spread_over_heads(values)[1]
        each = np.std(values, axis=1, ddof=1)
        reach = stats.t.ppf(0.975, songs - 1) * each.std(ddof=1) / np.sqrt(songs)
        counts += [low <= spread <= high, abs(each.mean() - spread) <= reach]
    return counts / studies


def main_heads(studies):
    rng = np.random.default_rng(0)
    print("spreads  heads  songs   ours  plain t")
    for name, differ in (("alike", 0.0), ("differ", 0.7)):
        for heads in (2, 3, 5):
            for songs in (5, 8, 20, 50):
                ours, plain = heads_held(rng, heads, songs, differ, studies)
                print(f"{name:7s}  {heads:5d}  {songs:5d}  {ours:5.3f}    {plain:5.3f}", flush=True)


def main():
    if sys.argv[1:2] == ["heads"]:
        main_heads(int(sys.argv[2]) if len(sys.argv) > 2 else 4000)
        return
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rng = np.random.default_rng(0)
    everything = []
    print("distribution  protocol     songs  corr.   ours  percentile  scores  nested   width")
    for shape in ("normal", "skewed", "heavy tails"):
        for name in ("soundstage", "demucs"):
            for songs in (5, 8, 12, 20, 50):
                for correlation in (0.3, 0.8):
                    shares, width = held(rng, shape, name, songs, correlation, studies)
                    everything.append(shares)
                    ours, percentile, scores, twice = shares
                    print(
                        f"{shape:12s}  {name:11s}  {songs:5d}  {correlation:5.1f}  {ours:5.3f}  {percentile:10.3f}"
                        f"  {scores:6.3f}  {twice:6.3f}  {width:6.2f}",
                        flush=True,
                    )
    ours, percentile, scores, twice = np.mean(everything, axis=0)
    print(f"mean over all lines: ours {ours:.3f}, percentile {percentile:.3f}, scores {scores:.3f}, nested {twice:.3f}")


if __name__ == "__main__":
    main()
