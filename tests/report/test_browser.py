"""The browser that tests look at pages with misses nothing that a page asks for or complains of."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.heavy


def test_a_page_that_stays_by_itself_is_quiet(opened, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><title>x</title><script src='own.js'></script>")
    (tmp_path / "own.js").write_text("document.title = 'own'")
    found = opened(page, dark=True, width=360)
    assert found.page.title() == "own"
    assert found.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches && innerWidth === 360")
    assert len(found.requests) == 2
    found.check_quiet()


@pytest.mark.parametrize(
    "script",
    [
        "fetch('http://127.0.0.1:9/x').catch(() => 0)",
        "console.error('x')",
        "console.warn('x')",
        "setTimeout(() => { throw Error('x') })",
        "document.body.append(Object.assign(new Image(), {src: '../outside.png'}))",
    ],
)
def test_a_page_that_does_not_is_found_out(opened, tmp_path, script):
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "page.html").write_text(f"<!doctype html><title>x</title><body><script>{script}</script>")
    found = opened(folder / "page.html")
    found.page.wait_for_timeout(200)
    with pytest.raises(AssertionError):
        found.check_quiet()
