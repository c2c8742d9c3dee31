"""The page as text: self-contained, escaped, the same for the same content."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from helpers.views import view
from neuralsampleid.report.page.drawing import tick_times
from neuralsampleid.report.page.html import Page, ShownFigure, render_page
from neuralsampleid.report.page.views import Span
from neuralsampleid.report.tables import Interval, Table

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.texts, self._tag = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._tag = tag

    def handle_data(self, text):
        if self._tag not in {"script", "style"}:
            self.texts.append(text)


def page(**changes):
    table = Table(("System", "mAP (%)"), ((EVIL, Interval(42.0, 30.0, 50.0, True)),))
    figure = ShownFigure("map", EVIL, EVIL, b"\x89PNG" + bytes(12) + (1300).to_bytes(4, "big"))
    shown = {"title": EVIL, "subtitle": EVIL, "views": [view(EVIL, "q1")], "table": table}
    return Page(**{**shown, "figures": [figure], "clips": {EVIL: b"ID3"}, **changes})


def test_whatever_names_hold_is_text():
    elements = Elements(render_page(page()))
    scripts = [attributes for tag, attributes in elements.found if tag == "script"]
    assert scripts == [{}]
    assert all(attributes["src"].startswith("data:") for tag, attributes in elements.found
               if tag in {"img", "audio"})  # fmt: skip
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    assert "".join(elements.texts).count(EVIL) >= 6


def test_nothing_is_asked_of_a_network_and_only_the_own_script_may_run():
    text = render_page(page())
    assert not re.search(r"(?:src|href|url)\s*[=(]\s*[\"']?\s*(?:https?:)?//", text)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'")
    for kind in ("style", "script"):
        (content,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, flags=re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert " style=" not in text  # the policy would not let it be


def test_a_page_without_results_has_queries_only():
    nothing = replace(view(), references=(), outcome="nothing", note="1:00", types=())
    text = render_page(page(title="Found", table=None, figures=(), clips={}, views=[nothing]))
    assert "No sample found" in text
    assert "No track was found." in text
    for absent in ('id="results"', 'id="figures"', 'id="type"', "<audio", "annotated"):
        assert absent not in text.partition("</style>")[2].partition("<script>")[0]


def test_wide_figures_take_the_whole_width():
    assert '<figure id="figure-map" class="both">' in render_page(page())
    narrow = ShownFigure("map", "", "", bytes(16) + (900).to_bytes(4, "big"))
    assert '<figure id="figure-map">' in render_page(page(figures=[narrow]))


def drawn(query):
    """The query's second reference: the rest of its section, and its elements of a kind."""
    text = render_page(page(title="Found", table=None, figures=(), clips={}, views=[query]))
    section = re.findall(r'<section class="reference.*?</section>', text, flags=re.S)[1]
    elements = Elements(section).found
    return section, lambda tag: [attributes for name, attributes in elements if name == tag]


def test_misses_of_one_part_share_a_line():
    query = view()
    first, reference = query.references
    again = replace(reference.links[1], query=Span(40, 44))
    other = replace(again, reference=None)
    longer = replace(reference, links=(*reference.links, again, other))
    section, elements = drawn(replace(query, references=(first, longer)))
    assert "0:30–0:34, 0:40–0:44 ← 0:20–0:24, tempo × 1.00, annotated, not found" in section
    assert "0:40–0:44 ← ?, tempo × 1.00, annotated, not found" in section
    assert len(elements("li")) == 3
    bars = [one for one in elements("rect") if one["class"].startswith("bar")]
    assert len(bars) == 5 + 4
    assert len(elements("polygon")) == 4


def test_the_same_content_gives_the_same_text():
    assert render_page(page()) == render_page(page())


def test_times_become_places():
    section, elements = drawn(view())  # 90 s wide: the longest shown
    tracks, bars = elements("rect")[:2], elements("rect")[2:]
    assert [track["width"] for track in tracks] == ["66.67%", "88.89%"]
    on_the_query = [(bar["class"], bar["x"], bar["y"], bar["width"]) for bar in bars[::2]]
    assert on_the_query == [
        ("bar missed", "33.33%", "13", "4.44%"),
        ("bar met", "11.11%", "13", "4.44%"),
        ("bar right", "10.00%", "22", "6.67%"),
    ]
    assert [bar["y"] for bar in bars[1::2]] == ["92", "92", "83"]
    assert [svg["viewbox"] for svg in elements("svg")[1:]] == ["0 0 90.0 100"]
    assert elements("polygon")[2]["points"] == "9,0 15,0 25,100 19,100"
    assert section.index("0:09–0:15 ← 0:19–0:25, tempo × 1.02") < section.index("tempo × 1.00")
    assert [line["x1"] for line in elements("line")][:2] == ["0.00%", "16.67%"]
    assert ">0:15</text>" in section


@pytest.mark.parametrize("seconds", [1.0, 7.0, 40.0, 41.0, 90.0, 300.0, 5000.0, 90000.0])
def test_there_are_a_few_round_times(seconds):
    times = tick_times(seconds)
    assert times[0] == 0
    assert 1 <= len(times) <= 9
    assert times[-1] <= seconds
