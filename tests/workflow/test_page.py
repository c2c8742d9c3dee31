"""The report's page in a real browser: its numbers, its filters, its sound, and no network."""

import json

import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from helpers.browser import BROWSER, DRIVER, opened, requested
from helpers.workflow import RESULTS

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="no Chromium with its driver (Debian: chromium-driver)",
)
SYSTEM = "proposed"  # the first of the micro configuration


@pytest.fixture(scope="module")
def report(finished):
    return finished / RESULTS / "report"


@pytest.fixture(scope="module")
def page(report):
    with opened(report / "index.html") as driver:
        yield driver


def shown(driver, selector="details.query"):
    return [one for one in driver.find_elements(By.CSS_SELECTOR, selector) if one.is_displayed()]


def choose(driver, name, value):
    Select(driver.find_element(By.ID, name)).select_by_value(value)


def test_the_main_table_shows_the_metrics(page, report):
    metrics = pd.read_csv(report / "metrics.csv")
    whole = metrics[(metrics["group"] == "all") & (metrics["metric"] == "map")].set_index("system")
    header, *rows = [
        [cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")]
        for row in page.find_elements(By.CSS_SELECTOR, "#results tr")
    ]
    assert header[:3] == ["System", "Tracks", "mAP (%)"]
    shown = {"random": "Random ranking"}
    names = [shown.get(name, name.replace("_", " ").capitalize()) for name in whole.index]
    assert [row[0] for row in rows] == names
    for row, (_, told) in zip(rows, whole.iterrows(), strict=True):
        value, low, high = (f"{100 * told[name]:.1f}" for name in ("value", "low", "high"))
        assert row[1:3] == [f"{told['queries']:.0f}", f"{value} [{low}–{high}]"]


def test_every_query_is_there_with_its_rank_and_tracks(page, report):
    folder = report.parent / "evaluation" / SYSTEM
    judged = pd.read_csv(folder / "per_query.csv")
    judged = judged[judged["task"] == "full_track"].set_index("query_id")
    matches = pd.read_csv(folder / "matches.csv")
    matches = matches[matches["task"] == "full_track"]
    page.find_element(By.ID, "open").click()
    queries = shown(page)
    assert len(queries) == len(judged) > 1
    for element, (query_id, row) in zip(queries, judged.iterrows(), strict=True):
        said = element.find_element(By.TAG_NAME, "summary").text
        assert query_id in said
        assert f"average precision {100 * row['ap']:.1f} %" in said
        assert element.get_attribute("data-outcome") == ("first" if row["first_rank"] == 1 else
                                                         "among" if row["first_rank"] <= 5 else
                                                         "missed")  # fmt: skip
        own = matches[matches["query_id"] == query_id].sort_values("rank")
        sections = element.find_elements(By.CSS_SELECTOR, "section.reference")
        notes = [one.find_element(By.CSS_SELECTOR, ".note").text for one in sections]
        for note, reference in zip(notes, own["reference_id"].head(5), strict=False):
            assert note.split(",")[0] == reference


def test_found_and_annotated_parts_are_drawn_at_their_times(page, report):
    run = report.parent
    occurrences = pd.read_csv(run / "data/occurrences.csv")
    lines = pd.read_csv(run / "evaluation" / SYSTEM / f"lines/{SYSTEM}.csv")
    drawn = {
        kind: len(page.find_elements(By.CSS_SELECTOR, kind))
        for kind in (
            "rect.bar.met, rect.bar.missed",
            "rect.bar.right, rect.bar.elsewhere, rect.bar.false_alarm",
        )
    }
    assert list(drawn.values()) == [2 * len(occurrences), 2 * len(lines)]  # on both sides
    first = page.find_element(By.CSS_SELECTOR, "details.query svg.line")
    width = first.rect["width"]
    query, reference = first.find_elements(By.CSS_SELECTOR, "rect.track")
    tracks = pd.read_csv(run / "data/tracks.csv").set_index("track_id")
    query_id = occurrences["query_id"].min()
    name = page.find_element(By.CSS_SELECTOR, "section.reference .note").text.split(",")[0]
    ratio = tracks.loc[query_id, "duration_s"] / tracks.loc[name, "duration_s"]
    assert query.rect["width"] / reference.rect["width"] == pytest.approx(ratio, rel=0.02)
    assert query.rect["width"] <= width + 1


def test_filters_leave_what_fits(page):
    queries = page.find_elements(By.CSS_SELECTOR, "details.query")
    outcomes = [query.get_attribute("data-outcome") for query in queries]
    for outcome in sorted(set(outcomes)):
        choose(page, "outcome", outcome)
        assert len(shown(page)) == outcomes.count(outcome)
        count = page.find_element(By.ID, "count").text
        assert count == f"{outcomes.count(outcome)} of {len(queries)} queries"
    choose(page, "outcome", "")
    types = [query.get_attribute("data-types").split("|") for query in queries]
    for kind in {kind for own in types for kind in own}:
        choose(page, "type", kind)
        assert len(shown(page)) == sum(kind in own for own in types)
    choose(page, "type", "")
    assert len(shown(page)) == len(queries)


def test_excerpts_play_one_at_a_time(page):
    first, second = shown(page, "button[data-clips]")[:2]

    def sound(button):
        return page.find_element(By.ID, f"clip-{button.get_attribute('data-clips')}")

    first.click()
    WebDriverWait(page, 10).until(lambda _: sound(first).get_property("currentTime") > 0)
    assert first.get_attribute("aria-pressed") == "true"
    assert sound(first).get_property("duration") > 0.5
    second.click()
    WebDriverWait(page, 10).until(lambda _: sound(second).get_property("currentTime") > 0)
    assert sound(first).get_property("paused")
    assert first.get_attribute("aria-pressed") == "false"
    second.click()
    assert sound(second).get_property("paused")


def test_a_keyboard_is_enough(page):
    summary = page.find_element(By.CSS_SELECTOR, "details.query summary")
    details = page.find_element(By.CSS_SELECTOR, "details.query")
    before = details.get_property("open")
    summary.send_keys(Keys.ENTER)
    assert details.get_property("open") != before
    summary.send_keys(Keys.SPACE)
    assert details.get_property("open") == before


def test_the_first_key_leads_past_the_figures(report):
    with opened(report / "index.html") as driver:
        driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
        assert driver.switch_to.active_element.text == "To the queries"


def test_nothing_is_requested_and_nothing_is_refused(report):
    with opened(report / "index.html") as driver:
        driver.find_element(By.ID, "open").click()
        shown(driver, "button[data-clips]")[0].click()
        pictures = driver.find_elements(By.CSS_SELECTOR, "figure img")
        for picture in pictures:
            driver.execute_script("arguments[0].scrollIntoView()", picture)
            WebDriverWait(driver, 10).until(lambda _, one=picture: one.get_property("naturalWidth"))
        assert len(pictures) == len(list((report / "figures").glob("*.png")))
        assert requested(driver) == {(report / "index.html").as_uri()}
        assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_phone_shows_it_without_scrolling_aside(report):
    with opened(report / "index.html", 375, 700) as driver:
        driver.find_element(By.ID, "open").click()
        assert driver.execute_script("return document.documentElement.scrollWidth") <= 375
        for button in shown(driver, "button[data-clips]")[:5]:
            assert button.rect["height"] >= 30  # a finger's


def test_the_page_is_made_of_the_run(finished, report):
    text = (report / "index.html").read_text(encoding="utf-8")
    seed = json.loads((report / "provenance.json").read_text())["seed"]
    assert f"seed {seed}." in text
    assert text.count("<audio ") > 4
