"""Intervals hold what they promise, tests agree with scipy, ties are ties, and groups say what the tests say."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from soundstage.leaderboard.board import FEWEST
from soundstage.leaderboard.protocols import PROTOCOLS, Aggregation
from soundstage.leaderboard.statistics import (
    draws,
    groups,
    holm,
    interval,
    paired,
    resampled,
    song_differences,
    songs_to_show,
    standings,
    variance_shares,
)

SOURCES = ("bass", "drums", "other", "vocals")


def scores(songs, entries=3, seed=0):
    """Scores of songs whose sources hang together, (songs × sources, entries); which song each is of; its source."""
    rng = np.random.default_rng(seed)
    of_song = rng.standard_normal((songs, 1, entries))
    values = (of_song + rng.standard_normal((songs, len(SOURCES), entries))).reshape(-1, entries)
    return values, np.repeat(np.arange(songs), len(SOURCES)), list(SOURCES) * songs


class TestResamples:
    def test_each_draws_as_many_songs_as_there_are(self):
        counts = draws(7, 100)
        assert counts.shape == (100, 7)
        assert (counts.sum(axis=1) == 7).all()
        np.testing.assert_array_equal(counts, draws(7, 100))

    @pytest.mark.parametrize("how", PROTOCOLS.values(), ids=PROTOCOLS.keys())
    def test_are_the_protocols_own_average_of_the_drawn_songs(self, how: Aggregation):
        import pandas as pd

        values, songs, sources = scores(9)
        counts = draws(9, 40, seed=3)
        found = resampled(values, songs, sources, how, counts)
        for resample, count in zip(found, counts, strict=True):
            drawn = np.concatenate(
                [np.flatnonzero(songs == song) for song in np.repeat(np.arange(9), count.astype(int))]
            )
            index = pd.Index([sources[row] for row in drawn], name="source")
            table = pd.DataFrame(values[drawn], index=index, columns=["a", "b", "c"])
            expected = how.over_tracks(table.set_index(index))
            np.testing.assert_allclose(resample, [expected[name] for name in ("a", "b", "c")], rtol=1e-5)

    def test_a_source_that_no_drawn_song_has_leaves_that_resample_without_a_value(self):
        values = np.arange(6.0)[:, None]
        songs, sources = np.array([0, 1, 2, 3, 4, 4]), ["bass"] * 5 + ["vocals"]
        counts = np.array([[2, 1, 1, 1, 0], [1, 1, 1, 1, 1]], np.float32)
        found = resampled(values, songs, sources, PROTOCOLS["museval"], counts)
        assert np.isnan(found[0, 0])
        assert found[1, 0] == (2.0 + 5.0) / 2.0


class TestInterval:
    def test_of_a_mean_over_many_songs_is_students(self):
        values = np.random.default_rng(1).standard_normal((200, 1))
        found = resampled(values, np.arange(200), ["bass"] * 200, PROTOCOLS["demucs"], draws(200))
        low, high = interval(found[:, 0], float(values.mean()), 200)
        expected = stats.t.interval(0.95, 199, values.mean(), values.std(ddof=1) / np.sqrt(200))
        np.testing.assert_allclose((low, high), expected, atol=0.01)

    def test_there_is_none_of_too_few_songs(self):
        assert np.isnan(interval(np.arange(100.0), 50.0, FEWEST - 1)).all()

    @pytest.mark.parametrize("protocol", ["soundstage", "demucs"])
    def test_holds_the_true_value_in_95_percent_of_studies_whose_sources_hang_together(self, protocol):
        rng, studies, songs = np.random.default_rng(5), 400, 12
        of_song, sources = np.repeat(np.arange(songs), 4), list(SOURCES) * songs
        counts, held = draws(songs, 2000), 0
        of_all = rng.standard_normal((studies, songs, 1)) * np.sqrt(0.6) + rng.standard_normal(
            (studies, songs, 4)
        ) * np.sqrt(0.4)
        for study in of_all.reshape(studies, -1, 1):
            found = resampled(study, of_song, sources, PROTOCOLS[protocol], counts)
            value = float(np.median(study) if protocol == "soundstage" else study.mean())
            low, high = interval(found[:, 0], value, songs)
            held += low <= 0.0 <= high
        assert 0.92 <= held / studies <= 0.98  # the standard error of 400 studies is 1.1 %

    def test_is_wider_than_one_that_takes_sources_for_songs_of_their_own(self):
        values, songs, sources = scores(12)
        widths = []
        for of, count in ((songs, 12), (np.arange(48), 48)):
            found = resampled(values, of, sources, PROTOCOLS["demucs"], draws(count))
            low, high = interval(found[:, 0], float(values[:, 0].mean()), count)
            widths.append(high - low)
        assert widths[0] > 1.2 * widths[1]


class TestPaired:
    def test_agrees_with_scipy(self):
        differences = np.random.default_rng(2).normal(0.5, 1.0, 30)
        found = paired(differences)
        assert found.p_value == pytest.approx(stats.wilcoxon(differences).pvalue)
        assert (found.better, found.worse) == ((differences > 0).sum(), (differences < 0).sum())

    def test_ties_are_ties(self):
        found = paired(np.zeros(9))
        assert (found.songs, found.better, found.worse, found.ties) == (9, 0, 0, 9)
        assert (found.p_value, found.effect) == (1.0, 0.0)

    def test_what_is_rounding_alone_is_a_tie(self):
        first, second = np.array([80.0, 0.1 + 0.2, 5.0]), np.array([80.0 + 1e-12, 0.3, 4.0])
        np.testing.assert_array_equal(song_differences(first, second, np.arange(3)), [0.0, 0.0, 1.0])

    def test_sources_of_a_song_are_one_difference(self):
        first = np.array([1.0, 3.0, 5.0, 5.0])
        np.testing.assert_allclose(song_differences(first, np.zeros(4), np.array([0, 0, 1, 1])), [2.0, 5.0])

    @pytest.mark.parametrize(
        ("differences", "effect"), [([1.0, 2.0, 3.0], 1.0), ([-1.0, -2.0], -1.0), ([1.0, -1.0], 0.0)]
    )
    def test_the_effect_is_the_share_of_ranks_in_favour_less_that_against(self, differences, effect):
        assert paired(np.array(differences)).effect == pytest.approx(effect)


class TestHolm:
    def test_known_case(self):
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    def test_never_beyond_one_and_never_out_of_order(self):
        raw = np.random.default_rng(0).random(20).tolist()
        found = np.array(holm(raw))
        assert (found <= 1.0).all()
        assert (np.diff(found[np.argsort(raw)]) >= 0.0).all()

    def test_nothing_is_corrected_to_nothing(self):
        assert holm([]) == []


class TestGroups:
    def test_share_a_letter_exactly_where_they_cannot_be_told_apart(self):
        rng = np.random.default_rng(4)
        for _ in range(50):
            names = [f"m{index}" for index in range(int(rng.integers(2, 8)))]
            p_values = {pair: float(rng.random() * 0.2) for pair in combinations(names, 2)}
            letters = groups(names, p_values)
            for one, other in combinations(names, 2):
                share = bool(set(letters[one]) & set(letters[other]))
                assert share == (p_values[one, other] >= 0.05)

    def test_the_best_has_the_first_letter(self):
        p_values = {("x", "y"): 0.5, ("x", "z"): 0.01, ("y", "z"): 0.3}
        assert groups(["x", "y", "z"], p_values) == {"x": "a", "y": "ab", "z": "b"}


class TestStandings:
    def test_the_clear_winner_is_always_first(self):
        rng = np.random.default_rng(0)
        found = standings(rng.standard_normal((1000, 3)) + np.array([0.0, 50.0, 0.0]), higher_is_better=True)
        assert (found[1].ranks, found[1].best) == ((1, 1), 1.0)
        assert found[0].ranks == found[2].ranks == (2, 3)

    def test_lower_can_be_better(self):
        found = standings(np.tile([1.0, 2.0], (10, 1)), higher_is_better=False)
        assert [one.ranks for one in found] == [(1, 1), (2, 2)]

    def test_equals_share_the_first_place(self):
        found = standings(np.ones((10, 2)), higher_is_better=True)
        assert [(one.ranks, one.best) for one in found] == [((1, 1), 0.5), ((1, 1), 0.5)]


class TestSongsToShow:
    def test_agrees_with_simulation(self):
        songs = songs_to_show(0.5, 1.0)
        rng = np.random.default_rng(0)
        samples = rng.normal(0.5, 1.0, (2000, songs))
        power = np.mean([stats.wilcoxon(sample).pvalue < 0.05 for sample in samples[:600]])
        assert 0.75 <= power <= 0.87

    def test_a_smaller_effect_needs_more(self):
        assert songs_to_show(0.1, 1.0) > songs_to_show(0.5, 1.0) > songs_to_show(5.0, 1.0) > FEWEST

    def test_no_effect_cannot_be_shown(self):
        with pytest.raises(ValueError, match="above zero"):
            songs_to_show(0.0, 1.0)


class TestVarianceShares:
    def test_finds_what_each_level_adds(self):
        rng = np.random.default_rng(0)
        song, placement, left = 2.0, 1.0, 1.0  # standard deviations
        values, songs, placements = [], [], []
        for at in range(400):
            of_song = rng.normal(0.0, song)
            for where in range(3):
                of_placement = rng.normal(0.0, placement)
                for _ in range(2 + where % 2):
                    values.append(of_song + of_placement + rng.normal(0.0, left))
                    songs.append(at)
                    placements.append(where)
        found = variance_shares(np.array(values), [songs, placements])
        np.testing.assert_allclose(found, [4 / 6, 1 / 6, 1 / 6], atol=0.05)

    def test_a_level_of_one_member_adds_nothing(self):
        rng = np.random.default_rng(0)
        songs = np.repeat(np.arange(50), 4)
        found = variance_shares(rng.standard_normal(200) + songs, [songs.tolist(), [0] * 200])
        assert found[1] == 0.0
        assert sum(found) == pytest.approx(1.0)

    def test_no_differences_have_no_shares(self):
        assert variance_shares(np.zeros(8), [[0, 0, 0, 0, 1, 1, 1, 1]]) == [0.0, 0.0]
