"""Node matrices as upstream keeps them: a pickled dictionary inside a ``.npy`` file.

Unpickling can run anything that the file names, and the archive is anyone's. So each name that
NumPy's pickles of arrays need stands for a recorder below, and any other name is refused. NumPy's
own classes would not do: a forged state makes them read and free memory that is not theirs.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError

Nodes = npt.NDArray[np.floating[Any]]

_EXPECTED = "expected a pickled dictionary of track names and float arrays"


def read_node_dictionary(path: Path) -> dict[str, Nodes]:
    """Read ``query_nmatrix.npy`` or ``query_full_nmatrix.npy`` without executing anything in it.

    Args:
        path: a ``.npy`` file that holds one pickled dictionary (pickle protocol 3 or later).

    Returns:
        Track name → read-only (segments, channels, nodes), float16, float32 or float64 as stored.

    Raises:
        UserError: the file is missing or is not such a dictionary; one that asks for anything but
            arrays, strings and dictionaries is refused by the name it asks for.
    """
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
            shape, _, dtype = read_header(file)
            if dtype != np.dtype(object) or shape != ():
                raise _RefusedError(f"an array {shape} of {dtype}")
            (content,) = _ArraysOnly(file).load().data
        if not isinstance(content, dict):
            raise _RefusedError(f"a {type(content).__name__}")
        return {_name(name): _floats(name, value) for name, value in content.items()}
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, {_EXPECTED}") from error
    except _RefusedError as error:
        raise UserError(f"{path}: holds {error}, {_EXPECTED}") from error
    except Exception as error:  # broken bytes lead the unpickler to any error
        raise UserError(f"{path}: cannot be read ({type(error).__name__}), {_EXPECTED}") from error


class _RefusedError(Exception):
    """The file holds something that is none of a float array, a string, a dictionary."""


class _Type:
    """Records ``numpy.dtype(name, align, copy)`` and, from its state, the byte order."""

    def __init__(self, name: str, *_flags: object) -> None:
        self.name, self.order = name, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


class _Array:
    """Records an array that is made empty and then given its state."""

    def __init__(self, *_arguments: object) -> None:
        self.shape: tuple[int, ...] = ()
        self.type: Any = None  # a _Type, in a sound file
        self.fortran = False
        self.data: Any = None  # bytes, or a list of objects

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.type, self.fortran, self.data = state


class _Buffer(_Array):
    """Records ``_frombuffer``, which pickles of protocol 5 use."""

    def __init__(self, data: object, kind: object, shape: object, order: object) -> None:
        self.__setstate__((1, shape, kind, order == "F", data))


_RECORDERS = {
    ("multiarray", "_reconstruct"): _Array,
    ("numeric", "_frombuffer"): _Buffer,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}


class _ArraysOnly(pickle.Unpickler):
    """Gives recorders for the names that NumPy's pickles of arrays need."""

    def find_class(self, module: str, name: str, /) -> object:
        core = module.removeprefix("numpy.core.").removeprefix("numpy._core.")
        if (core, name) not in _RECORDERS:
            raise _RefusedError(f"the name '{module}.{name}'")
        return _RECORDERS[core, name]


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise _RefusedError(f"a key of type {type(name).__name__}")
    return name


def _floats(name: str, value: object) -> Nodes:
    """The array that a recorder describes, without copying its bytes."""
    if not isinstance(value, _Array) or value.type.name not in {"f2", "f4", "f8"}:
        raise _RefusedError(f"no float array as '{name}'")
    if not isinstance(value.data, bytes | bytearray):
        raise _RefusedError(f"objects in the array '{name}'")
    kind = np.dtype(value.type.name).newbyteorder(value.type.order)
    flat: Nodes = np.frombuffer(bytes(value.data), kind)
    array = flat.reshape(value.shape, order="F" if value.fortran else "C")
    if array.ndim != 3:
        raise _RefusedError(f"'{name}' of shape {array.shape}, not (segments, channels, nodes)")
    return array
