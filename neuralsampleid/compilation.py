"""Loops over arrays, compiled to machine code by Numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function at its first call, which takes seconds; later processes find it compiled.

    It takes and gives numbers, arrays and named tuples of them, and lets other threads run.
    """
    try:
        return cast(Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # neither beside the source nor in the user's cache can files be written
        return cast(Function, numba.njit(nogil=True)(function))
