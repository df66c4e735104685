"""Builds the documentation's site from the pages of the repository: `python tools/pages.py`, or `make docs`.

Pages are plain Markdown that reads well where it lies. For the site they are laid out in build/docs: README.md becomes
the front page, a link to a file of the repository leads to a copy of it, comments go. Beside each page of the site lies
its Markdown; `llms.txt` lists them all in the order of the navigation, `llms-full.txt` holds them all.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import blocks

LAID_OUT = blocks.ROOT / "build" / "docs"
SITE = blocks.ROOT / "build" / "site"
CONFIG = blocks.ROOT / "zensical.toml"
THEME = (blocks.ROOT / "tools" / "site.css", blocks.ROOT / "tools" / "iframe-worker.js")

RENAMED = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Pages outside docs/, and what they are called on the site."""

SOURCE = "source"
"""The site's folder of copies of the repository's files."""

LINK = re.compile(r"(?<!`)(!?\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^)\s]+)\)")
COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
FENCE = re.compile(r"^( *)(`{3,})[^`\n]*\n.*?^\1\2 *$\n?", re.DOTALL | re.MULTILINE)


def pages(root: Path = blocks.ROOT) -> dict[str, Path]:
    """Every page of the site: its place there, as in `how-to/gpu.md`, and the file that it is."""
    found = {RENAMED[name]: root / name for name in RENAMED}
    docs = root / "docs"
    return found | {file.relative_to(docs).as_posix(): file for file in sorted(docs.rglob("*.md"))}


def outside_fences(text: str) -> Iterator[tuple[bool, str]]:
    """The parts of a page, in order: whether each is prose, and its text."""
    end = 0
    for fence in FENCE.finditer(text):
        yield True, text[end : fence.start()]
        yield False, fence[0]
        end = fence.end()
    yield True, text[end:]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    for is_prose, part in outside_fences(text):
        for heading in re.findall(r"^#+ (.+?)\s*$", part, re.MULTILINE) if is_prose else ():
            words = LINK.sub(lambda link: link[1][1:-1], heading)
            anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            found[anchor] = found.get(anchor, -1) + 1
    return {f"{anchor}-{again}" if again else anchor for anchor, last in found.items() for again in range(last + 1)}


def place_of(file: Path, root: Path = blocks.ROOT) -> str:
    """Where a file of the repository lies on the site. Raises SystemExit for what is not there or is no file."""
    name = file.relative_to(root).as_posix()
    if name in RENAMED:
        return RENAMED[name]
    if file.is_dir():
        first = next((file / one for one in ("README.md", "__init__.py") if (file / one).is_file()), None)
        return place_of(first, root) if first else ""
    if not file.is_file():
        raise SystemExit(f"{name} is linked to and not there")
    return name.removeprefix("docs/") if name.startswith("docs/") else f"{SOURCE}/{name}.txt"


def laid_out(page: str, file: Path, root: Path = blocks.ROOT) -> tuple[str, dict[str, Path]]:
    """A page as the site has it, and the files of the repository that it links to by their places on the site."""
    linked: dict[str, Path] = {}

    def put(found: re.Match[str]) -> str:
        words, link = found.groups()
        path, hash_, anchor = link.partition("#")
        if not path or re.match(r"[a-z]+:", link):
            return found[0]
        target = (file.parent / path).resolve()
        place = place_of(target, root)
        if not place:
            return words[1:-1]
        if place.startswith(f"{SOURCE}/"):
            linked[place] = target if target.is_file() else root / place.removeprefix(f"{SOURCE}/")[: -len(".txt")]
        up = len(PurePosixPath(page).parts) - 1
        return f"{words}({'../' * up}{place}{hash_}{anchor})"

    parts = [
        LINK.sub(put, COMMENT.sub("", text)) if prose else text for prose, text in outside_fences(file.read_text())
    ]
    return "".join(parts), linked


def lay_out(folder: Path = LAID_OUT) -> None:
    """Write all pages, pictures and linked files into the folder, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(blocks.ROOT / "docs", folder, ignore=shutil.ignore_patterns("*.md"))
    for file in THEME:
        shutil.copy(file, folder / file.name)
    for page, file in pages().items():
        text, linked = laid_out(page, file)
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(text, encoding="utf-8")
        for place, source in linked.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / place)


def navigation() -> list[tuple[str, list[str]]]:
    """The sections of the navigation and the pages of each, as zensical.toml has them."""

    def inside(held: Any) -> Iterator[str]:
        for one in held:
            if isinstance(one, str):
                yield one
            else:
                for named in one.values():
                    yield from [named] if isinstance(named, str) else inside(named)

    sections = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["project"]["nav"]
    return [
        (title, list(inside([held] if isinstance(held, str) else held)))
        for section in sections
        for title, held in section.items()
    ]


def title_and_promise(text: str) -> tuple[str, str]:
    """A page's heading, and its first sentence."""
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    if heading is None:
        raise SystemExit(f"a page has no heading: {text[:60]!r}")
    prose = "".join(part for is_prose, part in outside_fences(text[heading.end() :]) if is_prose)
    paragraphs = (" ".join(one.split()) for one in prose.split("\n\n"))
    first = next((one for one in paragraphs if one and one[0] not in "#|-!<"), "")
    plain = LINK.sub(lambda link: link[1][1:-1], first).replace("**", "")
    sentence = re.match(r".+?[.?:](?=\s|$)", plain)
    return heading[1].strip(), (sentence[0] if sentence else plain).removesuffix(":")


def index(folder: Path = LAID_OUT) -> str:
    """`llms.txt`: what Soundstage is, and every page with its first sentence (llmstxt.org)."""
    about = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["project"]
    lines = [f"# {about['site_name']}", "", f"> {about['site_description']}", ""]
    lines += ["All pages in one file: [llms-full.txt](llms-full.txt)", ""]
    for section, held in navigation():
        lines += [f"## {section}", ""]
        for page in held:
            title, promise = title_and_promise((folder / page).read_text(encoding="utf-8"))
            lines.append(f"- [{title}]({page})" + (f": {promise}" if promise else ""))
        lines.append("")
    return "\n".join(lines)


def everything(folder: Path = LAID_OUT) -> str:
    """`llms-full.txt`: every page after the other, each under the name of its file."""
    order = [page for _, held in navigation() for page in held]
    return "\n".join(f"<!-- {page} -->\n\n{(folder / page).read_text(encoding='utf-8').strip()}\n" for page in order)


def write_markdown(site: Path = SITE, folder: Path = LAID_OUT) -> None:
    """Put each page's Markdown beside its HTML, and both indexes at the top."""
    for page in pages():
        (site / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / page, site / page)
    (site / "llms.txt").write_text(index(folder), encoding="utf-8")
    (site / "llms-full.txt").write_text(everything(folder), encoding="utf-8")


def main() -> int:
    """Build the site, warnings as errors."""
    lay_out()
    shutil.rmtree(SITE, ignore_errors=True)
    build = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", str(CONFIG)]
    if subprocess.run(build, cwd=blocks.ROOT, check=False).returncode:
        return 1
    write_markdown()
    print(f"{SITE.relative_to(blocks.ROOT)}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
