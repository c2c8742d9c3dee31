"""Upstream's layout: what is read, what upstream's own tools leave behind, what is wrong."""

import json

import numpy as np
import pytest

from helpers.upstream_set import tree_bytes, unit, write_rows, write_set
from neuralsampleid.errors import UserError
from neuralsampleid.upstream.layout import (
    find_fingerprints,
    query_track,
    read_fingerprints,
    read_ground_truth,
)


def rows(count, seed=0):
    return unit(np.random.default_rng(seed).standard_normal((count, 4)))


@pytest.fixture
def folder(tmp_path):
    return write_set(
        tmp_path / "set",
        rows(5),
        {"A": rows(2, 1), "B": rows(3, 2)},
        {"Q_0": rows(2, 3), "Q_1": rows(1, 4), "P_x_2": rows(2, 5)},
        {"Q": rows(4, 6), "P_x": rows(3, 7)},
        reference_nodes={"A": np.ones((2, 3, 2), "f4"), "B": np.full((2, 3, 2), 2, "f2")},
        occurrence_nodes={"Q": np.ones((1, 3, 2), "f4")},
        query_nodes={"Q": np.ones((4, 3, 2), "f4")},
    )


def test_a_sound_folder(folder):
    found = read_fingerprints(folder)
    np.testing.assert_array_equal(found.noise.embeddings, rows(5))
    np.testing.assert_array_equal(found.references.track("B").embeddings, rows(3, 2))
    np.testing.assert_array_equal(found.occurrences.track("Q_0").embeddings, rows(2, 3))
    np.testing.assert_array_equal(found.queries.track("P_x").embeddings, rows(3, 7))
    occurrences = found.occurrences.each_track()
    assert [(name, query_track(name), len(own)) for name, own in occurrences] == [
        ("Q_0", "Q", 2),
        ("Q_1", "Q", 1),
        ("P_x_2", "P_x", 2),
    ]
    assert found.references.tracks.tolist() == [0, 0, 1, 1, 1]
    assert found.queries.track_ids == ["Q", "P_x"]
    assert found.noise.track_ids == [""]


def test_reference_nodes(folder, caplog):
    found = read_fingerprints(folder)
    assert found.has_reference_nodes(np.array([4, 0, 3, 1])).tolist() == [False, True, True, True]
    assert "2 node matrices, but 3 fingerprints of 'B'" in caplog.text
    nodes = found.reference_nodes(np.array([3, 0]))
    assert nodes.dtype == np.float32
    assert nodes[:, 0, 0].tolist() == [2, 1]


def test_a_noise_file_that_the_release_made_longer(folder, caplog):
    with (folder / "dummy_db.mm").open("ab") as file:
        file.write((folder / "ref_db.mm").read_bytes())
    before = tree_bytes(folder)
    found = read_fingerprints(folder)
    np.testing.assert_array_equal(found.noise.embeddings, rows(5))
    assert "dummy_db.mm: 5 rows more than the 5 of its shape" in caplog.text
    assert tree_bytes(folder) == before


@pytest.mark.parametrize("name", ["ref_db", "query_db", "query_full_db", "dummy_db"])
@pytest.mark.parametrize("change", [-4, 4])
def test_other_lengths_are_errors(folder, name, change):
    path = folder / f"{name}.mm"
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"\0" * change)
    with pytest.raises(UserError, match=rf"{name}\.mm: {len(content) + change} bytes, expected"):
        read_fingerprints(folder)


def test_only_the_noise_may_be_longer(folder):
    with (folder / "ref_db.mm").open("ab") as file:
        file.write(b"\0" * 16)
    with pytest.raises(UserError, match=r"ref_db\.mm: 96 bytes, expected 80 for the 5 × 4"):
        read_fingerprints(folder)


def test_constant_segments_become_zero(folder, caplog):
    references = np.concatenate([rows(2, 1), rows(3, 2)])
    references[1] = np.nan
    references.tofile(folder / "ref_db.mm")
    before = tree_bytes(folder)
    found = read_fingerprints(folder)
    assert found.references.embeddings[1].tolist() == [0, 0, 0, 0]
    assert found.references.silent.tolist() == [False, True, False, False, False]
    np.testing.assert_array_equal(found.references.track("B").embeddings, rows(3, 2))
    assert "1 of 5 rows are NaN (constant segments)" in caplog.text
    assert tree_bytes(folder) == before


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_other_numbers_that_are_not_finite(folder, value):
    references = np.concatenate([rows(2, 1), rows(3, 2)])
    references[3, 1] = value
    references.tofile(folder / "ref_db.mm")
    with pytest.raises(UserError, match=r"ref_db\.mm: row 3 holds NaN or infinity"):
        read_fingerprints(folder)


@pytest.mark.parametrize(
    ("lookup", "message"),
    [
        (["A", "A", "B"], "3 names, expected 5, one per row"),
        (["A", "B", "B", "B", "A"], "rows of 'A' lie apart"),
        (["A", "A", "B", "B", 3], "expected a list of track names"),
        ({"A": 5}, "expected a list of track names"),
    ],
)
def test_lookups_that_disagree(folder, lookup, message):
    (folder / "ref_db_lookup.json").write_text(json.dumps(lookup))
    with pytest.raises(UserError, match=message):
        read_fingerprints(folder)


@pytest.mark.parametrize("name", ["Q", "Q_", "Q_one", "_1"])
def test_occurrences_need_a_number(folder, name):
    (folder / "query_db_lookup.json").write_text(json.dumps([name] * 5))
    with pytest.raises(UserError, match="expected <track>_<occurrence number>"):
        read_fingerprints(folder)


@pytest.mark.parametrize("shape", [5, [5], [5, 4, 1], [0, 4], [-5, 4], [5.0, 4.0]])
def test_shapes_that_are_none(folder, shape):
    np.save(folder / "ref_db_shape.npy", shape)
    with pytest.raises(UserError, match=r"ref_db_shape\.npy: holds"):
        read_fingerprints(folder)


def test_sizes_that_differ(folder):
    write_rows(folder, "ref_db", np.ones((5, 3)))
    with pytest.raises(UserError, match=r"ref_db\.mm: fingerprints of size 3, expected 4"):
        read_fingerprints(folder)


@pytest.mark.parametrize(
    "name",
    ["dummy_db.mm", "query_full_db.mm", "ref_db_shape.npy", "query_db_lookup.json"],
)
def test_missing_files(folder, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name}: no such file"):
        read_fingerprints(folder)


def test_missing_folders(folder, tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        read_fingerprints(tmp_path / "nowhere")
    found = read_fingerprints(folder)
    (folder / "ref_nmatrix").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="ref_nmatrix: no such folder"):
        found.has_reference_nodes(np.array([0]))


def test_files_that_are_something_else(folder):
    (folder / "ref_db_lookup.json").write_text("<html>")
    with pytest.raises(UserError, match="not JSON"):
        read_fingerprints(folder)
    (folder / "ref_db_shape.npy").write_text("<html>")
    with pytest.raises(UserError, match="not a NumPy array file"):
        read_fingerprints(folder)
    np.save(folder / "ref_db_shape.npy", {"rows": 5})  # a pickle, which is not read
    with pytest.raises(UserError, match="not a NumPy array file"):
        read_fingerprints(folder)
    with (folder / "ref_db_shape.npy").open("wb") as file:
        np.savez(file, shape=[5, 4])
    with pytest.raises(UserError, match="an archive of arrays"):
        read_fingerprints(folder)


def test_node_matrices_that_are_none(folder):
    np.save(folder / "ref_nmatrix" / "A.npy", np.ones((2, 3)))
    with pytest.raises(UserError, match=r"A\.npy: float64 of shape \(2, 3\)"):
        read_fingerprints(folder).has_reference_nodes(np.array([0]))


def test_a_track_name_that_leads_out_of_the_folder(folder):
    np.save(folder / "secret.npy", np.ones((2, 3, 2), "f4"))
    (folder / "ref_db_lookup.json").write_text(json.dumps(["../secret"] * 5))
    with pytest.raises(UserError, match="no file name"):
        read_fingerprints(folder).has_reference_nodes(np.array([0]))


def test_the_ground_truth(folder, tmp_path):
    found = read_fingerprints(folder)
    path = tmp_path / "gt.json"
    path.write_text(json.dumps({"A": ["Q", "Q"], "Z": []}))
    assert read_ground_truth(path, found) == {"A": {"Q"}, "Z": set()}
    for content, message in (
        ('["A"]', "expected a dictionary"),
        ('{"A": "Q"}', "expected a dictionary"),
        ('{"A": [1]}', "expected a dictionary"),
        ('{"Z": ["Q"]}', "names none of the references"),
        ('{"A": ["Z"]}', "names none of the query tracks"),
        ("<html>", "not JSON"),
    ):
        path.write_text(content)
        with pytest.raises(UserError, match=message):
            read_ground_truth(path, found)
    with pytest.raises(UserError, match="no such file"):
        read_ground_truth(tmp_path / "missing.json", found)


def test_finding_the_fingerprints(tmp_path):
    with pytest.raises(UserError, match="0 folders"):
        find_fingerprints(tmp_path)
    for name in ("a", "b/c"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "ref_db.mm").touch()
    with pytest.raises(UserError, match="2 folders"):
        find_fingerprints(tmp_path)
