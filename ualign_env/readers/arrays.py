"""Arrays of numbers, in memory or in `.npy` and `.npz` files."""

import math
import os
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._files import readable, unzipped
from ualign_env._types import Floats
from ualign_env.readers.judgements import check_numbers


@dataclass(frozen=True)
class Arrays:
    """What stands in a file of arrays.

    Attributes:
        name: what errors call it.
        main: `[rows, N]` numbers, NaN among them.
        responses: N names.
        weights: how much each row counts; None where nobody says.
    """

    name: str
    main: Floats
    responses: list[str]
    weights: Any


def as_arrays(table: Any, main: str) -> Arrays | None:
    """Returns the arrays of a file, or an array itself; None of what is neither.

    Args:
        table: a path, or anything.
        main: what the array is called in an `.npz` file, beside which `responses` and `weights` may stand.

    Raises:
        ValueError: if it is damaged, or something else.
        TooLargeError: if it has more than 500 MB.
    """
    path = os.fspath(table) if isinstance(table, str | os.PathLike) else ""
    value: Any
    names = weights = None
    if path.lower().endswith(".npz"):
        found = _unzipped(path)
        unknown = set(found) - {main, "responses", "weights"}
        if unknown or main not in found:
            raise ValueError(f"{path}: holds {', '.join(found)}, but must hold {main}, and may hold responses, weights")
        value, names, weights = (found.get(name) for name in (main, "responses", "weights"))
    elif path.lower().endswith(".npy"):
        value = load_array(path)
    elif isinstance(table, np.ma.MaskedArray):
        value = np.ma.filled(table.astype(np.float64), np.nan)  # what is masked is unknown
    elif isinstance(table, list | tuple | np.ndarray) or hasattr(table, "detach"):
        value = table
    else:
        return None
    name = path or "table"
    if hasattr(value, "shape"):
        check_numbers(name, math.prod(value.shape))
    array = _checks.number_array(name, value).astype(np.float64)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"{name} has shape {array.shape}, but must be [users, responses] with at least one of each")
    labels = [str(y) for y in (range(array.shape[1]) if names is None else names)]
    if len(labels) != array.shape[1]:
        raise ValueError(f"{name}: responses has {len(labels)} names, but {main} have {array.shape[1]} columns")
    return Arrays(name, array, labels, weights)


def load_array(path: str) -> Any:
    """Returns the array of an `.npy` file, which is not read before it is used."""
    try:
        return np.load(readable(path), mmap_mode="r", allow_pickle=False)
    except TooLargeError:
        raise
    except (OSError, EOFError, ValueError) as error:
        said = str(error)
        raise ValueError(said if said.startswith(path) else f"{path}: is no array, or damaged: {error}") from None


def _unzipped(path: str) -> dict[str, Any]:
    try:
        return unzipped(readable(path), "biufU")
    except TooLargeError as error:
        raise TooLargeError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    except (OSError, EOFError, ValueError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: is no file of arrays, or damaged: {error}") from None
