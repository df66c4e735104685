"""What runs the blocks of pages fails where a page is wrong."""

from __future__ import annotations

import pytest

import fences


def page(tmp_path, text):
    """The blocks of a page of that text."""
    file = tmp_path / "page.md"
    file.write_text(text, encoding="utf-8")
    return fences.blocks_of(file)


def run(tmp_path, text):
    return fences.run_blocks(page(tmp_path, text), tmp_path)


def test_blocks_share_a_folder_names_and_exported_variables(tmp_path):
    text = """
<!-- first:
mkdir deep && export WORD=said
-->
```sh
cd deep
```
<!-- file: note.txt -->
```text
here
```
```console
$ cat note.txt && echo $WORD
here
said
```
```python
number = 1
```
```python
import pathlib
assert pathlib.Path("note.txt").read_text() == "here\\n" and number == 1
```
"""
    assert run(tmp_path, text) == 5


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("```sh\ntrue\nfalse\ntrue\n```", "line 1 ends with 1"),
        ("```sh\nfalse | cat\n```", "line 1 ends with 1"),
        ("```console\n$ echo one\ntwo\n```", "prints\none"),
        ("```python\n1 / 0\n```", "line 1: ZeroDivisionError"),
        ("<!-- first:\nfalse\n-->\n```sh\ntrue\n```", "what comes first ends with 1"),
        ("```console\necho one\n```", "begins with \\$ and a command"),
    ],
)
def test_a_block_that_goes_wrong_is_named(tmp_path, block, words):
    with pytest.raises(AssertionError, match=words):
        run(tmp_path, f"{block}\n")


def test_what_is_not_run_is_not_and_may_be_a_file_still(tmp_path):
    text = (
        "<!-- not run: why -->\n```sh\nfalse\n```\n<!-- not run: why -->\n<!-- file: a.py -->\n```python\n1 / 0\n```\n"
    )
    assert run(tmp_path, text) == 1
    assert (tmp_path / "work" / "a.py").read_text() == "1 / 0\n"


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("SDR 3.53 dB", "SDR   3.54 dB\n", True),
        ("SDR 3.53 dB", "SDR 3.55 dB", False),
        ("12 cells", "13 cells", False),
        ("run in … s; done", "run in 3.2 s; done", True),
        ("run in … s; done", "run in 3.2 s", False),
        ("one", "one two", False),
        ("-5.06", "5.06", False),
    ],
)
def test_what_is_printed_is_compared_but_for_last_digits_and_what_is_left_open(expected, printed, same):
    assert fences.alike(expected, printed) is same


def test_the_commands_of_a_script_are_read_without_what_they_write():
    script = "cat > a.toml <<'END'\nsoundstage nothing\nEND\n"
    script += "A=1 soundstage run a.toml \\\n  --out b && ls | wc # soundstage no\n"
    found = [words for words in fences.commands(script) if words]
    assert found == [["cat"], ["A=1", "soundstage", "run", "a.toml", "--out", "b"], ["ls"], ["wc"]]
