"""A separator script is read without being run, and runs in an environment that is not ours."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

import soundstage
from soundstage.catalogue.parameters import constructor_parameters
from soundstage.catalogue.registry import Registry
from soundstage.errors import NotInstalled, SoundstageError
from soundstage.isolation import environment
from soundstage.isolation.script import read_script
from soundstage.isolation.separator import script_class

HEAD = """# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "numpy<3",
# ]
# ///
"""
BODY = '''"""A model of one line.

And more."""
from pathlib import Path
from typing import Literal, Optional
raise RuntimeError("this is never run here")
sources = ("vocals", "drums")
rate: int = 32000
named = True
def load(weights: Path, size: int = 3, *, how: Literal["a", "b"] = "a", maybe: float | None = None,
         also: Optional[str] = None, several: tuple[str, ...] = (), anything=7, device: str = "auto"):
    ...
'''


@pytest.fixture
def script(tmp_path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(HEAD + BODY)
    return path


def test_a_script_says_what_it_is_without_being_run(script):
    about = read_script(script)
    assert about.dependencies == ("numpy",)
    assert about.constants == {"sources": ("vocals", "drums"), "rate": 32000, "named": True}
    assert about.summary == "A model of one line."
    annotations = {parameter.name: parameter.annotation for parameter in about.parameters}
    assert annotations["weights"] is Path
    assert annotations["how"] == Literal["a", "b"]
    assert annotations["maybe"] == float | None
    assert annotations["several"] == tuple[str, ...]
    assert about.parameters[0].default is inspect.Parameter.empty


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ('"numpy"', ("numpy",)),
        (
            '"NumPy ~= 2.0 ; python_version > \'3\'", "Foo_Bar[x,y]!=1", "baz @ https://host/baz.whl"',
            ("numpy", "foo-bar", "baz"),
        ),
    ],
)
def test_requirements_are_read_however_they_are_written(tmp_path, written, names):
    (tmp_path / "model.py").write_bytes(
        b"\xef\xbb\xbf" + HEAD.replace('"numpy<3"', written).encode() + b"def load(): ..."
    )
    assert read_script(tmp_path / "model.py").dependencies == names


def test_its_parameters_are_checked_like_any_plugins(script, tmp_path):
    parameters = constructor_parameters(script_class(script))
    assert list(parameters) == ["weights", "size", "how", "maybe", "also", "several", "anything", "device"]
    assert parameters["device"].default is None  # the run's, unless it is given; no address holds it
    assert vars(script_class(script))["out_of_address"] == ("device",)
    assert parameters["weights"].required
    assert parameters["weights"].is_path
    registry = Registry.load()
    registry.extend({"separators": {"mine": {"script": "model.py"}}}, "a test", tmp_path)
    with pytest.raises(SoundstageError, match=r"needs its parameter 'weights'; give it with mine\[weights=…\]"):
        registry.choose("separators", "mine")
    with pytest.raises(SoundstageError, match="'how' cannot be 'c'; it takes 'a' or 'b'"):
        registry.choose("separators", "mine[weights=w,how=c]")
    choice = registry.choose("separators", "mine[weights=w,size=4]", tmp_path)
    assert choice.params == {"weights": tmp_path / "w", "size": 4}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def load(): ...", "no `# /// script` blocks where one was expected"),
        (HEAD + HEAD + "def load(): ...", "2 `# /// script` blocks"),
        (HEAD.replace('"numpy<3",', '"scipy",') + "def load(): ...", "numpy is not among its dependencies"),
        (
            HEAD.replace('"numpy<3",', '"numpy<<3",') + "def load(): ...",
            "'numpy<<3' among its dependencies is no requirem",
        ),
        (HEAD.replace('"numpy<3",', '"numpy", 3,') + "def load(): ...", "3 among its dependencies is no requirement"),
        (HEAD.replace("[\n", "3 # [\n", 1).replace('#   "numpy<3",\n# ]\n', "") + "def load(): ...", "must be a list"),
        (HEAD.replace(">=3.11", "python3") + "def load(): ...", "requires-python = 'python3' is no range of versions"),
        (HEAD + "def load(): ...\0", "not valid Python"),
        (HEAD + "x = " + "(" * 300 + ")" * 300 + "\ndef load(): ...", "not valid Python"),
        (HEAD.replace('"numpy<3",', '"numpy<3"]]') + "def load(): ...", "not valid TOML"),
        (HEAD + "def lode(): ...", r"defines no load\(\)"),
        (HEAD + "def load(: ...", "line 7: not valid Python"),
        (HEAD + "def load(x=print): ...", "the default of load\\(\\)'s 'x' must be a literal"),
        (HEAD + "sources = tuple(print())\ndef load(): ...", "sources must be a literal"),
    ],
)
def test_a_script_that_is_none_is_refused_with_its_name_and_the_reason(tmp_path, text, words):
    (tmp_path / "odd.py").write_text(text)
    with pytest.raises(SoundstageError, match=words) as caught:
        read_script(tmp_path / "odd.py")
    assert "odd.py" in str(caught.value)


def test_a_script_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SoundstageError, match=r"nowhere\.py: the script cannot be read"):
        read_script(tmp_path / "nowhere.py")


def test_the_text_of_a_script_is_its_revision_unless_it_declares_one(script):
    first = read_script(script).revision
    script.write_text(HEAD + BODY + "# another line\n")
    assert read_script(script).revision != first
    script.write_text(HEAD + BODY + "revision = 2\n")
    declared = read_script(script).revision
    script.write_text(HEAD + BODY + "revision = 2\n# a comment\n")
    assert read_script(script).revision == declared
    script.write_text(HEAD.replace("<3", "<2") + BODY + "revision = 2\n")
    assert read_script(script).revision != declared  # another numpy may mean other numbers


def test_an_entry_cannot_be_a_script_and_something_else():
    registry = Registry.load()
    with pytest.raises(SoundstageError, match="script: makes a separator or a metric of a file"):
        registry.extend({"separators": {"mine": {"script": "a.py", "plugin": "demucs"}}}, "a test", None)
    with pytest.raises(SoundstageError, match="script: makes a separator or a metric of a file"):
        registry.extend({"datasets": {"mine": {"script": "a.py"}}}, "a test", None)


def test_the_files_below_a_path_parameter_make_the_address(script, tmp_path):
    weights = tmp_path / "weights" / "deep"
    weights.mkdir(parents=True)
    (weights / "a.bin").write_bytes(b"a")
    separator = script_class(script)(weights=tmp_path / "weights")
    assert separator.files(None) == [weights / "a.bin"]
    for unfinished in (".lock", "b.bin.part", "b.bin.part.json"):
        (tmp_path / "weights" / unfinished).write_bytes(b"")
    assert separator.files(None) == [weights / "a.bin"]
    with pytest.raises(SoundstageError, match="neither a file nor a folder"):
        script_class(script)(weights=tmp_path / "nowhere").files(None)


def test_a_script_may_say_below_which_paths_its_weights_lie(script, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / "weights" / folder).mkdir(parents=True)
        (tmp_path / "weights" / folder / "data").write_text(folder)
    script.write_text(HEAD + BODY + 'files = ("{weights}/{how}",)\n')
    chosen = {how: script_class(script)(weights=tmp_path / "weights", how=how).files(None) for how in ("a", "b")}
    assert chosen == {how: [tmp_path / "weights" / how / "data"] for how in ("a", "b")}
    assert script_class(script)(weights=tmp_path / "weights").files(None) == chosen["a"]  # the default counts too
    script.write_text(HEAD + BODY + 'files = ("{folder}/x",)\n')
    with pytest.raises(SoundstageError, match="name no parameter of load"):
        script_class(script)(weights=tmp_path / "weights").files(None)


@pytest.mark.heavy
def test_an_environment_that_cannot_be_made_says_what_uv_says(tmp_path):
    path = tmp_path / "impossible.py"
    path.write_text(
        '# /// script\n# requires-python = ">=3.11"\n# dependencies = ["numpy==0.0.1"]\n# ///\ndef load(): ...\n'
    )
    with pytest.raises(NotInstalled, match=r"environment of impossible\.py could not be made by uv: .*numpy==0\.0\.1"):
        environment.make(read_script(path))


@pytest.mark.heavy
def test_the_documented_example_runs_with_a_numpy_of_its_own(root, tmp_path, lasting_environments, capfd):
    """examples/separator-script: what docs/separators.md shows, run as a user runs it."""
    example = root / "examples" / "separator-script"
    grid = {
        "datasets": ["sketches"],
        "spatializers": ["original"],
        "separators": ["mixture", "midside", "midside[focus=2]"],
        "metrics": ["sdr"],
    }
    for ran in (9, 0):
        summary = soundstage.run(grid, tmp_path / "out", registry=[example / "registry.toml"], workers=2)
        assert (summary.ran, summary.now) == (ran, ())
    frame = soundstage.load(tmp_path / "out")
    own = frame[frame["separator"] == "midside"]
    assert set(own[own["source"].isin(["vocals", "accompaniment"])]["status"]) == {"ok"}
    assert set(own[~own["source"].isin(["vocals", "accompaniment"])]["status"]) == {"skipped"}
    from soundstage.results.store import Store

    record = Store(tmp_path / "out").record(own["cell"].iloc[0])
    versions = record.separation.details["environment"]
    assert versions["numpy"].startswith("1.26.")
    assert versions["numpy"] != np.__version__
    assert "script" in record.separation.details["made_by"]["revision"]
    assert os.environ["SOUNDSTAGE_CACHE"] not in str(record)


def test_the_documentation_shows_the_example_as_it_is(root):
    text = (root / "docs" / "separators.md").read_text(encoding="utf-8")
    assert (root / "examples" / "separator-script" / "midside.py").read_text(encoding="utf-8") in text


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_byte_order_mark_makes_no_difference(tmp_path, newline):
    for name, encoding in (("plain.py", "utf-8"), ("marked.py", "utf-8-sig")):
        (tmp_path / name).write_bytes((HEAD + BODY).replace("\n", newline).encode(encoding))
    plain, marked = read_script(tmp_path / "plain.py"), read_script(tmp_path / "marked.py")
    assert (marked.dependencies, marked.parameters, marked.summary) == (
        plain.dependencies,
        plain.parameters,
        plain.summary,
    )


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_script_that_is_no_file_is_refused_and_not_waited_for(tmp_path, kind):
    script = tmp_path / "model.py"
    os.mkfifo(script) if kind == "pipe" else script.symlink_to("/dev/zero")
    with pytest.raises(SoundstageError, match=r"model\.py: the script is not a file"):
        read_script(script)
