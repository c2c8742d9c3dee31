"""Node matrices as the release keeps them: a pickled dictionary inside a ``.npy`` file.

Unpickling can run anything that the file names, and the archive is anyone's. So the pickle is read
by a machine that knows arrays, strings and dictionaries only: a name in the file never becomes the
function that it names, but one of the recorders below, from which the arrays are then rebuilt.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from neuralsampleid.errors import UserError

Nodes = npt.NDArray[np.floating[Any]]

_EXPECTED = "expected a pickled dictionary of track names and float arrays"
_DTYPES = {"f2": np.float16, "f4": np.float32, "f8": np.float64}


def read_node_dictionary(path: Path) -> dict[str, Nodes]:
    """Read ``query_nmatrix.npy`` or ``query_full_nmatrix.npy`` without executing anything in it.

    Args:
        path: a ``.npy`` file that holds one pickled dictionary.

    Returns:
        Track name → read-only (segments, channels, nodes), float16, float32 or float64 as stored.

    Raises:
        UserError: the file is missing or is not such a dictionary; one that asks for anything but
            arrays, strings and dictionaries is refused by the name it asks for.
    """
    try:
        with path.open("rb") as file:
            _skip_header(file)
            outer = _ArraysOnly(file).load()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file, {_EXPECTED}") from error
    except _RefusedError as error:
        raise UserError(f"{path}: asks for {error}, {_EXPECTED}") from error
    except Exception as error:  # broken bytes lead the unpickler to any error
        raise UserError(f"{path}: cannot be read ({type(error).__name__}), {_EXPECTED}") from error
    content = outer.only_item() if isinstance(outer, _Array) else None
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no dictionary, {_EXPECTED}")
    return dict(_checked(content, path))


def _checked(content: dict[Any, Any], path: Path) -> Iterator[tuple[str, Nodes]]:
    for name, value in content.items():
        if not isinstance(name, str):
            raise UserError(f"{path}: key of type {type(name).__name__}, {_EXPECTED}")
        array = value.array() if isinstance(value, _Array) else None
        if array is None or array.ndim != 3:
            found = "no float array" if array is None else f"an array of shape {array.shape}"
            raise UserError(
                f"{path}: '{name}' is {found}, expected floats (segments, channels, nodes)"
            )
        yield name, array


def _skip_header(file: BinaryIO) -> None:
    """Read a ``.npy`` header, after which the pickle begins."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    if dtype != np.dtype(object) or shape != ():
        raise _RefusedError(f"an array {shape} of {dtype}")


class _RefusedError(Exception):
    """The file asks for something that is none of an array, a string, a dictionary."""


class _Type:
    """Records a NumPy dtype; only the kind, size and byte order of floats (and object) are kept."""

    __slots__ = ("name", "order")

    def __init__(self, name: object, *_flags: object) -> None:
        self.name = str(name)
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = str(state[1])

    def dtype(self) -> np.dtype[Any] | None:
        """The dtype of a float array, else None."""
        name = self.name.lstrip("<>=|")
        order = self.name[0] if self.name[0] in "<>" else self.order
        if name not in _DTYPES or order not in "<>=|":
            return None
        return np.dtype(_DTYPES[name]).newbyteorder(order)  # type: ignore[arg-type]


class _Array:
    """Records an array: its shape, its type and its bytes (or objects)."""

    __slots__ = ("data", "fortran", "shape", "type")

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = ()
        self.type: _Type | None = None
        self.fortran = False
        self.data: object = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, data = state
        self.fill(shape, kind, bool(fortran), data)

    def fill(self, shape: object, kind: object, fortran: bool, data: object) -> None:
        if not isinstance(shape, tuple) or not all(
            isinstance(size, int) and size >= 0 for size in shape
        ):
            raise _RefusedError("an array without a shape")
        if not isinstance(kind, _Type):
            raise _RefusedError("an array without a type")
        self.shape, self.type, self.fortran, self.data = shape, kind, fortran, data

    def only_item(self) -> object:
        """What an array of objects without dimensions holds, else None."""
        objects = self.data if isinstance(self.data, list) else []
        return objects[0] if self.shape == () and len(objects) == 1 else None

    def array(self) -> Nodes | None:
        """The array, without copying its bytes; None if it is none of floats."""
        dtype = self.type.dtype() if self.type else None
        if dtype is None or not isinstance(self.data, bytes | bytearray):
            return None
        if len(self.data) != math.prod(self.shape) * dtype.itemsize:
            return None
        flat = np.frombuffer(bytes(self.data), dtype)
        return cast(Nodes, flat.reshape(self.shape, order="F" if self.fortran else "C"))


class _Allowed:
    """Stands for a function that a pickle may name; the pickle can call it but not change it."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., object]) -> None:
        self._call = call

    def __call__(self, *arguments: object) -> object:
        return self._call(*arguments)

    def __setstate__(self, state: object) -> None:
        raise _RefusedError("a change of a function")


def _reconstruct(*_arguments: object) -> _Array:
    """``numpy.core.multiarray._reconstruct``: an empty array whose state follows."""
    return _Array()


def _from_buffer(data: object, kind: object, shape: object, order: object) -> _Array:
    """``numpy.core.numeric._frombuffer``, which pickles of protocol 5 use."""
    array = _Array()
    array.fill(shape, kind, order == "F", data)
    return array


def _encode(text: object, encoding: object) -> bytes:
    """``_codecs.encode``, with which pickles of protocol 2 write bytes as Latin-1 text."""
    if not isinstance(text, str) or encoding != "latin1":
        raise _RefusedError(f"an encoding '{encoding}'")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """``bytes()``, with which pickles of protocol 2 write an empty array."""
    return b""


class _ArraysOnly(pickle.Unpickler):
    """Gives recorders for the few names that NumPy's pickles of float arrays need."""

    def find_class(self, module: str, name: str, /) -> object:
        core = module.replace("numpy._core.", "numpy.core.")
        allowed: dict[tuple[str, str], Callable[..., object]] = {
            ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
            ("numpy.core.numeric", "_frombuffer"): _from_buffer,
            ("numpy", "ndarray"): _reconstruct,
            ("numpy", "dtype"): _Type,
            ("_codecs", "encode"): _encode,
            ("__builtin__", "bytes"): _no_bytes,
        }
        if (core, name) not in allowed:
            raise _RefusedError(f"'{module}.{name}'")
        return _Allowed(allowed[core, name])
