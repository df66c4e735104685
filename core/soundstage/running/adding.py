"""An entry of files that somebody has: which plugin takes them, whether they are one model's, and how it separates.

What files cannot show is found by trying: ten seconds of a known mixture, whose sources tell whether each output is
what it is called, and whether another reading of the files, such as another hop, separates better. A network that
separates nothing, as one of random weights, tells neither; then the entry says so.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from soundstage import toml
from soundstage.audio import as_samples, fit_length, resample
from soundstage.audio_files import fold
from soundstage.cache import FileHashes
from soundstage.catalogue.entries import checked_name
from soundstage.catalogue.plugins import Plugin
from soundstage.catalogue.registry import Registry
from soundstage.contracts import MakesEntries, Offer
from soundstage.errors import NotInstalled, SoundstageError
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.separate import bounded_si_sdr
from soundstage.pipeline.tracks import load_track
from soundstage.running.workbench import Workbench
from soundstage.scene import Scene
from soundstage.sources import ACCOMPANIMENT, VOCALS
from soundstage.variants import parse_variant

if TYPE_CHECKING:
    from soundstage.audio import Samples

SECONDS = 10.0

SILENT_DB, LOUD_DB = -100.0, 20.0
"""Of an output against the mixture: what is quieter is no estimate, and what is louder neither."""

TELLS_DB = 3.0
"""By so much an output must come nearer to a source than the mixture does before it is said to hold that source."""

APART_DB = 1.0
"""By so much one reading of the files must separate better than another before that is said to be the right one."""


@dataclass(frozen=True, slots=True)
class Added:
    """An entry, and what was seen of it."""

    name: str
    table: Mapping[str, Any]
    """As the registry file has it."""

    seen: Sequence[str]
    """Sentences on what was found."""

    unverified: str
    """What could not be made sure of, as a phrase; empty where nothing was left."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a separator made of the known mixture."""

    gains: Mapping[str, Mapping[str, float]]
    """Output → source → dB of SI-SDR above the mixture's; of outputs and sources that go by one name only."""

    levels_db: Mapping[str, float]
    """Output → its level against the mixture's."""

    left_db: float
    """The level of the mixture less all outputs, against the mixture's."""

    @property
    def mean(self) -> float:
        """dB by which outputs come nearer to the sources they are called after, on average; 0 where there is none."""
        own = [gains[output] for output, gains in self.gains.items()]
        return sum(own) / len(own) if own else 0.0


def add(
    files: Sequence[Path], name: str, registry: Path, known: Registry, separator: str = "", device: str = "auto"
) -> Added:
    """Make an entry of the files, try it, and write it into the registry file, which is made where it is not there.

    separator: the plugin that takes them, or a variant of it, `mss[architecture=scnet]`; found by their endings where
    it is empty. Raises SoundstageError where no plugin takes them, where they are not one model's or not the model that
    a known hash says, where the name is taken, and where what comes out of the trial cannot be right.
    """
    checked_name(name, "a separator", "--name")
    table = toml.read(registry) if registry.exists() else {}
    if name in table.get("separators", {}) or name in known.names("separators"):
        raise SoundstageError(f"'{name}' is a separator already; give the new one another name with --name")
    plugin, params = _plugin(known, files, separator)
    with named_as(f"separator '{plugin.name}'"):
        offer = cast("type[MakesEntries]", plugin.load()).offer([file.absolute() for file in files], params)
    hashes = FileHashes()
    digests = {parameter: hashes.one(Path(offer.params[parameter])) for parameter in offer.files}
    hashes.save()
    match = _known_as(known, digests)
    written = {key: str(value) if isinstance(value, Path) else value for key, value in offer.params.items()}
    entry: dict[str, Any] = {"plugin": plugin.name, "params": written, "sha256": digests, "licence": "not stated"}
    known.extend({"separators": {name: entry}}, str(registry), None)
    scene = _scene(known)
    own = _try(known, name, name, scene, device)
    seen = list(_seen(own))
    _check_order(own, name)
    doubts = [*offer.doubts, *_untold(own)]
    if match:
        seen.append(f"both files are those of the entry '{match}', by their SHA-256")
    else:
        doubts += _rivals(known, name, own, offer, scene, device, seen)
    unverified = "" if match else "; ".join(doubts)
    entry["summary"] = f"{', '.join(own.levels_db)}; added from {' and '.join(file.name for file in files)}"
    entry |= {"unverified": unverified} if unverified else {}
    _write(registry, name, entry)
    return Added(name, entry, seen, unverified)


def _plugin(known: Registry, files: Sequence[Path], separator: str) -> tuple[Plugin, dict[str, Any]]:
    """The plugin that takes the files, and the parameters that its variant gives."""
    wanted, params = parse_variant(separator) if separator else ("", {})
    taking = {name: plugin for name, plugin in known.catalogue.plugins["separators"].items() if plugin.takes}
    for file in files:
        if not file.is_file():
            raise SoundstageError(f"{file}: no such file; give the model's files")
    able = {name: one for name, one in taking.items() if all(file.suffix.lower() in one.takes for file in files)}
    if wanted:
        able = {wanted: known.catalogue.get("separators", wanted)}
        if not able[wanted].takes:
            raise SoundstageError(f"separator '{wanted}' makes no entries of files; those that do: {', '.join(taking)}")
    if not able:
        each = "; ".join(f"{name} takes {', '.join(plugin.takes)}" for name, plugin in taking.items())
        raise SoundstageError(
            f"no separator takes {' and '.join(file.name for file in files)}: {each or 'none takes any'}"
        )
    if len(able) > 1:
        raise SoundstageError(f"several separators take these files: {', '.join(able)}; say which with --separator")
    [plugin] = able.values()
    if trouble := plugin.unusable():
        raise NotInstalled(f"separator '{plugin.name}' {trouble}")
    return plugin, dict(params)


def _known_as(known: Registry, digests: Mapping[str, str]) -> str:
    """The entry whose files these are, by their hashes; empty where none says so.

    Raises SoundstageError where an entry has one of the files and states another hash for the other.
    """
    for name, entry in known.entries["separators"].items():
        stated = {file.parameter: file.sha256 for file in entry.weights.files} if entry.weights else {}
        stated = {**stated, **entry.sha256}
        whole = {
            parameter: digest for parameter, digest in stated.items() if len(digest) == 64 and parameter in digests
        }
        same = {parameter for parameter, digest in whole.items() if digests[parameter] == digest}
        if same and same == set(digests):
            return name
        main = next(iter(digests))
        if main in same:
            for parameter in set(whole) - same:
                raise SoundstageError(
                    f"this {main} is that of the entry '{name}', and this {parameter} is not: its SHA-256 is"
                    f" {digests[parameter]} where {whole[parameter]} was published; use the one that belongs to it"
                )
    return ""


def _scene(known: Registry) -> Scene:
    """Ten seconds of known sources: the tracks of the trial's dataset one after the other, each stem as it is."""
    choice = known.choose("datasets", known.defaults.trial)
    dataset = choice.build()
    tracks = [load_track(dataset, choice.label, track_id) for track_id in dataset.track_ids()]
    rate, sources = tracks[0].rate, list(tracks[0].stems)
    alike = [track for track in tracks if track.rate == rate and list(track.stems) == sources]
    length = int(SECONDS * rate)
    references = {}
    for source in sources:
        whole = np.concatenate(
            [np.broadcast_to(track.stems[source], (2, track.stems[source].shape[1])) for track in alike], 1
        )
        references[source] = np.tile(whole, -(-length // whole.shape[1]))[:, :length].astype(np.float64)
    return Scene(rate, np.sum(list(references.values()), axis=0), references)


def _try(known: Registry, name: str, variant: str, scene: Scene, device: str) -> Trial:
    """What the variant makes of the scene. Raises SoundstageError where that is not finite, silent, or far too loud."""
    separator: Any = Workbench(device).separator(known.choose("separators", variant))
    rate = int(getattr(separator, "rate", None) or scene.rate)
    with named_as(f"separator '{name}', on {SECONDS:g} s of known sources"):
        found = separator.separate(resample(scene.mixture, scene.rate, rate).copy(), rate)
        samples = round(scene.mixture.shape[1] * rate / scene.rate)
        images = {
            str(output): fit_length(
                resample(as_samples(image, f"output '{output}'", length=samples), rate, scene.rate),
                scene.mixture.shape[1],
            )
            for output, image in found.items()
        }
        levels = {output: _level_db(image, scene.mixture) for output, image in images.items()}
        for output, level in levels.items():
            if level < SILENT_DB:
                raise SoundstageError(f"its output '{output}' is silent; no model of music is, of music")
            if level > LOUD_DB:
                raise SoundstageError(
                    f"its output '{output}' is {level:.0f} dB louder than the mixture; the files are not one model's"
                )
    references = dict(scene.references)
    if VOCALS in references:
        references[ACCOMPANIMENT] = scene.mixture - references[VOCALS]
    called = {output: source for output in images for source in references if fold(output) == fold(source)}
    several = len(images) > 1  # of one output it is asked whether it is anything else
    wanted = [source for source in references if source in called.values() or not several]
    gains = {
        source: {other: _gain(references[other], images[output], scene.mixture) for other in wanted}
        for output, source in called.items()
    }
    left = scene.mixture - np.sum(list(images.values()), axis=0)
    return Trial(gains, levels, float(_level_db(left, scene.mixture)))


def _gain(reference: Samples, image: Samples, mixture: Samples) -> float:
    return bounded_si_sdr(reference, image) - bounded_si_sdr(reference, mixture)


def _level_db(samples: Samples, mixture: Samples) -> float:
    return float(10 * np.log10(max(float(np.mean(samples**2)), 1e-30) / float(np.mean(mixture**2))))


def _seen(own: Trial) -> Iterator[str]:
    for output, level in own.levels_db.items():
        gain = next((own.gains[source][source] for source in own.gains if fold(source) == fold(output)), None)
        told = "" if gain is None else f", and comes {gain:+.1f} dB nearer to that source than the mixture is"
        yield f"output '{output}' is {level:+.1f} dB against the mixture{told}"
    if len(own.levels_db) > 1:
        yield f"the mixture less all outputs is {own.left_db:+.1f} dB against the mixture"


def _check_order(own: Trial, name: str) -> None:
    """Raise SoundstageError where two outputs or more each hold a source that another one is called after, or where the
    only one holds another.
    """
    holds = {output: max(gains, key=lambda source: gains[source]) for output, gains in own.gains.items()}
    moved = {
        output: source for output, source in holds.items() if source != output and own.gains[output][source] >= TELLS_DB
    }
    alone = len(own.levels_db) == 1 and any(own.gains[output][output] <= 0 for output in moved)
    if alone or len(set(moved.values()) & set(moved)) >= 2:
        each = ", ".join(f"'{output}' holds the {source}" for output, source in moved.items())
        raise SoundstageError(
            f"separator '{name}': its outputs are in another order than the files say: {each}; get the file that names"
            " the outputs as it came with the checkpoint"
        )


def _untold(own: Trial) -> list[str]:
    """Phrases on outputs of which the trial does not tell whether they are what they are called."""
    untold = [output for output, gains in own.gains.items() if gains[output] < TELLS_DB]
    if not own.gains:
        return ["none of its outputs is called after a source of the trial, so what they are called is not checked"]
    if len(untold) == len(own.gains):
        return [
            "it separates nothing of the trial, as random weights would, or another model's YAML, so it cannot be told"
            " whether its outputs are what they are called"
        ]
    return [f"it cannot be told whether '{output}' is what it is called" for output in untold]


def _rivals(
    known: Registry, name: str, own: Trial, offer: Offer, scene: Scene, device: str, seen: list[str]
) -> Iterator[str]:
    """Phrases on other readings of the files that might be right as well.

    Raises SoundstageError where one separates better than the files' own.
    """
    if not offer.rivals:
        return
    worse: dict[str, float] = {}
    for phrase, params in offer.rivals.items():
        given = ",".join(f"{key}={value}" for key, value in params.items())
        try:
            rival = _try(known, name, f"{name}[{given}]", scene, device)
        except SoundstageError:
            worse[phrase] = float("inf")  # no network takes it
            continue
        if rival.mean >= max(own.mean + APART_DB, TELLS_DB):
            raise SoundstageError(
                f"separator '{name}': with {phrase} it separates better than as the files say, by"
                f" {rival.mean - own.mean:.1f} dB; so they are not one model's: get those that came together"
            )
        worse[phrase] = own.mean - rival.mean
    if own.mean < TELLS_DB:
        yield f"it cannot be told whether {' or '.join(offer.rivals)} is right"
        return
    alike = [phrase for phrase, by in worse.items() if by < APART_DB]
    apart = [f"{phrase} ({by:.1f} dB)" for phrase, by in worse.items() if APART_DB <= by < float("inf")]
    if apart:
        seen.append(f"it separates worse with {', '.join(apart)}")
    if alike:
        yield f"it separates as well with {' or '.join(alike)}"


def _write(file: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Add the entry to the registry file, which keeps what is in it letter by letter."""
    import tomli_w

    before = file.read_text(encoding="utf-8") if file.exists() else ""
    gap = "" if not before or before.endswith("\n\n") else "\n" if before.endswith("\n") else "\n\n"
    text = before + gap + tomli_w.dumps({"separators": {name: dict(entry)}}).removeprefix("[separators]\n")
    toml.parse(text, str(file))
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
