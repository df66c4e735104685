"""The reference is what docstrings, registry and `--help` say today."""

from __future__ import annotations

import reference


def test_the_reference_is_written_from_what_there_is_today():
    assert not reference.stale(), "write it again with: make reference"


def test_a_page_that_shows_what_was_or_should_not_be_there_is_told_of(tmp_path, monkeypatch, capsys):
    wanted = {"index.md": "# Reference\n", "python.md": "# Python\n"}
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    monkeypatch.setattr(reference, "made", lambda: wanted)
    monkeypatch.setattr("sys.argv", ["reference.py"])
    assert reference.main() == 0
    assert reference.stale() == []
    (tmp_path / "python.md").write_text("# Python, as it was\n")
    (tmp_path / "gone.md").write_text("# Gone\n")
    monkeypatch.setattr("sys.argv", ["reference.py", "--check"])
    assert reference.main() == 1
    assert "shows what was (gone.md, python.md); write it again with: make reference" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["reference.py"])
    assert reference.main() == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["index.md", "python.md"]


def test_a_docstring_reads_as_it_was_written_with_its_parameters_set_out():
    def gain_db(power, floor):
        """The gain of a*b, `a*b`, <here>.

        power, floor: of what. It is power: no parameter here.
        """

    text = reference.docstring(gain_db, ["power", "floor"])
    assert text.startswith("The gain of a\\*b, `a*b`, \\<here>.\n\n**`power`**, **`floor`**: of what.")
