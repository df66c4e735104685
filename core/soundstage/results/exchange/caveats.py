"""What is to be told of claims that come in together: unequal songs, and songs that models have heard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soundstage.results.exchange.claims import Claim

MUSDB18_TRAIN = frozenset(
    {
        *("A Classic Education - NightOwl", "ANiMAL - Clinic A", "ANiMAL - Easy Tiger", "ANiMAL - Rockshow"),
        *("Actions - Devil's Words", "Actions - One Minute Smile", "Actions - South Of The Water"),
        *("Aimee Norwich - Child", "Alexander Ross - Goodbye Bolero", "Alexander Ross - Velvet Curtain"),
    }
)
"""The first ten, by name, of the 100 songs of MUSDB18 that are there to train on: who scores training songs scores
some of these."""


def caveats(claims: Sequence[Claim]) -> Iterator[str]:
    """A sentence for each thing that keeps the claims from being compared as they stand."""
    yield from _unequal(claims)
    songs = {claim.labels.track for claim in claims}
    heard = songs & MUSDB18_TRAIN
    if heard:
        yield (
            f"training songs: {min(heard)} and more of the {len(songs)} songs are MUSDB18's to train on, so a model"
            " that was trained on them has heard what it is scored on"
        )


def _unequal(claims: Sequence[Claim]) -> Iterator[str]:
    """Separators that have other songs than others have."""
    songs: dict[str, set[tuple[str, str]]] = {}
    for claim in claims:
        songs.setdefault(claim.labels.separator, set()).add((claim.labels.dataset, claim.labels.track))
    if len({frozenset(one) for one in songs.values()}) < 2:
        return
    fewest, most = (pick(songs, key=lambda name: len(songs[name])) for pick in (min, max))
    shared = len(set.intersection(*songs.values()))
    yield (
        f"unequal songs: {fewest} has {len(songs[fewest])}, {most} {len(songs[most])}; medians over what each has are"
        f" not comparable, and {shared} are common to all {len(songs)}, on which alone a leaderboard compares"
    )
