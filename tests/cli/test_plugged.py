"""Verbs that plugins bring stand beside Soundstage's own, and a broken one costs itself alone."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from soundstage.catalogue.plugins import discover
from soundstage.catalogue.registry import Registry
from soundstage.cli import cli
from soundstage.errors import NotInstalled, SoundstageError

HOOK = """
import soundstage
@soundstage.hookimpl
def register_commands(register):
    register({name!r}, {target!r}, summary="Say it", sections=("greetings",){more})
"""
VERB = """
import click
@click.command()
def command():
    click.echo("good day")
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Installs a distribution with a verb; what it is called, where it is and what is in its modules can be chosen."""
    monkeypatch.syspath_prepend(str(tmp_path))
    installed = []

    def install(distribution, name="greet", target="", hook=HOOK, verb=VERB, more=""):
        module = distribution.replace("-", "_")
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[soundstage]\nplugin = {module}\n")
        target = target or f"{module}_verb:command"
        (tmp_path / f"{module}.py").write_text(hook.format(name=name, target=target, more=more))
        (tmp_path / f"{module}_verb.py").write_text(verb)
        installed.extend([module, f"{module}_verb"])
        return tmp_path

    yield install
    for module in installed:
        sys.modules.pop(module, None)


def asked(*words):
    """What the command line makes of these words."""
    return CliRunner().invoke(cli, list(words))


def test_a_plugins_verb_is_listed_below_soundstages_own_and_runs(plugin):
    plugin("greeting-toys")
    helped = asked("--help").output
    assert re.search(r"Commands of plugins:\n(  .*\n)*  greet +Say it\n", helped)
    assert helped.index("  provenance") < helped.index("  greet ")
    assert asked("greet").output == "good day\n"


def test_listing_a_verb_does_not_import_it(plugin):
    folder = plugin("lazy-toys", verb="raise RuntimeError('imported')")
    assert "  greet " in asked("--help").output
    heavy = {"lazy_toys_verb", "torch", "pandas", "pyarrow", "numpy"}
    code = (
        "import sys\nfrom soundstage.cli import cli\ncli.main(['--help'], standalone_mode=False)\n"
        f"sys.exit(bool({heavy!r} & set(sys.modules)))"
    )
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"verb": "import a_module_that_is_not_there"}, "soundstage greet of broken-toys cannot be used (ModuleNotF"),
        ({"verb": "import sys; sys.exit('no licence')"}, "cannot be used (SystemExit: no licence); correct, update or"),
        ({"verb": "command = 3"}, "broken_toys_verb:command is a int, not a click command; correct, update or"),
        ({"target": "broken_toys_verb:comand"}, "cannot be used (AttributeError: "),
        ({"more": ", requires=('a_module_not_there',)"}, "soundstage greet needs a_module_not_there; install it"),
        (
            {"more": ", requires=('a_module_not_there',), extra='toys[all]'"},
            "soundstage greet needs a_module_not_there: pip install 'toys[all]'",
        ),
    ],
)
def test_a_broken_verb_costs_only_itself_and_says_why(plugin, choices, words):
    plugin("broken-toys", **choices)
    plugin("working-toys", name="wave")
    refused = asked("greet").exception
    assert isinstance(refused, SoundstageError)
    assert words in str(refused)
    assert isinstance(refused, NotInstalled) == ("needs" in words)
    assert asked("wave").output == "good day\n"
    assert "  greet " in asked("--help").output
    assert asked("list", "metrics").exit_code == 0


def test_a_plugin_that_takes_the_name_of_a_verb_of_soundstage_is_refused_with_a_sentence(plugin):
    plugin("taking-toys", name="list")
    sentence = "problem: taking-toys brings a verb 'list' (taking_toys_verb:command), which is one of Soundstage's own"
    for words in (["--help"], ["list", "metrics"]):
        found = asked(*words)
        assert found.exit_code == 0
        assert sentence in found.output
        assert "good day" not in found.output
    assert "Commands of plugins" not in asked("--help").output.replace("  train ", "") or "Say it" not in found.output


def test_a_verb_that_two_plugins_claim_is_neithers(plugin):
    plugin("first-toys")
    plugin("second-toys")
    sentence = "command 'greet' is registered by first-toys (first_toys_verb:command) and second-toys"
    assert sentence in asked("--help").output
    refused = asked("greet")
    assert refused.exit_code == 2
    assert sentence in refused.output


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (HOOK.replace("register_commands", "register_comands"), "register_comands is no hook; did you mean"),
        (HOOK.replace("@soundstage.hookimpl\n", ""), "register_commands is not marked; write @soundstage.hookimpl"),
        (HOOK.replace('("greetings",)', '"greetings"'), "sections='greetings'; write sections=('greetings',)"),
        (HOOK.replace('summary="Say it"', 'sumary="Say it"'), "register_commands: TypeError"),
        (HOOK.replace("{target!r}", "'no path'"), "command 'greet' is registered with 'no path', which is no import"),
        ("import a_module_that_is_not_there", "ModuleNotFoundError"),
    ],
)
def test_what_is_wrong_with_the_hook_is_said_where_the_verb_is_missed(plugin, hook, words):
    plugin("faulty-toys", hook=hook)
    missed = asked("greet")
    assert missed.exit_code == 2
    assert "no command 'greet'" in missed.output
    assert words in missed.output
    assert asked("list", "metrics").exit_code == 0


def test_a_misspelt_verb_of_a_plugin_gets_the_nearest_one(plugin):
    plugin("near-toys", name="saxophone")
    assert "no command 'saxofone'; did you mean 'saxophone'?" in asked("saxofone").output


def test_a_section_of_the_registry_belongs_to_the_verb_that_claims_it(plugin, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('[greetings.morning]\nsummary = "Before noon"\nwords = "good morning"\n')
    with pytest.raises(SoundstageError, match="greetings"):
        Registry.load([own])
    plugin("sectioned-toys")
    held = Registry.load([own]).sections["greetings"]["morning"]
    assert held.table == {"summary": "Before noon", "words": "good morning"}
    assert held.base == tmp_path
    assert asked("list", "greetings", "--registry", str(own)).output == "greetings\n  morning  Before noon\n"
    assert asked("list", str(own)).output == "greetings\n  morning  Before noon\n\n"
    assert "morning  (greetings)\n  summary:      Before noon" in asked("show", str(own)).output
    own.write_text("[greetings]\nmorning = 3\n")
    with pytest.raises(SoundstageError, match=r"greetings: 'morning' is not a table; write \[greetings.NAME\]"):
        Registry.load([own])


def test_the_verb_on_the_page_for_plugin_authors_works(plugin, root):
    page = (root / "docs" / "plugins.md").read_text(encoding="utf-8")
    hook, verb = re.findall(r"```python\n(# my_package/\w+\.py\n.*?)```", page, re.DOTALL)
    assert hook.startswith("# my_package/hooks.py")
    plugin("page-toys", hook=hook.replace("my_package.greet", "page_toys_verb").replace("{", "{{"), verb=verb)
    assert discover().commands["greet"][0].distribution == "page-toys"
    assert asked("greet", "Ada").output == "Good day, Ada.\n"
