"""Captions state what the configuration says."""

import re
from pathlib import Path

import jinja2
import pytest

from neuralsampleid.report.captions import render_caption

CAPTIONS = sorted((Path(__file__).parents[2] / "report").glob("*_*.rst"))  # not workflow.rst
STATED = {"cutoffs": [1, 5], "confidence": 0.9}


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
def test_no_caption_states_a_configurable_value_as_a_constant(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b95\b|\b1, 3\b", text)
    shown = render_caption(text, STATED)
    assert "{" not in shown
    assert ("90 %" in shown) == ("snakemake.params.confidence" in text)


def test_cutoffs_and_confidence_are_those_of_the_table():
    text = (CAPTIONS[0].parent / "main_table.rst").read_text(encoding="utf-8")
    assert "k = 1, 5 for" in render_caption(text, STATED)
    assert "97.5 % bootstrap" in render_caption(text, STATED | {"confidence": 0.975})


def test_a_value_that_is_not_given_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render_caption("{{ snakemake.params.cutoff }}", STATED)
