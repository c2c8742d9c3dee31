"""The page of ``nsid identify`` in a real browser: rows, sound, keys, a phone, both schemes."""

from dataclasses import replace

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from helpers.browser import BROWSER, DRIVER, opened, requested
from helpers.findings import LOOP, findings
from helpers.tunes import put, tune
from neuralsampleid.exports.text import as_text
from neuralsampleid.library.answer import Findings, QueryAnswers
from neuralsampleid.report.page.answers import answer_page
from neuralsampleid.report.page.html import render_page

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="no Chromium with its driver (Debian: chromium-driver)",
)
LONG = "a_very_long_name_" * 12
CONTROLS = "a[href], button, select, summary, [tabindex]"
# Contrast of every text on the page with what is behind it, as WCAG 2 defines it.
CONTRASTS = """
const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
  .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
  .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0.05);
function behind(one) {
  for (; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)") return colour;
  }
}
return [...document.querySelectorAll("body *")]
  .filter((one) => one.getClientRects().length && [...one.childNodes].some(
    (node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
  .map((one) => {
    const style = getComputedStyle(one);
    const [low, high] = [light(one.closest("svg") ? style.fill : style.color), light(behind(one))]
      .sort((one, other) => one - other);
    return [high / low, one.textContent];
  });
"""


def written(folder, found):
    path = folder / "answers.html"
    path.write_text(render_page(answer_page(found, audio=True)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What was found, with sound for it. Do not change."""
    folder = tmp_path_factory.mktemp("answers")
    (query, nothing, broken), music = findings().queries, folder / "music"
    for name in ("soul/old.ogg", "jazz.wav", f"{LONG}.wav"):
        put(music / name, tune(len(name), 70.0))
    put(folder / f"{LONG}.wav", tune(0, 60.0))
    long = replace(query.answers[1], paths=[f"{LONG}.wav"], matches=LOOP[:2])
    answers = [*query.answers, long]
    query = QueryAnswers(str(folder / f"{LONG}.wav"), 60.0, answers, query.tags)
    return Findings(["library"], str(music), [query, nothing, broken], [f"{LONG}, {LONG}"])


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    with opened(written(tmp_path_factory.mktemp("page"), made)) as driver:
        yield driver


def test_rows_are_those_of_the_text(page, made):
    lines = [line for line in as_text(made).splitlines() if " ← " in line]
    rows = [row.text.split(" ▶")[0] for row in page.find_elements(By.CSS_SELECTOR, ".links li")]
    assert rows == [line.strip() for line in lines]
    titles = [one.text for one in page.find_elements(By.CSS_SELECTOR, "h3")]
    assert titles == ["1. The Olds – So Old", "2. jazz.wav", f"3. {LONG}.wav"]
    summary = page.find_element(By.TAG_NAME, "summary").text
    assert f"{LONG}.wav: 1:00" in summary
    assert "One" in summary
    assert "80 of 100 answers with this probability" in page.find_element(By.TAG_NAME, "main").text
    assert requested(page) == {page.current_url}


def sounds(page, button):
    names = button.get_attribute("data-clips").split()
    return [page.find_element(By.ID, f"clip-{name}") for name in names]


def test_both_sides_play_together(page):
    """The reference at the query's tempo, until either ends."""
    (both, *_) = [one for one in page.find_elements(By.TAG_NAME, "button") if "both" in one.text]
    query, reference = sounds(page, both)
    both.click()
    WebDriverWait(page, 10).until(lambda _: query.get_property("currentTime") > 0.5)
    times = page.execute_script(
        "return [...arguments].map((one) => one.currentTime)", query, reference
    )
    assert times[1] == pytest.approx(1.1 * times[0], abs=0.1)
    assert both.get_attribute("aria-pressed") == "true"
    WebDriverWait(page, 10).until(lambda _: both.get_attribute("aria-pressed") == "false")
    assert [one.get_property("paused") for one in (query, reference)] == [True, True]
    alone = page.find_elements(By.CSS_SELECTOR, ".links li:first-child button")[1]
    assert alone.text == "▶ reference"
    alone.click()
    WebDriverWait(page, 10).until(lambda _: reference.get_property("currentTime") > 0)
    assert reference.get_property("playbackRate") == 1
    alone.click()


def test_tab_and_enter_reach_every_control(page):
    page.find_element(By.ID, "open").click()  # all queries
    every = [one for one in page.find_elements(By.CSS_SELECTOR, CONTROLS) if one.is_displayed()]
    reached = []
    for _ in range(2 * len(every)):  # from the button on, to the end and from the start
        ActionChains(page).send_keys(Keys.TAB).perform()
        reached.append(page.switch_to.active_element)
    assert {one.id for one in every} <= {one.id for one in reached}
    for button in page.find_elements(By.CSS_SELECTOR, "button[data-clips]"):
        button.send_keys(Keys.ENTER)
        WebDriverWait(page, 5).until(lambda _, one=button: one.get_attribute("aria-pressed"))
        assert button.get_attribute("aria-pressed") == "true"
        button.send_keys(Keys.ENTER)
        assert button.get_attribute("aria-pressed") == "false"
    details, summary = (page.find_element(By.TAG_NAME, name) for name in ("details", "summary"))
    summary.send_keys(Keys.ENTER)
    assert not details.get_property("open")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_in_either_scheme(made, tmp_path, scheme):
    with opened(written(tmp_path, made), 390, 800, scheme) as driver:
        driver.find_element(By.ID, "open").click()
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
        for button in driver.find_elements(By.TAG_NAME, "button"):
            assert button.rect["height"] >= 30  # a finger's
            assert button.rect["x"] + button.rect["width"] <= 390
        contrasts = driver.execute_script(CONTRASTS)
        assert len(contrasts) > 20
        assert [text for contrast, text in contrasts if contrast < 4.5] == []
        background = driver.find_element(By.TAG_NAME, "body").value_of_css_property("background")
        assert ("rgb(255, 255, 255)" in background) == (scheme == "light")
