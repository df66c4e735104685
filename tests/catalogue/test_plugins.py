"""Discovery finds every plugin, and a broken one harms nobody but itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from soundstage.catalogue.plugins import Catalogue, Plugin, discover
from soundstage.errors import SoundstageError, UnknownName


def distribution(folder, name, module, source, version="1.0"):
    """A minimal installed distribution with one entry point."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[soundstage]\nplugin = {module}\n")
    (folder / f"{module}.py").write_text(source)


HOOK = """
import soundstage
@soundstage.hookimpl
def register_separators(register):
    register({name!r}, "nowhere:Model", summary="A model")
"""


def test_the_built_in_plugins_come_in_through_the_entry_point_group():
    catalogue = discover()
    assert not catalogue.problems
    assert {plugin.distribution for held in catalogue.plugins.values() for plugin in held.values()} >= {"soundstage"}
    assert "sketches" in catalogue.plugins["datasets"]
    assert "spauq" in catalogue.plugins["metrics"]


def test_a_distribution_that_fails_to_import_is_named_and_the_others_go_on(tmp_path, monkeypatch):
    distribution(tmp_path, "broken-toys", "broken_toys_module", "import a_module_that_is_not_there")
    distribution(tmp_path, "working-toys", "working_toys_module", HOOK.format(name="model_w"))
    monkeypatch.syspath_prepend(str(tmp_path))
    catalogue = discover()
    assert len(catalogue.problems) == 1
    assert "broken-toys" in catalogue.problems[0]
    assert "a_module_that_is_not_there" in catalogue.problems[0]
    assert "model_w" in catalogue.plugins["separators"]
    assert "sketches" in catalogue.plugins["datasets"]


def test_a_hook_that_is_misspelt_is_a_problem_and_not_silence(tmp_path, monkeypatch):
    source = "import soundstage\n@soundstage.hookimpl\ndef register_seperators(register):\n    pass\n"
    distribution(tmp_path, "misspelt-toys", "misspelt_toys_module", source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert any("misspelt-toys" in problem and "register_seperators" in problem for problem in discover().problems)


def test_a_hook_that_raises_is_a_problem(tmp_path, monkeypatch):
    source = HOOK.format(name="model_r").replace("summary=", "sumary=")  # misspelt on purpose
    distribution(tmp_path, "raising-toys", "raising_toys_module", source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert any("raising-toys" in problem and "summary" in problem for problem in discover().problems)


def test_two_distributions_with_the_same_entry_point_name_are_both_found(tmp_path, monkeypatch):
    distribution(tmp_path, "one-toys", "one_toys_module", HOOK.format(name="model_one"))
    distribution(tmp_path, "two-toys", "two_toys_module", HOOK.format(name="model_two"))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"model_one", "model_two"} <= set(discover().plugins["separators"])


def test_two_plugins_that_claim_one_name_are_an_error_that_names_both(tmp_path, monkeypatch):
    distribution(tmp_path, "mine-toys", "mine_toys_module", HOOK.format(name="claimed"))
    distribution(tmp_path, "yours-toys", "yours_toys_module", HOOK.format(name="claimed"))
    monkeypatch.syspath_prepend(str(tmp_path))
    catalogue = discover()
    with pytest.raises(SoundstageError, match=r"mine-toys.*yours-toys"):
        catalogue.get("separators", "claimed")
    assert any("mine-toys" in problem and "yours-toys" in problem for problem in catalogue.all_problems())


def test_the_same_name_in_two_kinds_is_no_clash():
    catalogue = Catalogue()
    catalogue.add(Plugin("metrics", "same", "a:B", "x", "1", ""))
    catalogue.add(Plugin("separators", "same", "a:B", "x", "1", ""))
    assert not catalogue.clashes


def test_an_unknown_name_gets_the_nearest_one_suggested():
    with pytest.raises(UnknownName, match="did you mean 'interaural'"):
        discover().get("metrics", "interaurall")


def test_a_plugin_says_what_it_lacks_without_importing_it():
    plugin = Plugin("separators", "m", "a:B", "x", "1", "", requires=("json", "not_a_module"), extra="soundstage[m]")
    assert plugin.missing() == ["not_a_module"]
    assert plugin.unusable() == "needs not_a_module: pip install 'soundstage[m]'"


def test_a_target_that_is_not_in_its_module_is_a_sentence():
    with pytest.raises(SoundstageError, match="module json has no 'Nothing'"):
        Plugin("separators", "m", "json:Nothing", "x", "1", "").load()


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "--help"]])
def test_help_and_list_import_neither_torch_nor_pandas_nor_matplotlib(arguments):
    code = (
        "import sys\n"
        "from soundstage.cli import main\n"
        f"sys.argv = ['soundstage', *{arguments!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'tensorflow', 'pandas', 'matplotlib', 'scipy', 'pyarrow', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_what_required_says_is_what_the_constructors_require():
    from soundstage.catalogue.parameters import constructor_parameters

    for held in discover().plugins.values():
        for plugin in held.values():
            parameters = constructor_parameters(plugin.load()).values()
            assert {one.name for one in parameters if one.required} == set(plugin.required), plugin.name
