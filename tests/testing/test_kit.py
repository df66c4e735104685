"""The kit itself: whatever a plugin is given as, a report; and a test for each check."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from soundstage.errors import SoundstageError
from soundstage.testing import check_placement, check_separator, conformance
from soundstage.testing.kit import checks_of
from soundstage.testing.material import Echo

QUICK = ("builds", "estimates", "silence")


def test_a_plugin_is_named_or_handed_over_as_class_maker_or_instance():
    for given in ("mixture", Echo, Echo(), lambda: Echo()):
        report = check_separator(given, only=QUICK)
        assert [result.outcome for result in report.results] == ["passed"] * 3
        report.assert_ok()


def test_a_name_that_nobody_has_and_a_check_that_there_is_none_of_are_refused():
    with pytest.raises(SoundstageError, match="did you mean 'mixture'"):
        check_separator("mixtur")
    with pytest.raises(SoundstageError, match="did you mean 'silence'"):
        check_separator("mixture", only=["silense"])


def test_a_report_is_lines_and_json():
    report = check_placement("frontal", only=["builds", "every source"])
    assert str(report).splitlines() == [
        "ok       builds",
        "ok       every source: bass 60°, drums 20°, other 350°, vocals 0°",
        "placement 'frontal': 2 of 2 checks passed",
    ]
    facts = json.loads(json.dumps(report.as_facts()))
    assert facts["ok"] is True
    assert facts["checks"][1]["promise"] == "Every source of a track gets a finite azimuth."


def test_while_a_gate_fails_the_checks_behind_it_say_nothing():
    report = check_separator(type("Nothing", (), {}))
    assert [result.name for result in report.failed] == ["estimates"]
    assert {result.sentence for result in report.skipped} == {"it says nothing while 'estimates' fails"}
    with pytest.raises(AssertionError, match="no attribute 'separate'"):
        report.assert_ok()


def test_every_check_has_a_promise_of_one_sentence():
    for kind in ("datasets", "placements", "spatializers", "separators", "metrics"):
        checks = checks_of(kind)
        assert len({check.name for check in checks}) == len(checks) > 5
        for check in checks:
            assert check.promise.endswith("."), check.name


test_the_kits_own_separator = conformance(separator=Echo, leave_out=["worker"])


def test_a_parametrised_test_takes_one_plugin_and_known_checks():
    with pytest.raises(ValueError, match="one plugin"):
        conformance(separator="a", metric="b")
    with pytest.raises(ValueError, match="the checks are builds"):
        conformance(separator="mixture", leave_out=["sound"])


def test_pytests_plugin_imports_nothing_that_takes_time():
    code = (
        "import sys, soundstage.testing.pytest_plugin\n"
        "assert not {'numpy', 'scipy', 'pandas', 'pytest', 'soundstage.testing.kit'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
