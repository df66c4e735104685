"""What the pages say is so: links lead somewhere, files are where they are said to be, pictures show the code."""

from __future__ import annotations

import difflib
import re
import shutil
import subprocess
import sys

import pytest

import architecture
import blocks
import cards
import pages
import readme
from soundstage.catalogue.registry import Registry


def test_every_goal_that_a_page_names_is_one(root):
    goals = set(re.findall(r"^([a-z-]+):.* ## ", (root / "Makefile").read_text(), re.MULTILINE))
    for page in pages.pages().values():
        for words in re.findall(r"(?:^|`)make ([a-z -]+?)(?:`|  )", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert set(words.split()) <= goals, f"{page.name}: make {words}"


def test_the_first_page_is_narrow(root):
    for number, line in enumerate((root / "README.md").read_text(encoding="utf-8").splitlines(), start=1):
        assert len(line) <= 110, f"README.md, line {number}"


def test_every_file_that_contributing_names_is_there(root):
    core, plugins = root / "core" / "soundstage", list((root / "plugins").glob("*/soundstage_*"))
    said = set(re.findall(r"`([\w./*-]+(?:/|\.(?:py|md|toml|cff)))`", (root / "CONTRIBUTING.md").read_text()))
    assert len(said) > 25
    for name in said:
        if not {"NAME", "VERB"} & set(re.split(r"[./_]", name)):
            places = [root, core, core / "running", core / "leaderboard", core / "results", *plugins]
            assert any(list(place.glob(name.rstrip("/"))) for place in places), name


def test_every_package_and_module_of_core_is_on_contributings_map(root):
    said = (root / "CONTRIBUTING.md").read_text()
    for room in (root / "core" / "soundstage").iterdir():
        if (room / "__init__.py").exists():
            assert f"`core/soundstage/{room.name}/`: " in said, room.name


def test_make_says_what_it_can_do_and_does_nothing(root, tmp_path):
    shutil.copy(root / "Makefile", tmp_path)
    said = subprocess.run(["make"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert all(f"make {goal} " in said for goal in ("leaderboard", "quick", "test", "check", "readme"))
    assert [file.name for file in tmp_path.iterdir()] == ["Makefile"]


def test_the_picture_of_the_rooms_and_the_way_of_a_cell_are_the_codes():
    for name, made in architecture.BLOCKS.items():
        assert blocks.block(architecture.PAGE, name) == made(), f"{name}: write it again with make architecture"
    drawn = architecture.PICTURE.read_text(encoding="utf-8")
    assert drawn == architecture.picture(), "write it again with make architecture"
    for room in architecture.imports():
        assert (f">{room}</text>" in drawn) is (room not in architecture.layers()[-1]), room


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("running.gone:run", "no module running.gone"),
        ("running.runner:gone", "running.runner has no gone"),
        ("results.merge:merge", "no earlier step's file names results.merge:merge"),
    ],
)
def test_a_way_that_no_cell_goes_is_refused(step, words):
    with pytest.raises(architecture.Untrue, match=words):
        architecture.step(step, ["cli.run:command", "api:run"])


def test_an_arrow_upwards_is_seen(tmp_path, monkeypatch):
    shutil.copytree(architecture.CORE, tmp_path / "soundstage", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "soundstage" / "results" / "odd.py").write_text("from soundstage.leaderboard.build import x\n")
    monkeypatch.setattr(architecture, "CORE", tmp_path / "soundstage")
    with pytest.raises(architecture.Untrue, match="results imports leaderboard, which lies above it"):
        architecture.imports()


@pytest.mark.heavy
def test_a_page_that_shows_what_was_is_told_of(root, tmp_path):
    for folder in ("core", "docs", "tools"):
        shutil.copytree(root / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    check = [sys.executable, str(tmp_path / "tools" / "architecture.py"), "--check"]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    (tmp_path / "core" / "soundstage" / "report" / "__init__.py").write_text('"""Another promise."""\n')
    found = subprocess.run(check, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "shows what was (rooms); write it again with: make architecture" in found.stdout


NUMBER = re.compile(r"-?\d+(\.\d+)?")


def differences(shown, printed):
    """Where two tables differ by more than the last digit, which another processor may round otherwise."""
    if [NUMBER.sub("0", line).split() for line in shown] != [NUMBER.sub("0", line).split() for line in printed]:
        return list(difflib.unified_diff(shown, printed, "README.md", "printed", lineterm=""))
    pairs = [
        (left, right)
        for one, other in zip(shown, printed, strict=True)
        for left, right in zip(NUMBER.finditer(one), NUMBER.finditer(other), strict=True)
    ]
    return [
        (left[0], right[0])
        for left, right in pairs
        if abs(float(left[0]) - float(right[0])) > 1.01 * 10.0 ** -len((left[1] or ".")[1:])
    ]


@pytest.mark.heavy
def test_the_leaderboard_in_the_readme_is_what_is_printed_today(tmp_path):
    readme.run_demo(tmp_path, "--only", f"spatializers={readme.SHOWN.split()[1]}")
    shown = blocks.block(readme.PAGE, readme.NAME).splitlines()
    printed = readme.text(tmp_path).splitlines()
    assert not differences(shown, printed), "write it again with: make readme"


def test_a_table_with_another_number_or_row_is_another_one():
    shown = ["  1  duet †   3.53*  125*", "  2  adress †  0.76  385"]
    assert not differences(shown, ["  1  duet †   3.54*  126*", "  2  adress †  0.76  385"])
    assert differences(shown, ["  1  duet †   3.56*  125*", "  2  adress †  0.76  385"])
    assert differences(shown, ["  1  duet †   3.53*  125*"])
    assert differences(shown, ["  1  duet †   3.53*  125*", "  2  adress †  0.76*  385"])


def test_the_cards_are_of_the_grids_metrics_as_they_are_now():
    registry, block = Registry.load([]), blocks.block(cards.PAGE, cards.NAME)
    assert cards.revisions() in block, "a revision has been raised: make cards"
    for name in registry.grids[cards.GRID].table["metrics"]:
        for measure, about in registry.choose("metrics", name).build().measures.items():
            assert f"| {name} {about.label or measure} (" in block, f"{name} {measure}: make cards"
