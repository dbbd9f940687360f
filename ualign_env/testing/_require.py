"""Checks that also hold under `python -O`."""

from typing import Any


def require(condition: Any, otherwise: str) -> None:
    """Raises an AssertionError, also where `python -O` leaves `assert` out."""
    if not condition:
        raise AssertionError(otherwise)
