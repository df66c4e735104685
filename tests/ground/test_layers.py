"""The layout is the architecture: who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

PLUGIN_PACKAGES = {
    "soundstage_datasets",
    "soundstage_spatializers",
    "soundstage_separators",
    "soundstage_metrics",
    "soundstage_training",
}


def imported(file):
    """The modules a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            yield from [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]


def test_core_imports_no_plugin(root):
    for file in (root / "core").rglob("*.py"):
        found = {name.partition(".")[0] for name in imported(file)} & PLUGIN_PACKAGES
        assert not found, f"{file} imports {found}"


def test_core_works_without_the_built_in_plugins(root):
    code = (
        "import sys\n"
        f"sys.path[:] = [p for p in sys.path if 'plugins' not in p]\n"
        "import soundstage.api, soundstage.leaderboard.build\n"
        f"assert not {PLUGIN_PACKAGES!r} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_pipeline_knows_no_disk(root):
    for file in (root / "core" / "soundstage" / "pipeline").glob("*.py"):
        if file.stem != "dataset_check":  # says which file is odd
            assert not set(imported(file)) & {"pathlib.Path", "os", "os.path"}, file


def test_no_import_runs_upwards(root):
    pytest.importorskip("importlinter", reason="the linter of imports comes with the extra dev")
    from importlinter.cli import lint_imports

    assert lint_imports(config_filename=str(root / "pyproject.toml"), is_debug_mode=False) == 0


def test_plugins_use_the_public_rooms_of_core_alone(root):
    open_rooms = {"audio", "audio_files", "contracts", "draw", "errors", "hooks", "likeness", "regular", "scene"}
    verbs = {
        "cache",
        "catalogue",
        "cli",
        "heard",
        "pipeline",
        "planning",
        "results",
        "toml",
        "variants",
    }  # more in pyproject.toml
    for file in (root / "plugins").rglob("*.py"):
        for name in imported(file):
            if name.startswith("soundstage."):
                allowed = open_rooms | verbs if file.parent.name == "verb" else open_rooms
                assert name.split(".")[1] in allowed, f"{file} imports {name}"


def test_modules_stay_small(root):
    for folder in ("core", "plugins"):
        for file in (root / folder).rglob("*.py"):
            assert len(file.read_text(encoding="utf-8").splitlines()) <= 420, file


def test_no_module_hides_a_public_name(root):
    """A module that is imported becomes an attribute of the package, in place of a public name that it shares."""
    import soundstage

    for name in soundstage.__all__:
        assert not (root / "core" / "soundstage" / name).exists(), name
        assert not (root / "core" / "soundstage" / f"{name}.py").exists(), name


MEANS_SOMETHING_ELSE = {
    ("cli/run.py", "estimates"): "what is kept with --keep estimates",
    ("running/options.py", "estimates"): "the same",
    ("running/worker.py", "estimates"): "the same",
    ("planning/cells.py", "estimates"): "a stage in an address",
    ("results/estimates.py", "estimates"): "the folder of kept estimates",
    ("isolation/separator.py", "mixture"): "the key under which a script gets the mixture's samples",
    ("isolation/metric.py", "mixture"): "the same, of a metric script",
    ("results/exchange/toolkit.py", "community"): "the metric that the toolkit's own table is of",
    ("results/exchange/toolkit.py", "sdr"): "its measure",
    ("isolation/server.py", "mixture"): "the same",
    ("testing/watched.py", "mixture"): "what a separator is handed, in a check's sentence",
    ("running/isolated.py", "mixture"): "the same, of an isolated separator",
    ("running/host.py", "mixture"): "the same",
    ("running/provenance.py", "mixture"): "what every isolated separator is given",
    ("running/executors/steps.py", "mixture"): "the field of a scene",
    ("pipeline/tracks.py", "mixture"): "a track's own mixture",
    ("pipeline/separate.py", "mixture"): "the scene's mixture, of which a rest is what is left",
    ("rendering/folder.py", "mixture"): "the file mixture.wav",
    ("rendering/clips.py", "mixture"): "the clip of a scene's mixture",
    ("rendering/clips.py", "estimates"): "the clips of what separators made",
    ("running/two_folders.py", "estimates"): "what a folder holds, in an error's sentence",
    ("scene.py", "panning"): "a placement's panning angles",
    ("leaderboard/protocols.py", "demucs"): "the protocol by which that program's papers aggregate",
}
"""Words that are also the name of a plugin of ours: (module, word) → what it means there."""

KNOWN_FORMATS = {
    (
        "results/exchange/museval.py",
        "bsseval",
    ): "museval's JSON holds these four measures, under the name that they have",
    (
        "results/exchange/binaural_csv.py",
        "spauq_published",
    ): "the binaural paper's CSV holds the measures of that package",
    ("results/exchange/binaural_csv.py", "interaural"): "and its differences in ITD and ILD",
    (
        "leaderboard/published/comparison.py",
        "mixture",
    ): "papers print improvements over the mixture, a row of that name",
    **{
        ("results/exchange/claims.py", name): "campaigns publish rows of these names, which are no separators"
        for name in ("ibm", "irm", "mixture", "mwf", "reference")
    },
    ("report/terminal.py", "spauq_published"): "a column's header is shortened so that tables fit",
}
"""Names by which formats and papers that are not ours call what a plugin of ours computes."""


def test_core_names_no_plugin(root):
    """A default stands in registry.toml, so that other plugins may take the place of ours."""
    from soundstage.catalogue.plugins import discover

    names = {
        plugin.name
        for held in discover().plugins.values()
        for plugin in held.values()
        if plugin.distribution == "soundstage"
    }
    assert len(names) > 20
    found = set()
    core = root / "core" / "soundstage"
    for file in core.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                name = node.value.partition("[")[0].partition(".")[0]
                if name in names and not node.value.endswith("."):
                    found.add((file.relative_to(core).as_posix(), name))
    allowed = {*MEANS_SOMETHING_ELSE, *KNOWN_FORMATS}
    assert found - allowed == set(), "core names plugins"
    assert allowed - found == set(), "these are allowed and not there any more"
