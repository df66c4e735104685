"""Writes docs/report.png, the README's picture: the demo's report as headless Chromium shows it.

    python tools/picture.py REPORT

REPORT: a folder that `soundstage report` wrote. Chromium is the system's own, or what $CHROMIUM names.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "report.png"
NAMES = ("chromium", "chromium-browser", "google-chrome")


def main(report: Path) -> None:
    """Take the picture: the leaderboard's second table, the atlas and the listening room, side by side."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        sys.exit("no Chromium here: install it, or name one in $CHROMIUM")
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        page.goto((report / "index.html").resolve().as_uri())
        page.wait_for_selector("html[data-ready]")
        page.get_by_label("spatializer").first.select_option("hrir")
        songs = page.locator("#listen select").first
        songs.select_option(label=next(name for name in songs.locator("option").all_text_contents() if "hrir" in name))
        page.locator("#detail").scroll_into_view_if_needed()
        page.wait_for_selector("#plots[data-drawn]")
        page.wait_for_timeout(2000)
        page.add_style_tag(content="#plots figure:nth-child(n + 3), #notes, footer { display: none }")
        page.screenshot(path=PICTURE, full_page=True)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
