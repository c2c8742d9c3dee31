"""Tables of relations in the forms of WhoSampled-130k, SamplePairs and Sample100, all made up."""

import json
from pathlib import Path

import pytest

from helpers.fma import write_clip
from neuralsampleid.catalogue.tables import read_catalogue
from neuralsampleid.config import RelationsData
from neuralsampleid.datasets.planning import planned_tracks
from neuralsampleid.datasets.relations import make_relations, read_relations
from neuralsampleid.errors import UserError


def record(source: str, sampler: str, starts: str = "0.5, 1", *, throughout: bool = False):
    """A relation in the form of split-schema.md."""
    return {
        "url": "https://example.org/1",
        "src_song": f"Song {source}",
        "src_artist": ["Ann", "Bob"],
        "src_audio_id": source,
        "dst_song": f"Song {sampler}",
        "dst_artist": ["Cy"],
        "dst_audio_id": sampler,
        "src_timings": {"start_times": "0", "throughout": False},
        "dst_timings": {"start_times": starts, "throughout": throughout},
        "part_sampled": "Drums",
        "component_type": "tree",
        "component_idx": 7,
    }


SPLIT = {
    "11": record("-oldAAAAAAA", "newAAAAAAAA", throughout=True),
    "12": record("-oldAAAAAAA", "newBBBBBBBB"),
    "13": record("newAAAAAAAA", "newBBBBBBBB"),  # of a chain: its source is a query itself
    "14": record("gone", "newAAAAAAAA"),
}
PAIRS = """\
pair_id,status,dst_track_id,dst_youtube_id,src_track_id,src_youtube_id,whosampled_id
1,used,T001,newAAAAAAAA,T002,-oldAAAAAAA,11
2,removed,T003,newBBBBBBBB,T002,-oldAAAAAAA,12
3,used,T005,absent,T002,-oldAAAAAAA,12
"""
URLS = """\
Sample_id\twhosampled_url\tdestination_url\tsource_url
S001\thttps://example.org/1\thttps://www.youtube.com/watch?v=newAAAAAAAA\thttps://www.youtube.com/watch?v=-oldAAAAAAA&t
S002\thttps://example.org/2\t\thttps://www.youtube.com/watch?v=-oldAAAAAAA
"""


def settings(folder: Path, table: str, text: str, **more: str) -> RelationsData:
    (folder / table).write_text(text)
    for number, name in enumerate(("-oldAAAAAAA", "newAAAAAAAA", "NEWaaaaaaaa", "newBBBBBBBB")):
        write_clip(folder / "audio" / name[:2] / f"{name}.wav", 2.0, number)
    return RelationsData(
        kind="relations", relations=str(folder / table), audio=str(folder / "audio"), **more
    )


def made(own: RelationsData, folder: Path):
    make_relations(own, folder / "data")
    return read_catalogue(folder / "data", within_tracks=True)


def test_a_split_of_whosampled(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write_clip(tmp_path / "noise/n.wav", 2.0, 9)
    own = settings(tmp_path, "train.json", json.dumps(SPLIT), noise=str(tmp_path / "noise"))
    with caplog.at_level("INFO"):
        catalogue = made(own, tmp_path)
    assert caplog.messages[-1].endswith(
        "4 relations; without audio of both sides: 1; left out, as the sampled track is a query "
        "itself: 1"
    )
    tracks = catalogue.tracks.set_index("track_id")
    assert tracks["role"].to_dict() == {
        "query_newAAAAAAAA": "query",
        "reference_-oldAAAAAAA": "reference",
        "query_newBBBBBBBB": "query",
        "noise_n": "noise",
    }
    assert tracks.loc["reference_-oldAAAAAAA", "artist"] == "Ann, Bob"
    assert tracks.loc["query_newAAAAAAAA", "title"] == "Song newAAAAAAAA"
    assert tracks.loc["query_newAAAAAAAA", "path"].endswith("audio/ne/newAAAAAAAA.wav")
    rows = catalogue.occurrences.set_index("sample_id")
    assert rows["sample_type"].tolist() == ["Drums", "Drums"]
    # It sounds throughout from its first start on; of the other relation only starts are known.
    assert rows.loc["11", ["query_start_s", "query_end_s"]].tolist() == pytest.approx([0.5, 2.0])
    assert rows.loc["12", ["query_start_s", "query_end_s"]].isna().all()
    assert planned_tracks(own) == {"train": 0, "query": 2, "reference": 1, "noise": 1}


@pytest.mark.parametrize(("table", "text"), [("pairs.csv", PAIRS), ("urls.tsv", URLS)])
def test_tables_of_ids(tmp_path: Path, table: str, text: str):
    catalogue = made(settings(tmp_path, table, text), tmp_path)
    assert catalogue.tracks["track_id"].tolist() == ["query_newAAAAAAAA", "reference_-oldAAAAAAA"]
    (row,) = catalogue.occurrences.itertuples(index=False)
    assert (row.query_id, row.reference_id) == ("query_newAAAAAAAA", "reference_-oldAAAAAAA")


def test_ground_truth_of_sample100(tmp_path: Path):
    text = json.dumps({"S001": {"src_audio_id": "T002", "dst_audio_id": "T001"}})
    (tmp_path / "truth.json").write_text(text)
    (relation,) = read_relations(tmp_path / "truth.json")
    assert relation.sample_id == "S001"
    assert (relation.query.names, relation.reference.names) == (("T001",), ("T002",))


def test_files_of_pairs_may_be_named_by_track_id(tmp_path: Path):
    own = settings(tmp_path, "pairs.csv", PAIRS)
    write_clip(tmp_path / "audio/T005.wav", 2.0, 5)
    tracks = made(own, tmp_path).tracks.set_index("track_id")
    assert tracks.loc["query_absent", "path"].endswith("T005.wav")


@pytest.mark.parametrize(
    ("table", "text", "said"),
    [
        ("train.json", '{"11": {"src_audio_id": "a"}}', "relation '11' cannot be read"),
        ("train.json", "[]", "holds a list, expected an object of relations"),
        (
            "train.json",
            '{"11": {"src_audio_id": "a", "dst_audio_id": "b"}}',
            "has both of its files",
        ),
        ("pairs.csv", "pair_id,status\n1,used\n", "dst_track_id"),
        ("urls.tsv", "Sample_id\tsource_url\nS1\tx\n", "no column 'destination_url'"),
        ("train.xlsx", "", "ends in .json, .csv or .tsv"),
    ],
)
def test_refusals(tmp_path: Path, table: str, text: str, said: str):
    with pytest.raises(UserError, match=said):
        make_relations(settings(tmp_path, table, text), tmp_path / "data")
