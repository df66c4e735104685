"""The page of cards in headless Chromium, opened from disk: it asks for nothing and fits a phone."""

import pytest

import soundstage
from browser import chromium, opened
from soundstage.report.cards.page import write_page

pytestmark = pytest.mark.heavy

__all__ = ["chromium", "opened"]

GRID = {
    "name": "strangers",
    "datasets": ["toy[tracks=1]"],
    "placements": ["panorama"],
    "spatializers": ["panning"],
    "separators": [
        "reference",
        "mixture",
        *(f"probe[kind=gain,step={step}]" for step in (1, 3, 6)),
        "probe[kind=swap]",
    ],
    "metrics": ["skewed", "sdr"],
}


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, False), (390, True)])
def test_the_page_is_quiet_and_fits(opened, toys, tmp_path, width, dark):
    page = write_page(soundstage.metric_cards(out=tmp_path / "results", grid=GRID), tmp_path / "page")
    found = opened(page, width=width, dark=dark)
    found.check_quiet()
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    assert found.page.locator("li.finding").filter(has_text="scores as perfect: swap").count() == 1
    assert found.page.locator("svg").count() == 4
    ids = found.page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(ids) == len(set(ids))
    for link in found.page.locator("nav a").all():
        assert found.page.locator(link.get_attribute("href")).count() == 1
