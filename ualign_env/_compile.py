"""Compilation of inner loops by numba, kept on disk between runs where that works."""

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache

#: Every loop that Python calls, compiled at its first call; what warms them up is held against this list.
KERNELS: list[Any] = []


class _Cache(FunctionCache):
    """Numba's cache, but where its files are damaged or cannot be written, loops are compiled without it."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever unpickling half a file raises
            _say_once("read", self.cache_path, error)
            with suppress(OSError):
                self.flush()  # the next run finds an empty cache instead of a damaged one
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception as error:  # a full disk, a folder that was removed, what others wrote there
            _say_once("written", self.cache_path, error)


_said: set[str] = set()


def _say_once(done: str, folder: str, error: Exception) -> None:
    if done not in _said:
        _said.add(done)
        what = f"numba's cache in {folder!r} cannot be {done} ({type(error).__name__}: {error})"
        warnings.warn(f"{what}: loops are compiled anew", RuntimeWarning, stacklevel=3)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a loop that Python calls."""
    kernel = inner(function)
    KERNELS.append(kernel)
    return kernel


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles what only compiled loops call."""
    kernel: Any = njit(nogil=True, error_model="numpy")(function)
    with suppress(RuntimeError):  # neither the package's folder nor the user's cache can be written
        kernel._cache = _Cache(function)
    return kernel
