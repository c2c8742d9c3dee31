"""Pickled node matrices: NumPy's own come back, and nothing in a file is ever executed."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralsampleid.errors import UserError
from neuralsampleid.upstream.nodes import read_node_dictionary

MATRICES = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def write(path: Path, content: object, protocol: int = 4) -> Path:
    """What ``numpy.save`` writes for an object, with any pickle protocol."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        pickle.dump(np.array(content, dtype=object), file, protocol=protocol)
    return path


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_every_protocol_and_form_of_array(tmp_path, protocol):
    content = {
        "plain": MATRICES,
        "half": MATRICES.astype(np.float16),
        "double, big-endian": MATRICES.astype(">f8"),
        "fortran": np.asfortranarray(MATRICES),
        "strided": np.repeat(MATRICES, 2, axis=2)[:, :, ::2],
        "empty": np.zeros((0, 3, 4), np.float32),
    }
    found = read_node_dictionary(write(tmp_path / "nodes.npy", content, protocol))
    assert list(found) == list(content)
    for name, expected in content.items():
        np.testing.assert_array_equal(found[name], expected, name)
        assert found[name].dtype == expected.dtype
        assert not found[name].flags.writeable


def test_what_numpy_saves(tmp_path):
    np.save(tmp_path / "nodes.npy", {"T1": MATRICES, "T2": MATRICES[:1]})
    found = read_node_dictionary(tmp_path / "nodes.npy")
    np.testing.assert_array_equal(found["T2"], MATRICES[:1])


class Call:
    """Pickles as a call of anything."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Built:
    """Pickles as a call followed by a state."""

    def __init__(self, function, arguments, state):
        self.parts = function, arguments, state

    def __reduce__(self):
        return self.parts


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Call(os.system, "touch executed"), "system"),
        (Call(eval, "open('executed', 'w')"), "eval"),
        (Call(exec, "open('executed', 'w')"), "exec"),
        (Call(getattr, MATRICES, "tofile"), "getattr"),
        (Call(np.fromfile, "/etc/passwd"), "fromfile"),
        (OrderedDict(a=MATRICES), "OrderedDict"),
        ({1, 2}, "set"),
        (np.float32(1), "scalar"),
        (Path("x"), "Path"),
    ],
)
@pytest.mark.parametrize("place", ["value", "key", "whole"])
def test_nothing_is_executed(tmp_path, monkeypatch, value, named, place):
    monkeypatch.chdir(tmp_path)
    if place == "key":
        if isinstance(value, dict | set):
            pytest.skip("no key")
        content = {value: MATRICES}
    else:
        content = {"T1": value} if place == "value" else value
    path = write(tmp_path / "nodes.npy", content)
    # A set needs no name, but is still not what the file may hold.
    refusal = "holds no float array|holds a set" if named == "set" else f"the name '.*{named}'"
    with pytest.raises(UserError, match=refusal):
        read_node_dictionary(path)
    assert not (tmp_path / "executed").exists()


def test_forged_states_are_errors(tmp_path):
    rebuild = np._core.multiarray._reconstruct
    one = np.dtype("f4")
    for number, state in enumerate(
        [
            (1, "many", one, False, b"\0\0\0\0"),
            (1, (1, 1, 2), one, False, b"\0\0\0\0"),
            (1, (1, 1, 1), "f4", False, b"\0\0\0\0"),
            (1, (1, 1, 1), one, False, [1, 2, 3, 4]),
            (1, (1, 1)),
        ]
    ):
        broken = Built(rebuild, (np.ndarray, (0,), b"b"), state)
        with pytest.raises(UserError, match=r"cannot be read|objects in the array"):
            read_node_dictionary(write(tmp_path / f"{number}.npy", {"T1": broken}))


@pytest.mark.parametrize("named", [b"cnumpy\ndtype\n", b"cnumpy\nndarray\n"])
@pytest.mark.parametrize("state", [b"}", b"N}X\x01\x00\x00\x00aK\x01s\x86"])
def test_a_file_cannot_change_a_recorder(tmp_path, named, state):
    path = write(tmp_path / "state.npy", {})
    with path.open("r+b") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        file.write(pickle.PROTO + b"\x04" + named + state + b"b.")
    with pytest.raises(UserError, match=r"cannot be read \(TypeError\)"):
        read_node_dictionary(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (["T1", "T2"], "cannot be read"),
        ("T1", "holds a str"),
        ({1: MATRICES}, "key of type int"),
        ({"T1": "text"}, "no float array as 'T1'"),
        ({"T1": {"T2": MATRICES}}, "no float array as 'T1'"),
        ({"T1": MATRICES[0]}, r"'T1' of shape \(3, 4\)"),
        ({"T1": np.arange(24).reshape(2, 3, 4)}, "no float array as 'T1'"),
        ({"T1": np.array([[["a"]]], dtype=object)}, "no float array as 'T1'"),
        ({"T1": np.zeros((2, 3, 4), [("a", "f4")])}, "no float array as 'T1'|cannot be read"),
    ],
)
def test_other_contents_are_errors(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        read_node_dictionary(write(tmp_path / "nodes.npy", content))


def test_bytes_and_shape_must_agree(tmp_path):
    rebuild = np._core.multiarray._reconstruct
    state = (1, (2, 3, 4), np.dtype("f4"), False, b"\0" * 8)
    short = Built(rebuild, (np.ndarray, (0,), b"b"), state)
    with pytest.raises(UserError, match="cannot be read"):
        read_node_dictionary(write(tmp_path / "nodes.npy", {"T1": short}))


def test_files_that_are_no_dictionary(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_node_dictionary(tmp_path / "missing.npy")
    (tmp_path / "page.npy").write_text("<html>not found</html>")
    with pytest.raises(UserError, match="cannot be read"):
        read_node_dictionary(tmp_path / "page.npy")
    np.save(tmp_path / "plain.npy", MATRICES)
    with pytest.raises(UserError, match="holds an array"):
        read_node_dictionary(tmp_path / "plain.npy")
    with (tmp_path / "second.npy").open("wb") as file:
        np.lib.format.write_array(file, np.array({"T1": MATRICES}, object), version=(2, 0))
    assert list(read_node_dictionary(tmp_path / "second.npy")) == ["T1"]


@given(st.data())
def test_damaged_files_give_one_line(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("damaged") / "nodes.npy", {"T1": MATRICES, "T2": MATRICES})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_node_dictionary(path)
    except UserError as error:
        assert len(str(error).splitlines()) == 1
