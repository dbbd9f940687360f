"""What environments say of keywords that they do not know."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from ualign_env import _checks

#: What somebody may mean who knows another function's arguments.
_MEANT = {"k": "players is k + 1", "players": "k is players - 1"}


def hinted(init: Callable[..., None]) -> Callable[..., None]:
    """Decorates an environment's `__init__`: a keyword that it does not have is an error that says which it has."""
    known = [name for name in inspect.signature(init).parameters if name != "self"]

    @wraps(init)
    def checked(self: Any, *args: Any, **given: Any) -> None:
        for name in given:
            if name not in known:
                hint = f"; {_MEANT[name]}" if name in _MEANT else ""
                raise TypeError(f"{_checks.unknown(f'argument of {type(self).__name__}', name, known)}{hint}")
        init(self, *args, **given)

    return checked
