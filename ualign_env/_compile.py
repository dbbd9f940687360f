"""Compilation of inner loops by numba."""

from collections.abc import Callable
from typing import Any

from numba import njit

#: Every loop that Python calls, compiled at its first call; what warms them up is held against this list.
KERNELS: list[Any] = []


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a loop that Python calls."""
    kernel = inner(function)
    KERNELS.append(kernel)
    return kernel


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles what only compiled loops call; kept on disk between runs where there is a folder to write to."""
    try:
        return njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return njit(nogil=True, error_model="numpy")(function)
