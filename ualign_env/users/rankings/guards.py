"""What compiled loops cannot survive is refused before they begin: they check no bounds."""

import numpy as np
import numpy.typing as npt

from ualign_env._types import Floats, Ints

Ranks = npt.NDArray[np.signedinteger]


def check_k(k: int) -> None:
    """Raises an error for what is no number of responses: the loop that takes powers would not end."""
    if k < 1:
        raise ValueError(f"k is {k}, but must be at least 1")


def check_policies(ranks: Ranks, *policies: Floats | Ints) -> None:
    """Raises an error for policies over another number of responses: compiled loops would read what isn't theirs."""
    for policy in policies:
        if policy.shape[-1] != ranks.shape[1] or not policy.size:
            raise IndexError(f"policies of shape {policy.shape} for users of {ranks.shape[1]} responses")


def check_indices(kind: str, indices: Ints, n: int) -> None:
    """Raises an error for indices that aren't there, or rows without any."""
    # seen as unsigned, negative numbers are large
    if not indices.shape[-1] or (indices.size and indices.astype(np.int64, copy=False).view(np.uint64).max() >= n):
        raise IndexError(f"{kind} are {indices.tolist()!s:.100}, but must be at least one a row, from 0 to {n - 1}")
