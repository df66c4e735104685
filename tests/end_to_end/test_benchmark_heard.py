"""docs/localization.md has what benchmarks/heard.py prints of published stems."""

import importlib.util

import pytest

pytestmark = pytest.mark.heavy


def test_the_page_has_the_rows_that_are_measured(root, shared, capsys):
    spec = importlib.util.spec_from_file_location("heard", root / "benchmarks" / "heard.py")
    heard = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(heard)
    heard.of_stems(shared / "real" / "spain-net-task1")
    angles, *printed = capsys.readouterr().out.splitlines()
    page = (root / "docs" / "localization.md").read_text(encoding="utf-8").replace("**", "")
    assert angles in page
    rows = [line for line in printed if line.startswith("|")][2:]
    assert len(rows) == len(heard.MODELS)
    assert [row for row in rows if row not in page] == []
