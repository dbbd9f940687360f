"""The options of readers are what their defaults are: texts, numbers, truth values, lists of texts."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from ualign_env import _checks
from ualign_env.scenario import Scenario

_Reader = TypeVar("_Reader", bound=Callable[..., Scenario])

_HUGE = 10**15


def checked(reader: _Reader) -> _Reader:
    """Decorates a reader, whose options then must be of the types of their defaults.

    `responses`, which is a number or `"all"`, is left to the rules that use it.
    """
    parameters = inspect.signature(reader).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "responses"}

    @wraps(reader)
    def checking(*args: Any, **given: Any) -> Scenario:
        plain = {key: _plain(key, value, defaults[key]) for key, value in given.items() if key in defaults}
        return reader(*args, **(given | plain))

    return checking  # type: ignore[return-value]


def _plain(name: str, value: Any, default: Any) -> Any:
    """Returns a value as one of the type of a default."""
    if isinstance(default, bool):
        return _checks.flag(name, value)
    if isinstance(default, int):
        return _checks.count(name, value, -_HUGE, _HUGE)
    if isinstance(default, float):
        return _checks.real(name, value, 0, 1e100)
    if isinstance(default, tuple):
        value = [value] if isinstance(value, str) else value  # one name is a list of one
        return tuple(_checks.text(name, one) for one in _checks.several(name, value))
    return _checks.text(name, value)
