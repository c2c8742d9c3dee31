"""K10: the same recording in two roles is named, and left out of that query's rankings."""

import numpy as np
import pandas as pd
import pytest

from helpers.own_benchmark import make_own_music_files, own_benchmark
from helpers.tunes import convert, needs_ffmpeg, put, tune
from helpers.workflow import snakemake
from neuralsampleid.catalogue.formats import QUERIES
from neuralsampleid.catalogue.tables import Catalogue
from neuralsampleid.config import PeakFinding
from neuralsampleid.evaluation.copies import said_of, share_at_one_offset, tracks_left_out
from neuralsampleid.evaluation.queries import leave_out, without_answers
from neuralsampleid.landmarks.peaks import Peaks
from neuralsampleid.landmarks.store import peaks_of_tracks


def catalogue_of(files, sampled):
    """Tracks of ``role_name`` → file; ``sampled``: query → references."""
    tracks = pd.DataFrame(
        [(name, name.split("_")[0], str(path), seconds, "", "") for name, (path, seconds) in files],
        columns=["track_id", "role", "path", "duration_s", "title", "artist"],
    )
    pairs = [(query, reference) for query, names in sampled.items() for reference in names]
    return Catalogue(tracks, pd.DataFrame(pairs, columns=["query_id", "reference_id"]))


def test_files_of_the_same_bytes_are_found_without_landmarks(tmp_path):
    contents = {
        "query_a": b"aaaa",
        "query_b": b"bbbb",
        "reference_a": b"aaaa",  # the query itself
        "reference_s": b"ssss",
        "reference_t": b"ssss",  # annotated, too: a right answer
        "noise_s": b"ssss",  # what both sample, unknown to the annotations
        "noise_c": b"cccc",
    }
    files = []
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        files.append((name, (tmp_path / name, 1.0)))
    files.append(("noise_gone", (tmp_path / "gone", 1.0)))
    sampled = {"query_a": ["reference_s", "reference_t"], "query_b": ["reference_s"]}
    found = tracks_left_out(catalogue_of(files, sampled), {})
    assert found[["query_id", "track_id", "copy_of", "found_by"]].to_numpy().tolist() == [
        ["query_a", "reference_a", "query_a", "content"],
        ["query_a", "noise_s", "reference_s", "content"],
        ["query_b", "noise_s", "reference_s", "content"],
        ["query_b", "reference_t", "reference_s", "content"],
    ]
    said = said_of(found)
    assert said is not None
    assert said.startswith(
        "4 times a track is the same recording as a query, or as what it samples"
    )
    assert str(tmp_path / "reference_a") in said
    assert said_of(found[:0]) is None


@needs_ffmpeg
def test_other_encodings_are_found_by_landmarks(tmp_path):
    query = put(tmp_path / "query.wav", tune(1))
    files = {
        "query_a": query,
        "reference_other": put(tmp_path / "other.wav", tune(2)),
        "noise_mp3": convert(query, tmp_path / "a.mp3", "-b:a", "64k"),
        "noise_late": convert(query, tmp_path / "b.wav", "-af", "adelay=300:all=1,volume=0.3"),
        "noise_unrelated": put(tmp_path / "c.wav", tune(3)),
        "noise_excerpt": put(tmp_path / "d.wav", tune(1)[:200_000]),
    }
    seconds = {"noise_excerpt": 9.1, "noise_late": 20.3}
    rows = [(name, (path, seconds.get(name, 20.0))) for name, path in files.items()]
    catalogue = catalogue_of(rows, {"query_a": ["reference_other"]})
    peaks = peaks_of_tracks(catalogue.tracks, PeakFinding())
    found = tracks_left_out(catalogue, peaks)
    assert found[["track_id", "found_by"]].to_numpy().tolist() == [
        ["noise_late", "landmarks"],
        ["noise_mp3", "landmarks"],
    ]


def test_share_at_one_offset_by_hand():
    one = Peaks(np.array([0.0, 10.2, 20, 30]), np.array([1.0, 2.1, 2, 5]))
    other = Peaks(np.array([0, 0, 100, 110, 131.0]), np.array([7.0, 8, 1, 2, 5]))  # one late
    assert share_at_one_offset(one, other) == 3 / 4
    assert share_at_one_offset(one, Peaks(np.zeros(1), np.full(1, 9.0))) == 0


def test_a_query_without_its_answers_leaves_out_both():
    row = {name: "" if kind is str else 0.0 for name, kind in QUERIES.items()}
    queries = pd.DataFrame([{**row, "task": "full_track", "query_id": name} for name in "ab"])
    left_out = pd.DataFrame([("a", "n2"), ("a", "n1")], columns=["query_id", "track_id"])
    kept = leave_out(queries, left_out)
    assert kept["excluded"].tolist() == ["n1|n2", ""]
    sampled = pd.DataFrame([("a", "r"), ("b", "r")], columns=["query_id", "reference_id"])
    assert without_answers(kept, sampled)["excluded"].tolist() == ["n1|n2|r", "r"]


@pytest.mark.parametrize("role", ["references", "noise"])
def test_the_workflow_leaves_them_out_and_says_so(tmp_path, role):
    """Also in a folder that make would refuse."""
    make_own_music_files(tmp_path)
    others = {"noise": str(tmp_path / "noise")} if role == "noise" else {}
    (tmp_path / "noise").mkdir()
    for number in range(2):
        (tmp_path / role / f"a copy {number}.wav").hardlink_to(
            tmp_path / f"queries/new {number}.wav"
        )
    folder = tmp_path / "it's mine"
    folder.mkdir()
    done = snakemake(
        folder, own_benchmark(tmp_path, **others), "results/own/evaluation/landmarks/per_query.csv"
    )
    assert done.returncode == 0, done.stdout
    assert "2 times a track is the same recording as a query" in done.stdout
    run = folder / "results/own"
    assert len(pd.read_csv(run / "evaluation/left_out.csv")) == 2
    judged = pd.read_csv(run / "evaluation/landmarks/per_query.csv")
    whole = judged[judged["task"] == "full_track"]
    assert whole["ap"].tolist() == [1, 1]
    assert (judged[judged["task"] == "segment"]["first_rank"] == 1).all()
