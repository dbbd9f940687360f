"""Checks of what callers hand in; every error shows what was given and what was expected."""

import difflib
import math
import operator
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ualign_env._limits import MAX_K, MAX_L
from ualign_env._text import short
from ualign_env._types import Floats

#: How far from 1 the sum of a distribution may be; what is accepted is renormalised.
SUM_TOLERANCE = 1e-6

_LISTED = 50  # names of a table that errors list
_COMPARED = 1000  # characters up to which names are compared


class TooLargeError(ValueError):
    """A game is too large to be enumerated; the message says how large it would be."""


def about(number: int) -> str:
    """Returns an integer, large ones to three digits, also beyond the largest float."""
    return str(number) if number < 1_000_000 else about_power(math.log10(number))


def about_power(exponent: float) -> str:
    """Returns 10 to a power that may be far too large to be written out."""
    if exponent < 6:
        return str(math.ceil(10**exponent))
    return f"{10 ** (exponent % 1):.2f}e{int(exponent)}"


def integer(name: str, text: str) -> int:
    """Returns the integer that a text is: of ASCII digits alone, not what `int` would take as well."""
    if not re.fullmatch(r"[+-]?[0-9]{1,300}", text):
        raise ValueError(f"{name} is {text!r:.100}, but must be an integer")
    return int(text)


def number(name: str, text: str) -> float:
    """Returns the number that a text is, such as `0.25` or `1e-6`."""
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?", text):
        raise ValueError(f"{name} is {text!r:.100}, but must be a number")
    return float(text)


def count(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Returns `value` as an int within bounds; `1.5`, `True` and `"3"` are not counts."""
    expected = f"an integer of at least {minimum}" if maximum is None else f"an integer from {minimum} to {maximum}"
    # torch's and numpy's truth values would count as 0 and 1, and what is masked as what is behind the mask
    if isinstance(value, bool) or "bool" in str(getattr(value, "dtype", "")) or np.ma.isMaskedArray(value):
        raise ValueError(f"{name} is {value!r:.200}, but must be {expected}")
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} is {value!r:.200}, but must be {expected}") from None
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError(f"{name} is {number}, but must be {expected}")
    return number


def number_of_outputs(k: Any) -> int:
    """Returns k, the number of responses shown, as an int from 1 to `MAX_K`."""
    return count("k", k, 1, MAX_K)


def number_of_responses(value: Any, name: str = "l") -> int:
    """Returns how many responses an opponent submits, or a player of games over multisets: from 1 to `MAX_L`."""
    return count(name, value, 1, MAX_L)


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def real(name: str, value: Any, low: float, high: float) -> float:
    """Returns `value` as a float from `low` to `high`."""
    if not _is_real(value) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, but must be a number from {low:g} to {high:g}")
    return float(value)


def positive(name: str, value: Any) -> float:
    """Returns `value` as a float, positive and finite."""
    if not _is_real(value) or not 0 < value < np.inf:
        raise ValueError(f"{name} is {value!r}, but must be positive and finite")
    return float(value)


def scale(name: str, value: Any, *, high: float = 1e100, zero: bool = False) -> float:
    """Returns `value` as a float by which numbers can be multiplied and divided: positive, or 0 where that is meant."""
    if zero and _is_real(value) and value == 0:
        return 0.0
    low = 1e-100
    if not _is_real(value) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, but must be {'0 or ' * zero}a number from {low:g} to {high:g}")
    return float(value)


def number_array(name: str, value: Any) -> npt.NDArray[Any]:
    """Returns `value` as an array of real numbers without gaps, in its own type."""
    value = [_untied(row) for row in value] if isinstance(value, list | tuple) else _untied(value)
    if _has_mask(value):
        raise ValueError(f"{name} has masked entries, but every entry must be known")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):
        raise ValueError(f"{name} must be a rectangular array, not {value!r:.200}") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be a rectangular array of numbers, not {value!r:.200}")
    return array


def _untied(value: Any) -> Any:
    """Returns a torch tensor without its gradient, on the CPU, in a type that numpy has; what is none, as it is."""
    if not hasattr(value, "detach"):
        return value
    value = value.detach().cpu()
    return value.double().numpy() if value.is_floating_point() else value.numpy()


def _has_mask(value: Any) -> bool:
    """Returns whether an array, or one in a list of them, has masked entries."""
    if isinstance(value, list | tuple):
        return any(_has_mask(row) for row in value if isinstance(row, list | tuple | np.ma.MaskedArray))
    return bool(np.ma.is_masked(value))


def real_array(name: str, value: Any, ndim: int) -> Floats:
    """Returns `value` as a float64 array of `ndim` axes with only finite entries."""
    array = number_array(name, value).astype(np.float64)
    if array.ndim != ndim:
        raise ValueError(f"{name} has shape {array.shape}, but must have {ndim} axes")
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name}{list(where)} is {array[where]}, but must be finite")
    return array


def distributions(name: str, value: Any, shape: tuple[int, ...], meaning: str) -> Floats:
    """Returns `value` as distributions over its last axis, renormalised to sum to 1.

    Args:
        name: what the array is called in errors.
        value: array-like of the given shape.
        shape: the shape it must have.
        meaning: what the shape stands for, e.g. `the population has 4 responses`.
    """
    given = number_array(name, value).shape
    if given != shape:
        if len(given) == len(shape) == 1:
            raise ValueError(f"{name} has {given[0]} entries, but {meaning}")
        raise ValueError(f"{name} has shape {given}, but {meaning}: expected shape {shape}")
    array = real_array(name, value, len(shape))
    if (array < 0).any():
        where = tuple(int(i) for i in np.argwhere(array < 0)[0])
        raise ValueError(f"{name}{list(where)} is {array[where]}, but probabilities must not be negative")
    totals = array.sum(axis=-1, keepdims=True)
    off = np.abs(totals - 1) > SUM_TOLERANCE
    if off.any():
        where = np.argwhere(off)[0][:-1]
        row = f"{name}{[int(i) for i in where]}" if where.size else name
        raise ValueError(f"{row} sums to {totals[off][0]:.9g}, but must sum to 1 (within {SUM_TOLERANCE:g})")
    return array / totals


def weights(value: Any, n: int, what: str) -> Floats:
    """Returns `n` non-negative weights, not all zero, normalised to sum to 1."""
    array = raw_weights(value, n, what)
    scaled = array / array.max()  # the sum of huge weights would overflow
    return scaled / scaled.sum()


def raw_weights(value: Any, n: int, what: str) -> Floats:
    """Returns `n` non-negative weights, not all zero, as they were given."""
    array = real_array("weights", value, 1)
    if array.size != n:
        raise ValueError(f"weights has {array.size} entries, but there are {n} {what}")
    if (array < 0).any():
        where = int(np.argmax(array < 0))
        raise ValueError(f"weights[{where}] is {array[where]:g}, but weights must not be negative")
    if not array.any():
        raise ValueError(f"weights are all zero, but at least one of the {n} {what} must count")
    return array


def names(what: str, value: Iterable[str] | None, n: int, default: Iterable[str]) -> tuple[str, ...]:
    """Returns `n` distinct, non-empty names, `default` where none are given."""
    if isinstance(value, str):  # a sequence of letters, but hardly meant as one
        raise ValueError(f"{what} is {value!r:.200}, but must be several strings")
    try:
        result = tuple(default if value is None else value)
    except TypeError:
        raise ValueError(f"{what} is {value!r:.200}, but must be {n} strings") from None
    if len(result) != n:
        raise ValueError(f"{what} has {len(result)} names, but there are {n} {what}")
    for name in result:
        if not isinstance(name, str) or not name:
            raise ValueError(f"{what} must be non-empty strings, not {name!r}")
    if len(set(result)) != n:
        twice = next(name for name in result if result.count(name) > 1)
        raise ValueError(f"{what} must be distinct, but {twice!r} is given twice")
    return result


def several(name: str, value: Any) -> list[Any]:
    """Returns the items of a list or anything else that has several; a string is one thing, not letters."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ValueError(f"{name} is {value!r:.200}, but must be several")
    try:
        return list(value)
    except TypeError:  # an array without axes
        raise ValueError(f"{name} is {value!r:.200}, but must be several") from None


def text(name: str, value: Any) -> str:
    """Returns a text."""
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r:.200}, but must be a string")
    return value


def flag(name: str, value: Any) -> bool:
    """Returns True or False, for which nothing else stands."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} is {value!r:.200}, but must be True or False")
    return bool(value)


def generator(name: str, value: Any) -> np.random.Generator:
    """Returns a generator from itself, from a seed, or from the system's entropy."""
    if isinstance(value, np.random.Generator):
        return value
    if value is None:
        return np.random.default_rng()
    try:
        return np.random.default_rng(count(name, value, 0))
    except ValueError:
        raise ValueError(f"{name} is {value!r:.200}, but must be a generator, a seed or None") from None


def one_of(kind: str, given: Any, known: Iterable[str]) -> Any:
    """Returns a name that is in a table."""
    if not isinstance(given, str) or given not in known:
        raise unknown(kind, str(given), known)
    return given


def nearest(given: str, known: Iterable[str]) -> str | None:
    """Returns the name in a table that somebody may have meant, None where none is near."""
    names = [name for name in known if len(name) <= _COMPARED]
    return next(iter(difflib.get_close_matches(given, names, n=1)), None) if len(given) <= _COMPARED else None


def unknown(kind: str, given: str, known: Iterable[str]) -> ValueError:
    """Returns the error for a name that is not in a table, with the nearest one that is."""
    known = sorted(set(known))
    near = nearest(given, known)
    hint = "" if near is None else f"did you mean {short(near, 100)!r}? "
    listed = [short(name, 100) for name in known[:_LISTED]]
    if len(known) > _LISTED:
        listed.append(f"and {len(known) - _LISTED:,} more")
    return ValueError(f"unknown {kind} {short(given, 100)!r}; {hint}known: {', '.join(listed) or 'none'}")
