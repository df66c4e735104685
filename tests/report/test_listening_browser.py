"""The listening room in a browser: what is rendered when one switches, loops and guesses; and anybody can use it."""

from __future__ import annotations

import json
import random
import shutil

import numpy as np
import pytest
from scipy.stats import binomtest

import soundstage
from soundstage.leaderboard.examples import choose
from soundstage.rendering.clips import write_clips
from soundstage.results.loading import load_results

pytestmark = pytest.mark.heavy

SCRIPTS = ("listen-sound.js", "listen-draw.js", "listen-picture.js", "listen-blind.js", "listen.js")
GRID = {
    "name": "room",
    "datasets": ["sketches"],
    "tracks": ["low-tide", "night-bus"],
    "placements": ["frontal"],
    "spatializers": ["panning"],
    "separators": ["mixture", "irm", "duet"],
    "metrics": ["spauq"],
}
FADE_S = 0.005
HOSTILE = '</script><img src=x onerror="window.owned=1">\u202egnp\x1b[2J"\'`${1}' + "x" * 300


def page_of(root, folder, listening, options="{}"):
    """A page with the room alone."""
    assets = root / "core" / "soundstage" / "report" / "html" / "assets"
    for name in (*SCRIPTS, "listen.css"):
        shutil.copy(assets / name, folder / name)
    data = json.dumps(listening).replace("<", "\\u003c")
    scripts = "".join(f"<script src='{name}'></script>" for name in SCRIPTS)
    (folder / "page.html").write_text(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<title>Listen</title><link rel=stylesheet href=listen.css><body><main id=room></main>"
        f"<script type='application/json' id=data>{data}</script>{scripts}<script>"
        "const data = JSON.parse(document.getElementById('data').textContent);"
        f"window.room = soundstageListen.mount(document.getElementById('room'), data, {options});</script>"
    )
    return folder / "page.html"


@pytest.fixture(scope="module")
def report(tmp_path_factory, root):
    """A folder with clips of two songs and three separators, and what they are."""
    folder = tmp_path_factory.mktemp("report")
    soundstage.run(GRID, folder / "results")
    heard = write_clips(folder / "results", folder / "clips", choose(load_results(folder / "results")), seconds=3.0)
    assert heard.notes == ()
    page_of(root, folder, heard.listening)
    return folder, heard.listening


@pytest.fixture
def room(opened, report):
    """The page, its first row loaded."""

    def open_room(**options):
        found = opened(report[0] / "page.html", **options)
        found.page.evaluate("room.ready")
        return found

    return open_room


RENDER = """async ({buffers, levels, seconds, loop, looping, start, heard, switches, rate}) => {
    const made = Object.fromEntries(Object.entries(buffers).map(([name, values]) => {
        const buffer = new AudioBuffer({numberOfChannels: 1, length: values.length, sampleRate: rate});
        buffer.copyToChannel(Float32Array.from(values), 0);
        return [name, buffer];
    }));
    const context = new OfflineAudioContext(1, Math.round(seconds * rate), rate);
    const deck = new soundstageSound.Deck(context, made, levels);
    if (loop) deck.loop = loop;
    deck.looping = looping;
    deck.start(start, 0.01, heard);
    deck.smoothSeams(seconds);
    for (const [name, when] of switches) deck.hear(name, when);
    return {
        samples: Array.from((await context.startRendering()).getChannelData(0)),
        positions: Array.from({length: 10}, (_, n) => deck.position((n + 1) * seconds / 11)),
    };
}"""


def rendered(page, buffers, *, heard, seconds=1.0, switches=(), levels=None, loop=None, start=0.0, rate=8000):
    """What a listener hears from 10 ms on, and where the deck says it is at ten moments."""
    found = page.evaluate(
        RENDER,
        {
            "buffers": {name: np.asarray(values).tolist() for name, values in buffers.items()},
            "levels": levels or dict.fromkeys(buffers, 1.0),
            "heard": heard,
            "seconds": seconds,
            "switches": switches,
            "loop": loop,
            "start": start,
            "rate": rate,
            "looping": loop is not None,
        },
    )
    return np.array(found["samples"]), found["positions"]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (360, False), (360, True)])
def test_the_room_asks_for_nothing_complains_of_nothing_and_fits(room, width, dark):
    found = room(width=width, dark=dark)
    assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found.page.get_by_role("button", name="duet", exact=True).click()
    found.page.get_by_role("combobox", name="Source", exact=True).select_option("bass")
    found.page.wait_for_function("!room.play.disabled")
    found.check_quiet()
    assert found.page.evaluate("document.querySelectorAll('head script').length") == 0


def test_a_switch_keeps_the_position_to_the_sample_and_each_is_at_its_level(room):
    rng = np.random.default_rng(0)
    buffers = {name: rng.uniform(-0.5, 0.5, 12000) for name in "abc"}
    levels = {"a": 0.5, "b": 1.0, "c": 0.25}
    samples, positions = rendered(
        room().page, buffers, heard="a", levels=levels, start=0.3, switches=[["b", 0.3], ["c", 0.6], ["a", 0.8]]
    )
    began, offset, fade = 80, 2400, round(FADE_S * 8000)
    for name, start, stop in (("a", 80 + fade, 2400), ("b", 2400, 4800), ("c", 4800, 6400), ("a", 6400, 8000)):
        inside = slice(start + fade + 1, stop)
        expected = levels[name] * buffers[name][offset - began :][inside]
        np.testing.assert_allclose(samples[inside], expected, atol=1e-6)
    np.testing.assert_allclose(positions, [0.3 + (n + 1) / 11 - 0.01 for n in range(10)], atol=1e-9)


def test_a_switch_does_not_click(room):
    flat = {"up": np.full(8000, 0.5), "down": np.full(8000, -0.5)}
    hasty = [["down", 0.2], ["up", 0.201], ["down", 0.202], ["up", 0.5], ["down", 0.5001]]
    samples, _ = rendered(room().page, flat, heard="up", seconds=0.9, switches=hasty)
    allowed = 1.0 / (FADE_S * 8000)
    assert np.max(np.abs(np.diff(samples))) < 1.01 * allowed
    assert samples[-1] == pytest.approx(-0.5)
    assert samples[0] == 0.0


def test_switching_on_a_reports_own_clips_neither_jumps_nor_clicks(room):
    page = room().page
    found = page.evaluate(
        """async () => {
        const {buffers, levels, clip} = room;
        const context = new OfflineAudioContext(1, clip.rate, clip.rate);
        const deck = new soundstageSound.Deck(context, buffers, levels);
        deck.start(0.5, 0, "reference");
        deck.hear(room.items.find((one) => one.separator === "duet").key, 0.5);
        const mono = (buffer) => buffer.getChannelData(0).map((left, n) => (left + buffer.getChannelData(1)[n]) / 2);
        const key = room.items.find((one) => one.separator === "duet").key;
        return {rate: clip.rate, before: levels.reference, after: levels[key],
            samples: Array.from((await context.startRendering()).getChannelData(0)),
            reference: Array.from(mono(buffers.reference)), estimate: Array.from(mono(buffers[key]))};
    }"""
    )
    rate, samples = found["rate"], np.array(found["samples"])
    half, fade = rate // 2, round(FADE_S * rate) + 1
    reference = found["before"] * np.array(found["reference"])[half : half + rate]
    estimate = found["after"] * np.array(found["estimate"])[half : half + rate]
    np.testing.assert_allclose(samples[fade:half], reference[fade:half], atol=1e-5)
    np.testing.assert_allclose(samples[half + fade :], estimate[half + fade :], atol=1e-5)
    own = max(np.max(np.abs(np.diff(reference))), np.max(np.abs(np.diff(estimate))))
    apart = np.max(np.abs(reference - estimate)[half : half + fade])
    assert np.max(np.abs(np.diff(samples[half - 5 : half + fade + 5]))) <= own + apart / (FADE_S * rate) + 1e-5


def test_a_loop_comes_round_to_its_beginning_without_a_click(room):
    ramp = np.linspace(-0.8, 0.8, 8000)
    samples, positions = rendered(room().page, {"a": ramp}, heard="a", loop=[0.25, 0.5], start=0.4, seconds=0.9)
    assert np.max(np.abs(np.diff(samples))) < 1.05 * 0.8 / (FADE_S * 8000)
    expected = [0.25 + (0.15 + max(0.0, (n + 1) * 0.9 / 11 - 0.01)) % 0.25 for n in range(10)]
    np.testing.assert_allclose(positions, expected, atol=1e-6)
    at = [round((n + 1) * 0.9 / 11 * 8000) for n in range(10)]
    np.testing.assert_allclose(samples[at], [ramp[round(place * 8000)] for place in expected], atol=1e-3)


def test_a_start_outside_the_loop_begins_it(room):
    _, positions = rendered(room().page, {"a": np.zeros(8000)}, heard="a", loop=[0.25, 0.9], start=0.95, seconds=0.3)
    assert positions[-1] == pytest.approx(0.25 + 0.3 * 10 / 11 - 0.01)


def test_matched_levels_are_those_of_the_reference_and_nothing_exceeds_full_scale(room):
    measured = {
        "reference": {"rms": 0.1, "peak": 0.8},
        "quiet": {"rms": 0.01, "peak": 0.2},
        "residual": {"rms": 0.003, "peak": 0.01},
        "silent": {"rms": 0.0, "peak": 0.0},
        "faint": {"rms": 0.001, "peak": 0.002},
    }
    page = room().page

    def gains(matched):
        return page.evaluate(
            "([measured, matched]) => soundstageSound.gains(measured, 'reference', matched, {residual: 'quiet'})",
            [measured, matched],
        )

    found = gains(True)
    levels = found["gains"]
    assert levels["quiet"] * 0.01 == pytest.approx(levels["reference"] * 0.1)
    assert levels["residual"] == levels["quiet"]
    assert max(levels[name] * measured[name]["peak"] for name in measured) == pytest.approx(1.0)
    assert found["downDb"] == pytest.approx(20 * np.log10(10 * 0.2))
    assert levels["silent"] == levels["reference"]
    assert levels["faint"] / levels["reference"] == pytest.approx(10**1.5)
    true = gains(False)
    assert set(true["gains"].values()) == {1.0}
    assert true["downDb"] == 0.0
    own = page.evaluate("({levels: room.levels, measured: room.measured})")
    loud = {name: own["levels"][name] * one["rms"] for name, one in own["measured"].items() if "residual" not in name}
    assert max(loud.values()) == pytest.approx(min(loud.values()), rel=1e-4)


def test_the_residual_is_the_estimate_minus_the_reference(room):
    found = room().page.evaluate(
        """() => { const key = room.items.find((one) => one.of === 'duet');
        const of = (name) => Array.from(room.buffers[name].getChannelData(1).slice(0, 20000));
        return [of(key.key), of(key.estimate.key), of('reference')]; }"""
    )
    residual, estimate, reference = map(np.array, found)
    assert np.max(np.abs(residual)) > 0.001
    np.testing.assert_allclose(residual, estimate - reference, atol=1e-6)


def test_clips_come_back_at_their_true_level(room, report):
    _, listening = report
    own, mixture = room().page.evaluate("[room.measured.mixture.peak, room.clip.clips.mixture]")
    assert own == pytest.approx(listening[0]["scale"][mixture], abs=1e-4)


def test_the_chance_of_guessing_is_the_binomial_one(room):
    pairs = [(right, trials) for trials in (1, 2, 5, 16, 40, 200) for right in range(0, trials + 1, 3)]
    found = room().page.evaluate("pairs => pairs.map(([r, n]) => soundstageBlind.guessing(r, n))", pairs)
    expected = [binomtest(right, trials, alternative="greater").pvalue for right, trials in pairs]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_of_a_hidden_identical_pair_nobody_does_better_than_chance(room):
    page = room().page
    page.get_by_role("combobox", name="B", exact=True).select_option("reference")
    page.evaluate("(() => { let s = 7; room.blind.random = () => (s = (s * 16807) % 2147483647) / 2147483647; })()")
    page.get_by_role("button", name="Begin blind test").click()
    answers = random.Random(1)
    guesses = [answers.choice("AB") for _ in range(200)]
    page.evaluate(
        "guesses => { for (const one of guesses) [...document.querySelectorAll('button')]"
        ".find((button) => button.textContent === 'X is ' + one).click(); }",
        guesses,
    )
    text = page.locator(".listen-abx p").first.text_content()
    right = int(text.split(" of ")[0])
    assert " of 200 right" in text
    assert 77 <= right <= 123  # 99.9 % of guessers
    assert page.evaluate("new Set(room.blind.trials.done.map(({x}) => x)).size") == 2
    assert page.evaluate("room.blind.trials.chance") == pytest.approx(
        binomtest(right, 200, alternative="greater").pvalue
    )


def test_who_hears_the_difference_is_told_how_sure_that_is_and_may_reveal_the_last(room):
    page = room().page
    page.get_by_role("button", name="Begin blind test").click()
    for _ in range(10):
        page.get_by_role("button", name=f"X is {page.evaluate('room.blind.trials.x')}").click()
    assert "10 of 10 right; guessing does as well or better with p < 0.001" in page.locator(".listen-abx").inner_text()
    last = page.evaluate("room.blind.trials.done.at(-1).x")
    page.get_by_role("button", name="Reveal the last one").click()
    name = {"A": "Reference", "B": page.evaluate("room.items[2].label")}[last]
    assert f"The last X was {last}, {name}: your answer was right." in page.locator(".listen-abx").inner_text()


def test_nothing_on_the_page_tells_what_x_is(room):
    page = room().page
    pages = []
    for drawn in (0.1, 0.9):
        page.evaluate("drawn => { room.blind.random = () => drawn; }", drawn)
        page.get_by_role("button", name="Begin blind test").click()
        page.evaluate("room.pause()")
        page.evaluate("room.replay(0.5)")
        assert page.evaluate("room.blind.key") == page.evaluate(f"room.items[{1 if drawn < 0.5 else 2}].key")
        pages.append(page.locator("#room").inner_html())
        assert page.get_by_role("button", name="Mixture", exact=True).is_disabled()
        assert page.locator("canvas").evaluate("one => getComputedStyle(one).visibility") == "hidden"
        page.get_by_role("button", name="End blind test").click()
    assert pages[0] == pages[1]
    assert page.get_by_role("button", name="Mixture", exact=True).is_enabled()


def test_the_keyboard_does_all_that_the_mouse_does(room):
    found = room()
    page = found.page
    picture = page.get_by_role("slider")
    picture.focus()
    assert picture.evaluate("one => getComputedStyle(one).outlineStyle") != "none"

    def heard():
        return page.locator("button[aria-pressed=true][title]").get_attribute("aria-label")

    assert heard() == "Reference"
    page.keyboard.press("1")
    assert heard() == "Mixture"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert heard() == "irm"
    page.keyboard.press("ArrowUp")
    assert heard() == "Reference"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert picture.get_attribute("aria-valuenow") == "1.1"
    page.keyboard.press("[")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("]")
    assert page.evaluate("room.loop") == pytest.approx([1.1, 2.1])
    assert "Loop from 0:01.1 to 0:02.1" in page.get_by_role("status").text_content()
    page.keyboard.press("Home")
    assert page.evaluate("room.loop") is None
    page.keyboard.press("m")
    assert page.get_by_role("button", name="Level-matched").get_attribute("aria-pressed") == "false"
    page.keyboard.press("Space")
    page.wait_for_function("room.where() > 0.2")
    assert page.get_by_role("button", name="Pause").is_visible()
    page.keyboard.press("4")
    page.wait_for_function("room.where() > 0.5")
    assert page.evaluate("room.deck.heard") == page.evaluate("room.items[3].key")
    page.keyboard.press("Space")
    assert page.get_by_role("button", name="Play").is_visible()
    page.keyboard.press("x")
    assert page.get_by_role("button", name="Hear X").get_attribute("aria-pressed") == "true"
    page.keyboard.press("a")
    assert page.get_by_role("button", name="Hear A").get_attribute("aria-pressed") == "true"
    assert page.get_by_role("button", name="Level-matched").get_attribute("aria-pressed") == "true"
    found.check_quiet()


def test_a_drag_loops_and_a_click_goes_there(room):
    page = room().page
    picture = page.get_by_role("slider")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    y = box["y"] + 20
    page.mouse.click(box["x"] + box["width"] / 2, y)
    assert page.evaluate("room.where()") == pytest.approx(1.5, abs=0.02)
    page.mouse.move(box["x"] + box["width"] / 3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 2 / 3, y)
    page.mouse.up()
    assert page.evaluate("room.loop") == pytest.approx([1.0, 2.0], abs=0.02)
    page.get_by_role("button", name="Whole clip").click()
    assert page.evaluate("room.loop") is None


def test_a_worst_second_is_one_click_away(room, report):
    _, listening = report
    page = room().page
    name = page.locator(".listen-worst select").input_value()
    worst = min(
        ((second, clip) for clip in listening for second in clip["worst"] if second["separator"] == name),
        key=lambda one: one[0]["value"],
    )
    buttons = page.locator(".listen-worst button")
    assert 1 <= buttons.count() <= 10
    buttons.first.click()
    page.wait_for_function("room.deck?.playing")
    second, clip = worst
    assert page.evaluate("[room.clip.id, room.source, room.item().label]") == [clip["id"], second["source"], name]
    assert page.evaluate("room.deck.offset") == pytest.approx(second["at_s"])


def test_of_hasty_choices_the_last_one_holds(room):
    page = room().page
    last = page.evaluate("room.listening.length - 1")
    answers = page.evaluate(
        """async (last) => { await room.start(0);
        return await Promise.all([room.choose(last, 'drums'), room.choose(0, 'bass'), room.choose(last, 'bass')]); }""",
        last,
    )
    assert answers == [False, False, True]
    assert page.evaluate("[room.at, room.source]") == [last, "bass"]
    file = page.evaluate("room.item().file")
    assert page.evaluate("file => room.buffers.reference === room.decoded.get(file)", file)
    assert page.evaluate("room.deck.playing")
    page.locator(".listen-worst button").first.click()
    page.locator(".listen-worst button").last.click()
    page.wait_for_function("room.deck?.playing")
    second = page.evaluate("room.deck.offset")
    value = page.locator(".listen-worst button").last.text_content()
    assert value.endswith(page.evaluate("at => soundstageDraw.time(room.clip.start_s + at)", second))


def test_every_control_has_a_name_and_states_are_told(room):
    page = room().page
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, select, [role=slider], [role=group], [role=img]')]
        .filter((one) => !(one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent).trim())
        .length"""
    )
    assert nameless == 0
    assert page.get_by_role("img").get_by_text("vocals at").count() == 1
    assert page.get_by_role("status").count() == 1
    assert "ITD" in page.get_by_role("slider").get_attribute("aria-valuetext")
    small = page.evaluate(
        "[...document.querySelectorAll('button')].filter((one) => one.offsetParent && one.offsetHeight < 24)"
    )
    assert small == []


@pytest.mark.parametrize("dark", [False, True])
def test_texts_stand_out_from_what_is_behind_them(room, dark):
    found = room(dark=dark).page.evaluate(
        """() => {
        const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map((one) => one / 255)
            .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const behind = (one) => { for (; one; one = one.parentElement) {
            const colour = getComputedStyle(one).backgroundColor;
            if (!/, 0\\)/.test(colour)) return colour; } };
        return [...document.querySelectorAll('.listen p, .listen label, .listen h4, .listen button, .listen summary')]
            .filter((one) => one.offsetParent && one.textContent.trim() && !one.disabled).map((one) => {
            const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
            return [(a + 0.05) / (b + 0.05), one.textContent.slice(0, 40)]; });
    }"""
    )
    assert len(found) > 10
    assert [one for one in found if one[0] < 4.5] == []


def test_nothing_moves_when_the_sound_comes(opened, report):
    found = opened(report[0] / "page.html")
    shifts = found.page.evaluate(
        """async () => { await room.ready; await new Promise((done) => setTimeout(done, 300));
        return await new Promise((done) => { new PerformanceObserver((list) =>
            done(list.getEntries().reduce((sum, one) => sum + one.value, 0)))
            .observe({type: 'layout-shift', buffered: true}); setTimeout(() => done(0), 300); }); }"""
    )
    assert shifts < 0.01


@pytest.mark.parametrize(
    "angles", [[80, 85, 90, 95, 100], [0, 0, 0, 0], [-170, 180, -175, 175, 10], [-90, 90], [-1, -2, -3, -4, -5, -6]]
)
def test_names_in_the_scene_cover_no_other_and_stay_inside(room, angles):
    azimuths = {f"source number {n}": angle for n, angle in enumerate(angles)}
    boxes, inside = room().page.evaluate(
        """azimuths => {
        const picture = soundstageDraw.scene(azimuths, null, Object.keys(azimuths)[0]);
        document.querySelector('.listen-panel').replaceChildren(picture);
        const {x, y, width, height} = picture.viewBox.baseVal;
        const boxes = [...picture.querySelectorAll('text')].map((one) => one.getBBox())
            .map((one) => [one.x, one.y, one.x + one.width, one.y + one.height]);
        return [boxes, boxes.every(([a, b, c, d]) => a >= x && b >= y && c <= x + width && d <= y + height)];
    }""",
        azimuths,
    )
    assert len(boxes) == len(angles)
    assert inside
    for n, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:n]:
            assert left >= other[2] or right <= other[0] or top >= other[3] - 4 or bottom <= other[1] + 4


def test_hostile_names_are_only_ever_text(opened, report, root, tmp_path):
    folder, listening = report
    text = json.dumps(listening[0])
    for name in ("low-tide", "night-bus", "duet", "vocals", "panning"):
        text = text.replace(json.dumps(name)[1:-1], json.dumps(f"{name}{HOSTILE}")[1:-1])
    shutil.copytree(folder / "clips", tmp_path / "clips")
    found = opened(page_of(root, tmp_path, [json.loads(text)]), width=360)
    found.page.evaluate("room.ready")
    found.page.get_by_role("button", name=f"duet{HOSTILE}", exact=True).click()
    assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found.page.get_by_role("button", name="Begin blind test").click()
    assert found.page.evaluate("window.owned === undefined && document.querySelectorAll('img').length === 0")
    found.check_quiet()


def test_a_clip_that_is_missing_is_said(opened, report, root, tmp_path):
    found = opened(page_of(root, tmp_path, report[1]))
    found.page.evaluate("room.ready")
    assert "This cannot be played: clips/" in found.page.locator(".listen-note").first.text_content()


def test_clips_are_loaded_once_a_reader_comes_near(opened, report, root, tmp_path):
    shutil.copytree(report[0] / "clips", tmp_path / "clips")
    page = page_of(root, tmp_path, report[1])
    page.write_text(page.read_text().replace("<body>", "<body><div style='height: 9000px'></div>"))
    found = opened(page)
    found.page.wait_for_timeout(300)
    assert not [address for address in found.requests if "/clips/" in address]
    assert found.page.get_by_role("button", name="Play").is_disabled()
    found.page.locator("#room").scroll_into_view_if_needed()
    found.page.wait_for_function("!room.play.disabled")
    found.check_quiet()


def test_without_clips_the_room_says_so(opened, root, tmp_path):
    found = opened(page_of(root, tmp_path, []))
    assert found.page.locator("#room").text_content() == "There are no clips in this report."
    found.check_quiet()


def test_a_spectrum_is_at_its_frequency_and_level(room):
    found = room().page.evaluate(
        """() => { const size = 2048, wave = (bin, amplitude) => Float64Array.from({length: size},
            (_, n) => amplitude * Math.cos(2 * Math.PI * bin * n / size));
        const power = soundstageSound.spectrum(wave(100, 1), wave(300, 0.5), size);
        return [power.length, power[100], power[300], power.reduce((a, b) => a + b) - power[100] - power[300]]; }"""
    )
    assert found[0] == 1025
    assert found[1:] == pytest.approx([1024.0**2, 512.0**2, 0.0], abs=1e-6)


def test_opus_clips_play_too(opened, report, root, tmp_path):
    folder, _ = report
    examples = choose(load_results(folder / "results"))[:1]
    heard = write_clips(folder / "results", tmp_path / "clips", examples, seconds=1.0, form="opus")
    found = opened(page_of(root, tmp_path, heard.listening))
    found.page.evaluate("room.ready")
    own = found.page.evaluate(
        "({rates: Object.values(room.buffers).map((one) => one.sampleRate), measured: room.measured})"
    )
    assert set(own["rates"]) == {48000}
    assert all(one["peak"] > 0 for one in own["measured"].values())
    found.check_quiet()


def test_the_room_prints_with_scene_and_pictures_and_without_controls(room):
    page = room().page
    page.emulate_media(media="print")
    assert page.locator("canvas").is_visible()
    assert page.locator(".listen-scene").is_visible()
    assert not page.get_by_text("Begin blind test").is_visible()
    assert not page.locator(".listen-play").is_visible()
    assert isinstance(page.pdf(), bytes)
