"""pdfLaTeX, where there is one."""

from __future__ import annotations

import shutil
import subprocess

import pytest

PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\usepackage{graphicx}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\begin{document}
"""


def compiled(file):
    """The log of pdfLaTeX on a file in its own folder; the test fails where it does, and skips where there is none."""
    tool = shutil.which("pdflatex")
    if tool is None:
        pytest.skip("no pdflatex here; on Debian: apt-get install texlive-latex-recommended lmodern")
    command = [tool, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, timeout=120, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-3000:]
    return log


def document(folder, text):
    """A document of that body, compiled."""
    (folder / "page.tex").write_text(f"{PREAMBLE}{text}\n\\end{{document}}\n", encoding="utf-8")
    return compiled(folder / "page.tex")
