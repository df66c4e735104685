"""Discovery finds every plugin, and a broken one harms nobody but itself."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from soundstage.catalogue.plugins import Catalogue, Plugin, discover
from soundstage.cli import cli
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


MARKED = "import soundstage\n@soundstage.hookimpl\n"
REGISTER = "def register_separators(register):\n    register({}, summary='A model')\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import soundstage\n" + REGISTER.format("'m', 'a:B'"), "register_separators is not marked; write @soundstage"),
        (
            REGISTER.format("'m', 'a:B'").replace("separators", "seperators"),
            "no hook; did you mean 'register_separators'",
        ),
        ("import json\n", "it has none of the hooks register_datasets, "),
        (
            "class Model: ...\n" + MARKED + REGISTER.format("'m', Model"),
            "its import path as text, 'faulty_module:Model'",
        ),
        (MARKED + REGISTER.format("'m', 'a.b.Model'"), "'a.b.Model', which is no import path; write 'a.b:Model'"),
        (MARKED + REGISTER.format("'m', 'a:b:Model'"), "which is no import path"),
        (MARKED + REGISTER.format("'m', 3"), "is registered with 3; register takes an import path"),
        (MARKED + REGISTER.format("'../m', 'a:B'"), "separator '../m' cannot be called so: it holds '/'"),
        (MARKED + REGISTER.format("'m[x=1]', 'a:B'"), "separator 'm[x=1]' cannot be called so"),
        (MARKED + REGISTER.format("'m', 'a:B', requires='torch'"), "write requires=('torch',)"),
        (MARKED + "def register_metrics(registr):\n    pass\n", "register_metrics: PluginValidationError"),
        ("import sys\nsys.exit('no licence')\n", "it ends the program (SystemExit: no licence)"),
        ("raise GeneratorExit\n", "GeneratorExit"),
        ("class Odd(BaseException): ...\nraise Odd('two\\nlines')\n", "Odd: two lines"),
        ("def broken(:\n", "SyntaxError"),
    ],
)
def test_whatever_is_wrong_with_a_plugin_is_one_sentence_where_its_name_is_asked_for(
    tmp_path, monkeypatch, source, words
):
    distribution(tmp_path, "faulty-toys", "faulty_module", source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "faulty_module", raising=False)
    catalogue = discover()
    (problem,) = catalogue.problems
    assert problem.startswith("plugin 'plugin' of faulty-toys 1.0 is broken: ")
    assert words in problem
    assert "\n" not in problem
    assert "sketches" in catalogue.plugins["datasets"]
    for verb in (["show", "my_model"], ["fetch", "my_model"], ["run", "grid.toml"], ["check", "my_model"]):
        (tmp_path / "grid.toml").write_text(
            '[grids.g]\ndatasets = ["sketches"]\nspatializers = ["original"]\nseparators = ["my_model"]\n'
            'metrics = ["sdr"]\n'
        )
        monkeypatch.chdir(tmp_path)
        refused = CliRunner().invoke(cli, verb).exception
        assert isinstance(refused, SoundstageError)
        assert problem in str(refused)
    listed = CliRunner().invoke(cli, ["list"])
    assert listed.exit_code == 0
    assert f"problem: {problem}" in listed.output


def test_what_is_wrong_with_one_plugin_takes_nothing_from_the_next(tmp_path, monkeypatch):
    source = (
        HOOK.format(name="model_good")
        + "    register('bad', int, summary='')\n    register('after', 'a:B', summary='')"
    )
    source += "\n@soundstage.hookimpl\ndef register_metrics(register):\n    raise ValueError('no')\n"
    distribution(tmp_path, "half-toys", "half_toys_module", source)
    monkeypatch.syspath_prepend(str(tmp_path))
    catalogue = discover()
    assert {"model_good", "after"} <= set(catalogue.plugins["separators"])
    assert len(catalogue.problems) == 2


def test_what_a_plugin_prints_when_imported_is_said_and_not_printed(tmp_path, monkeypatch, capsys):
    distribution(tmp_path, "loud-toys", "loud_toys_module", "print('hello')\n" + HOOK.format(name="model_loud"))
    monkeypatch.syspath_prepend(str(tmp_path))
    catalogue = discover()
    assert "model_loud" in catalogue.plugins["separators"]
    assert not catalogue.problems
    assert any("loud-toys" in notice and "'hello'" in notice for notice in catalogue.all_problems())
    assert capsys.readouterr().out == ""


def test_a_distribution_without_metadata_ends_nothing(tmp_path, monkeypatch):
    distribution(tmp_path, "bare-toys", "bare_toys_module", HOOK.format(name="model_bare"))
    (tmp_path / "bare_toys-1.0.dist-info" / "METADATA").unlink()
    (tmp_path / "rubbish-1.0.dist-info").mkdir()
    (tmp_path / "rubbish-1.0.dist-info" / "entry_points.txt").write_text("[soundstage]\nplugin = !?\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    catalogue = discover()
    assert "model_bare" in catalogue.plugins["separators"]
    assert any("unnamed" in problem for problem in catalogue.problems)


@pytest.mark.parametrize(
    ("target", "body", "words"),
    [
        ("lazy_model:Modell", "class Model: ...", "module lazy_model has no 'Modell'"),
        ("lazy_model:model", "model = 3", "has 'model', which is not a class"),
        ("lazy_model:Model", "raise ValueError('no')", "ValueError: no"),
        ("lazy_model:Model", "import sys; sys.exit(3)", "SystemExit: 3"),
        ("lazy_modell:Model", "", "No module named 'lazy_modell'"),
        ("lazy_modell:script.py", "", "there is no package lazy_modell"),
        ("lazy.modell:script.py", "", "there is no package lazy.modell"),
    ],
)
def test_a_class_that_cannot_be_had_is_a_sentence_in_show_and_ends_no_list(tmp_path, monkeypatch, target, body, words):
    (tmp_path / "lazy_model.py").write_text(body)
    source = HOOK.format(name="lazy_one").replace("nowhere:Model", target)
    distribution(tmp_path, "lazy-toys", "lazy_toys_module", source)
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("lazy_model", "lazy_toys_module"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    shown = CliRunner().invoke(cli, ["show", "lazy_one"])
    assert words in shown.output + str(shown.exception)
    assert shown.exception is None or isinstance(shown.exception, SoundstageError)
    listed = CliRunner().invoke(cli, ["list", "separators"])
    assert listed.exit_code == 0
    assert "lazy_one" in listed.output


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
