"""What every result of the package can do."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np


class Result(ABC):
    """A frozen record of what was found; its fields say what and its methods how to pass it on."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._repr_pretty_ = Result._repr_pretty_  # IPython asks each class in turn, and a dataclass has a __repr__

    def __post_init__(self) -> None:
        for name in getattr(self, "__dataclass_fields__", ()):
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @abstractmethod
    def summary(self) -> str:
        """Returns the essence in a few lines of text."""

    @property
    def advice(self) -> str | None:
        """What to do where the result is not what was asked for; None where it is."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """Returns fields, certificate and advice as plain Python values, ready for JSON.

        Arrays become lists, and None stands for what is no finite number.
        """
        names = list(getattr(self, "__dataclass_fields__", ()))
        more = [name for name in ("certificate", "advice") if name not in names and hasattr(self, name)]
        return {name: plain(getattr(self, name)) for name in [*names, *more]}

    def __str__(self) -> str:
        return self.summary()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002
        """Shows the essence in notebooks and IPython, where the last value of a cell is printed."""
        printer.text(self.summary())


def plain(value: Any) -> Any:
    """Returns a value with arrays, tuples and results in it as lists and dictionaries, and NaN and infinity as None."""
    if isinstance(value, Result):
        return value.to_dict()
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
