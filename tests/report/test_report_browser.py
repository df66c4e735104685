"""The report in headless Chromium, opened from disk: it asks for nothing, complains of nothing, sorts and filters."""

import pytest

from boards import results
from browser import chromium, opened
from soundstage.contracts import Score
from soundstage.report.html.write import write_report
from studies import study

pytest.importorskip("plotly", reason="pip install 'soundstage[report]' brings the plots")
pytestmark = pytest.mark.heavy

__all__ = ["chromium", "opened"]

CONTRAST = """
() => {
  const channel = (value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("h1,h2,h3,p,th,td,a,button,label,li,figcaption,.role,.ends,.unit")) {
    const box = node.getBoundingClientRect();
    if (!node.textContent.trim() || !box.width || node.closest("svg")) continue;
    const [one, other] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) found.push(`${node.tagName}.${node.className}: ${ratio.toFixed(2)} ${node.textContent}`);
  }
  return [...new Set(found)];
}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return write_report(study(folder / "results", songs=8), folder / "report")


def ready(found):
    found.page.wait_for_selector("html[data-ready]")
    return found.page


def plots(found):
    page = ready(found)
    page.locator("#detail").scroll_into_view_if_needed()
    page.wait_for_selector("#plots[data-drawn]", timeout=60_000)
    return page


def column(page, header, table=0):
    """The texts of a column of separators' rows."""
    script = """([header, table]) => {
      const found = document.querySelectorAll("#tables table")[table];
      const heads = [...found.querySelectorAll("thead th")].map((one) => one.textContent);
      const at = heads.findIndex((one) => one.includes(header));
      return [...found.querySelectorAll("tbody:not(.apart) tr")].map((row) => row.children[at].firstChild.textContent);
    }"""
    return page.evaluate(script, [header, table])


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (360, False), (360, True)])
def test_it_asks_for_nothing_and_complains_of_nothing_on_any_screen(report, opened, width, dark):
    found = opened(report, width=width, dark=dark)
    page = plots(found)
    found.check_quiet()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.dataset.theme") == ("dark" if dark else "light")
    assert page.evaluate(CONTRAST) == []


def test_a_click_on_a_measure_sorts_by_it_and_another_turns_it(report, opened):
    page = ready(opened(report))
    button = page.get_by_role("button", name="SSR of spauq").first
    button.click()
    values = [float(text) for text in column(page, "SSR")]
    assert values == sorted(values, reverse=True)
    page.get_by_role("button", name="SSR of spauq").first.press("Enter")
    values = [float(text) for text in column(page, "SSR")]
    assert values == sorted(values)
    assert page.locator("#tables table").first.locator('th[aria-sort="ascending"]').count() == 1
    assert page.evaluate("document.activeElement.dataset.column") is not None


def test_filters_narrow_tables_rows_and_columns(report, opened):
    page = ready(opened(report))
    assert page.locator("#tables table").count() == 2
    page.get_by_label("spatializer").first.select_option("panning")
    assert page.locator("#tables h3").all_text_contents() == ["spatializer: panning"]
    page.get_by_label("source").first.select_option("*")
    assert page.locator("#tables table").count() == 4
    page.get_by_label("source").first.select_option("vocals")
    assert page.locator("#tables h3").all_text_contents() == ["spatializer: panning · source: vocals"]
    page.get_by_label("protocol").select_option("demucs")
    assert "Protocol demucs" in page.locator("#fine li").first.text_content()
    page.get_by_label("separators").fill("bet")
    assert page.locator("#tables tbody:not(.apart) tr").count() == 1
    page.locator("#filters summary").click()
    page.get_by_role("checkbox", name="SIR (bsseval)").uncheck()
    assert "SIR" not in page.locator("#tables thead").first.text_content()


def test_ceilings_and_floors_stand_apart_whatever_it_is_sorted_by(report, opened):
    page = ready(opened(report))
    page.get_by_role("button", name="ΔITD").first.click()
    roles = page.locator("#tables table").first.locator("tbody").evaluate_all("all => all.map((one) => one.className)")
    assert roles == ["apart", "apart", "", "apart"]
    assert "reference" in page.locator("#tables tbody").first.text_content()


def test_plots_have_names_and_their_numbers_as_a_table(report, opened):
    page = plots(opened(report))
    for plot in page.locator("#plots .plot").all():
        assert "the numbers are in the table below" in plot.get_attribute("aria-label")
    page.locator("#plots summary").nth(1).click()
    assert page.locator("#plots figure").nth(1).locator("tbody tr").count() > 20
    page.get_by_label("measure").select_option("1")
    page.wait_for_function("document.querySelector('#plot-atlas').getAttribute('aria-label').includes('SSR')")


def test_every_control_has_a_name(report, opened):
    page = plots(opened(report))
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, a[href], summary, [tabindex]")].filter((one) =>
          !(one.getAttribute("aria-label") || one.labels?.length || one.textContent.trim() || one.title)).length"""
    )
    assert nameless == 0


def test_nothing_moves_after_it_is_there(report, opened):
    found = opened(report)
    script = """() => new Promise((done) => {
      let sum = 0;
      const add = (one) => { sum += one.hadRecentInput ? 0 : one.value; };
      new PerformanceObserver((list) => list.getEntries().forEach(add))
        .observe({ type: "layout-shift", buffered: true });
      setTimeout(() => done(sum), 1500);
    })"""
    ready(found)
    assert found.page.evaluate(script) < 0.05


def test_the_theme_can_be_changed_and_the_plots_follow(report, opened):
    page = plots(opened(report))
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    colour = page.evaluate("document.querySelector('#plot-sources').layout.font.color")
    assert colour == page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--fg').trim()")


def test_it_prints_without_its_controls(report, opened):
    page = plots(opened(report))
    page.emulate_media(media="print")
    assert not page.locator("#filters").is_visible()
    assert page.locator("#tables table").first.is_visible()


@pytest.fixture(scope="module")
def real(shared, tmp_path_factory):
    """Real songs on KU100, ten seconds of each, with what can be listened to."""
    import soundstage

    folder = tmp_path_factory.mktemp("real")
    grid = {
        "name": "real",
        "datasets": ["musdb18hq"],
        "placements": ["frontal"],
        "spatializers": [f"hrir[hrtf='{shared / 'real' / 'sadie-ku100' / '44K_16bit'}']"],
        "separators": ["reference", "mixture", "irm", "adress", "duet"],
        "metrics": ["sdr", "spauq", "interaural"],
        "excerpt": {"seconds": 10, "where": "loudest"},
    }
    data = {"musdb18hq": shared / "real" / "musdb18hq-layout"}
    soundstage.run(grid, folder / "results", data=data, keep={"estimates"})
    return soundstage.write_report(folder / "results", folder / "report", data=data, seconds=6.0)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo grid, as `make report` shows it."""
    import soundstage

    folder = tmp_path_factory.mktemp("demo")
    soundstage.run("demo", folder / "results", keep={"estimates"})
    return soundstage.write_report(folder / "results", folder / "report")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
@pytest.mark.parametrize(("which", "songs"), [("real", {"Lithium", "Sodium"}), ("demo", {"amber-street", "night-bus"})])
def test_songs_are_shown_and_can_be_listened_to(which, songs, opened, width, dark, request):
    found = opened(request.getfixturevalue(which), width=width, dark=dark)
    page = plots(found)
    page.locator("#listen").scroll_into_view_if_needed()
    page.get_by_role("button", name="Play").wait_for()
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="adress", exact=False).first.click()
    found.check_quiet()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []
    assert songs <= set(page.evaluate("window.soundstage.scenes.map((one) => one[1])"))


def test_hostile_names_are_shown_and_not_run(tmp_path, opened):
    names = ("<img src=x onerror=window.harmed=1>", "<b>bold</b>", "</script><script>window.harmed=1</script>", "=1+1")
    scores = {(name, f"<i>{at}</i>"): [Score("<u>bass</u>", "SDR", float(at))] for at in range(6) for name in names}
    found = opened(write_report(results(tmp_path / "results", scores), tmp_path / "report"))
    page = plots(found)
    found.check_quiet()
    assert page.evaluate("window.harmed") is None
    assert page.locator("#tables img, #tables b, #tables u, #plots img").count() == 0
    assert "<b>bold</b>" in page.locator("#tables").text_content()


def test_a_study_of_50_songs_is_small_and_there_at_once(tmp_path, opened):
    models = tuple(f"model {at}" for at in range(6))
    folder = study(tmp_path / "results", songs=50, models=models, spatializers=("hrir", "kemar", "panning"))
    page = write_report(folder, tmp_path / "report")
    assert sum(file.stat().st_size for file in page.parent.rglob("*") if file.is_file()) < 25e6
    found = opened(page)
    ready(found)
    usable_ms = found.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    print(f"usable after {usable_ms / 1000:.2f} s")
    assert found.page.locator("#tables table").count() == 3
