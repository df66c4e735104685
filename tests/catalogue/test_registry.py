"""Names resolve through registry.toml, a user's TOML and what is installed."""

from __future__ import annotations

import pytest

from soundstage.catalogue.registry import Registry, shipped_registry
from soundstage.errors import SoundstageError
from soundstage.planning.grid import find_grid, read_grid
from soundstage.planning.request import plan_of


def load(tmp_path, text):
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return Registry.load([file])


def test_every_shipped_entry_and_grid_resolves():
    registry = Registry.load()
    for kind, entries in registry.entries.items():
        for entry in entries.values():
            registry.catalogue.get(kind, entry.plugin)
    for name in registry.grids:
        grid = find_grid(name, registry)
        for kind, texts in grid.axes.items():
            for text in texts:
                registry.entry(kind, text.partition("[")[0])
    assert "[grids.demo]" in shipped_registry()


def test_a_users_toml_extends_and_overrides(tmp_path, toys):
    registry = load(tmp_path, '[separators.quiet]\nplugin = "noisy"\nsummary = "Quiet"\nparams = {level = 0.01}\n')
    choice = registry.choose("separators", "quiet")
    assert choice.params == {"level": 0.01}
    assert choice.plugin.name == "noisy"
    assert registry.choose("separators", "quiet[level=0.3]").params == {"level": 0.3}
    assert registry.choose("separators", "noisy").params == {}


def test_relative_paths_start_at_the_toml_that_says_them(tmp_path):
    registry = load(tmp_path, '[separators.d1]\nplugin = "estimates"\nparams = {root = "stems/d1"}\n')
    assert registry.choose("separators", "d1").params == {"root": tmp_path / "stems" / "d1"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[separators.x\n", "not valid TOML"),
        ("[seperators.x]\n", "seperators: is no key here; did you mean 'separators'"),
        (
            '[separators.x]\nplugn = "irm"\n',
            "separators.x.plugn: is no key here; did you mean 'plugin'?; parameters of the plugin go under params",
        ),
        ("[separators.x]\nparams = 3\n", "separators.x.params: is 3; write params = { parameter = value }"),
        ("separators = 3\n", "not a table"),
        ("[separators]\nx = 3\n", "not a table"),
        ("[separators.x]\nplugin = 3\n", 'separators.x.plugin: is 3; write plugin = "…"'),
        ("[separators.x]\nparams = {when = 2024-01-01}\n", "params: holds datetime.date(2024, 1, 1); a parameter is"),
        ('[separators.x]\nscript = "~nobody-of-that-name/m.py"\n', "nobody here has the home folder of"),
        ('[separators."../x"]\n', "cannot be called '../x': it holds '/'"),
        ('[grids."a\\u0000b"]\n', "holds the character NUL"),
        ('[grids."nul.1"]\n', "Windows takes it for a device"),
        ("[defaults]\nplacement = 1\n", "defaults.placement: is no key here; did you mean 'placements'"),
    ],
)
def test_a_malformed_toml_is_one_sentence_with_the_file(tmp_path, text, sentence):
    with pytest.raises(SoundstageError, match=r"mine\.toml") as error:
        load(tmp_path, text)
    assert sentence in str(error.value)


def test_a_missing_toml_is_one_sentence(tmp_path):
    with pytest.raises(SoundstageError, match="no such file"):
        Registry.load([tmp_path / "not.toml"])


def test_a_required_parameter_that_is_missing_says_how_to_give_it():
    registry = Registry.load()
    with pytest.raises(SoundstageError, match="--data musdb18hq=PATH"):
        registry.choose("datasets", "musdb18hq")
    with pytest.raises(SoundstageError, match=r"estimates\[root=…\]"):
        registry.choose("separators", "estimates")


def test_a_separator_without_its_files_costs_its_own_cells_and_says_how_to_get_them(tmp_path):
    """A scene cannot be without its data set; the other separators can do without one whose files nobody has named."""
    file = tmp_path / "own.toml"
    file.write_text(
        '[separators.mine]\nplugin = "estimates"\ndata = "root"\ndownload = "make it, and PATH is what was made"\n'
    )
    registry = Registry.load([file])
    asked = "--data mine=PATH: make it, and PATH is what was made"
    assert registry.unusable(registry.entry("separators", "mine")) == f"needs {asked}"
    assert registry.choose("separators", "mine").lacking == f"needs its parameter 'root'; give it with {asked}"
    grid = {**GRID, "separators": ["mixture", "mine"]}
    plan = plan_of(grid, registry=[file])
    problems = {cell.separator.label: cell.problem for cell in plan.cells}
    assert problems["mixture"] is None
    assert problems["mine"].status == "not-installed"
    assert problems["mine"].error == f"separator 'mine' needs its parameter 'root'; give it with {asked}"
    registry.set_roots({"mine": tmp_path})
    found = registry.choose("separators", "mine")
    assert (found.lacking, found.params["root"]) == ("", tmp_path)


def test_a_name_of_another_kind_says_so():
    with pytest.raises(SoundstageError, match="'irm' is not one of the metrics but one of the separators"):
        Registry.load().choose("metrics", "irm")


def test_data_gives_a_dataset_its_root(tmp_path):
    registry = Registry.load()
    registry.set_roots({"musdb18hq": tmp_path})
    assert registry.choose("datasets", "musdb18hq").params["root"] == tmp_path
    with pytest.raises(SoundstageError, match="did you mean 'musdb18hq'"):
        registry.set_roots({"musdb18": tmp_path})


GRID = {"datasets": ["sketches"], "spatializers": ["original"], "separators": ["mixture"], "metrics": ["sdr"]}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"metric": ["sdr"]}, "metric: is no key here; did you mean 'metrics'"),
        ({"metrics": "sdr"}, 'metrics: is \'sdr\'; write metrics = ["…", "…"]'),
        ({"metrics": []}, "metrics: is empty"),
        ({"separators": ["irm", "irm"]}, "separators: 'irm' stands twice; remove one"),
        ({"seeds": [0.5]}, "seeds: holds 0.5; every entry must be a whole number, as in seeds = [0]"),
        ({"seeds": [True]}, "seeds: holds True; every entry must be a whole number"),
        ({"seeds": [-1]}, "seeds: is -1; write a whole number that is not negative"),
        ({"seeds": [2**64]}, "write a whole number of at most 64 bits"),
        ({"seeds": [1, 1]}, "seeds: 1 stands twice"),
        ({"revision": "2"}, "revision: is '2'; write revision = a whole number"),
        ({"summary": 3}, 'summary: is 3; write summary = "…"'),
        ({"parts": 3}, "parts: is 3"),
        ({"name\n": 3}, "is no key here"),
    ],
)
def test_a_malformed_grid_is_one_sentence(change, sentence):
    with pytest.raises(SoundstageError, match="grid 'mine'") as error:
        read_grid("mine", {**GRID, **change}, None)
    assert sentence in str(error.value)


def test_a_grid_file_brings_its_own_entries(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(
        '[separators.half]\nplugin = "adress"\n[grids.study]\nrevision = 4\ndatasets = ["sketches"]\n'
        'spatializers = ["original"]\nseparators = ["half"]\nmetrics = ["sdr"]\n'
    )
    registry = Registry.load()
    grid = find_grid(file, registry)
    assert (grid.name, grid.revision, grid.axes["placements"]) == ("study", 4, ("frontal",))
    assert registry.choose("separators", "half").plugin.name == "adress"


def test_a_file_of_two_grids_asks_which(tmp_path):
    body = 'datasets = ["sketches"]\nspatializers = ["original"]\nseparators = ["irm"]\nmetrics = ["sdr"]\n'
    file = tmp_path / "two.toml"
    file.write_text(f"[grids.a]\n{body}[grids.b]\n{body}")
    with pytest.raises(SoundstageError, match=r"declares 2 grids \(a, b\); pick one"):
        find_grid(file, Registry.load())
    assert find_grid(f"{file}:b", Registry.load()).name == "b"
    with pytest.raises(SoundstageError, match="declares no grid 'c'"):
        find_grid(f"{file}:c", Registry.load())


def test_an_unknown_grid_gets_the_nearest_one_suggested():
    with pytest.raises(SoundstageError, match="unknown grid 'dmeo'; did you mean 'demo'"):
        find_grid("dmeo", Registry.load())


def test_what_a_grid_file_says_wrong_is_named_with_file_and_place(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text("[grids.study]\n" + "".join(f"{key} = {value}\n" for key, value in GRID.items()) + "seeds = 3\n")
    with pytest.raises(SoundstageError, match=r"study\.toml: grids\.study\.seeds: is 3; write seeds = \[0\]"):
        find_grid(file, Registry.load())


def test_defaults_stand_in_the_registry_and_a_users_toml_goes_before(tmp_path):
    body = 'datasets = ["sketches"]\nspatializers = ["hrir"]\nseparators = ["irm"]\nmetrics = ["sdr"]\n'
    file = tmp_path / "mine.toml"
    file.write_text(f'[defaults]\nplacements = ["panorama"]\nscore = {{ metrics = ["sdr"] }}\n[grids.g]\n{body}')
    registry = Registry.load()
    assert find_grid(file, registry).axes["placements"] == ("panorama",)
    assert registry.defaults.metrics == ("sdr",)
    assert registry.defaults.dataset == "folder"
    assert read_grid("g", GRID, None).axes["placements"] == ("frontal",)


@pytest.mark.parametrize(
    "name", ["..", ".", "a/b", "a\\b", "C:x", "", " ", "con", "LPT1.wav", "tab\tname", "x" * 300, "a."]
)
def test_a_grids_name_is_never_a_path(name):
    with pytest.raises(SoundstageError, match="cannot be called"):
        read_grid(name, GRID, None)


STATED = {
    "htdemucs": ["musdb18hq:train", "more"],
    "htdemucs_ft": ["musdb18hq:train", "more"],
    "hdemucs_mmi": ["musdb18hq:train", "more"],
    "mdx_extra": ["musdb18hq", "more"],
    "umx": ["musdb18hq:train"],
    "umxhq": ["musdb18hq:train"],
    "umxl": ["more"],
    "spleeter_2stems": ["more", "not musdb18hq"],
    "spleeter_4stems": ["more", "not musdb18hq"],
    "spleeter_5stems": ["more", "not musdb18hq"],
}


def test_what_models_were_trained_on_is_what_their_publishers_state():
    entries = Registry.load().entries["separators"]
    assert {name: list(entries[name].trained_on or ()) for name in STATED} == STATED


def test_an_entry_says_what_it_was_trained_on_of_its_own_weights_alone(toys, tmp_path):
    registry = Registry.load()
    (tmp_path / "model.th").write_bytes(b"0123456789")
    files = [{"url": "https://example.org/model.th", "sha256": "84d89877"}]
    weights = {"parameter": "folder", "licence": "MIT", "files": files}
    facts = {"plugin": "weighty", "weights": weights, "trained_on": ["musdb18hq:train"]}
    registry.extend({"separators": {"mine": facts}}, "mine.toml", None)
    assert registry.choose("separators", "mine").trained_on == ("musdb18hq:train",)
    assert registry.choose("separators", f"mine[folder={tmp_path}]").trained_on is None
    registry.set_roots({"mine:folder": tmp_path})
    assert registry.choose("separators", "mine").trained_on is None


@pytest.mark.parametrize("stated", ["musdb18hq", [1], ["two words"], ["more", "not more"], {"musdb18hq": "train"}])
def test_what_is_stated_in_no_such_words_is_refused(stated):
    with pytest.raises(SoundstageError, match=r"mine\.toml: separators\.mine\.trained_on"):
        Registry.load().extend({"separators": {"mine": {"plugin": "irm", "trained_on": stated}}}, "mine.toml", None)
