"""Parts of pages that a program writes: what lies between `<!-- NAME -->` and `<!-- /NAME -->`."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def block(page: Path, name: str) -> str:
    """The block of that name, without the comments around it. Raises SystemExit where the page has none."""
    _, opened, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    inside, closed, _ = rest.partition(f"<!-- /{name} -->")
    if not opened or not closed:
        raise SystemExit(f"{page.name} has no block between <!-- {name} --> and <!-- /{name} -->")
    return inside


def put(page: Path, name: str, text: str) -> None:
    """Replace the block of that name."""
    old = block(page, name)
    before, opened, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    page.write_text(before + opened + text + rest[len(old) :], encoding="utf-8")
