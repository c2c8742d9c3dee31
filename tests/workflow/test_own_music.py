"""A benchmark on own music, as docs/own-benchmark.md leads to it."""

import re
import shlex
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from helpers.workflow import ROOT

PAGE = ROOT / "docs/own-benchmark.md"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the page makes MP3 files with ffmpeg")
def test_the_page_leads_from_five_files_to_a_table(copied):
    (copied / "tests").symlink_to(ROOT / "tests")
    program = shlex.join([sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile")])
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    script = "\n".join(["set -e", f'snakemake() {{ {program} "$@"; }}', *blocks])
    done = subprocess.run(
        ["bash", "-c", script], cwd=copied, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Training encoder" not in done.stderr
    run = copied / "results/five"
    tracks = pd.read_csv(run / "data/tracks.csv")
    assert tracks["role"].value_counts().to_dict() == {"reference": 3, "query": 2}
    per_query = pd.read_csv(run / "evaluation/shipped_model/per_query.csv")
    whole = per_query[per_query["task"] == "full_track"]
    assert set(whole["query_id"]) == set(tracks.loc[tracks["role"] == "query", "track_id"])
    assert whole["first_rank"].between(1, 3).all()  # no noise: every reference is ranked
    table = pd.read_csv(run / "report/tables/main.csv")
    bounds = ["Oracle", "Random ranking"]
    assert list(table["System"]) == ["Shipped model", "Landmarks", "Together", *bounds]
