"""The script that states how fast the metrics must be: what is missed, or cannot be had, makes it fail."""

from __future__ import annotations

import importlib.util
import sys

import pytest


@pytest.fixture
def metrics(root, monkeypatch):
    """The script as a module, whose table is what a test says."""
    spec = importlib.util.spec_from_file_location("benchmark_metrics", root / "benchmarks" / "metrics.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "by_duration", lambda *given: None)
    monkeypatch.setattr(sys, "argv", ["metrics.py"])
    return module


def ended(module, monkeypatch, reached):
    monkeypatch.setattr(module, "table", lambda *given: reached)
    return module.main()


def test_every_bar_held_ends_with_0_and_one_missed_with_1(metrics, monkeypatch, capsys):
    held = dict(metrics.BARS)
    assert ended(metrics, monkeypatch, held) == 0
    assert "MISSED" not in capsys.readouterr().out
    for what, bar in held.items():
        assert ended(metrics, monkeypatch, held | {what: bar - 0.1}) == 1
        (line,) = [line for line in capsys.readouterr().out.splitlines() if "MISSED" in line]
        assert line.startswith(what)


def test_what_could_not_be_measured_is_missed(metrics, monkeypatch, capsys):
    known = dict(list(metrics.BARS.items())[1:])
    assert ended(metrics, monkeypatch, known) == 1
    assert "not had" in capsys.readouterr().out


def test_at_another_size_the_bars_are_told_and_not_held(metrics, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["metrics.py", "--seconds", "60"])
    assert ended(metrics, monkeypatch, {}) == 0
    assert "here they are not held" in capsys.readouterr().out
