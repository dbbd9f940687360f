"""The one place that starts threads, and that keeps others from starting them.

Plain threads spread ranges of work over loops that release the interpreter lock: unlike numba's parallel loops they
survive `fork()`, nested calls and calls from several threads at once. `NUMBA_NUM_THREADS` limits them.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

from numba import config
from threadpoolctl import ThreadpoolController

_WORTH_A_THREAD = 1e6  # nanoseconds of work; with less, threads cost more than they bring
_CHUNK = 8192  # items a range


def in_threads(one: Callable[[int], None], n: int, work: float) -> None:
    """Calls `one(i)` for i in 0..n-1, in threads where that pays; `work` is in nanoseconds, of all together.

    Where there are several, BLAS is kept to one thread in each: its own would fight with them for the cores.
    """
    limit = int(config.NUMBA_NUM_THREADS)  # pyright: ignore[reportAttributeAccessIssue]
    threads = min(limit, n, max(1, int(work / _WORTH_A_THREAD)))
    if threads == 1:
        for i in range(n):
            one(i)
    else:
        with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(n)))


def over_ranges(work: Callable[[int, int], None], n: int, cost: float) -> None:
    """Calls `work(first, last)` for ranges of n items, in threads where that pays; an item costs nanoseconds."""
    if n <= _CHUNK:
        work(0, n)
    else:
        starts = range(0, n, _CHUNK)
        in_threads(lambda i: work(starts[i], min(starts[i] + _CHUNK, n)), len(starts), work=cost * n)


_blas_lock = threading.Lock()
_blas_users = 0
_blas_limit: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keeps BLAS to one thread: its idle threads would spin on the cores that the loops use.

    The limit is the process's, so the first of several callers at a time sets it and the last one lifts it.
    """
    global _blas_users, _blas_limit
    with _blas_lock:
        if _blas_users == 0:
            _blas_limit = _blas_controller().limit(limits=1, user_api="blas")
        _blas_users += 1
    try:
        yield
    finally:
        with _blas_lock:
            _blas_users -= 1
            if _blas_users == 0:
                _blas_limit.restore_original_limits()


@cache
def _blas_controller() -> ThreadpoolController:
    return ThreadpoolController()
