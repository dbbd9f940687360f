"""What environments say of keywords that they do not know."""

import difflib
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

#: What somebody may have meant by the name of another function's argument.
_MEANT = {"k": "players, which is k + 1", "players": "k, which is players - 1", "num_players": "players"}


def hinted(init: Callable[..., None]) -> Callable[..., None]:
    """Decorates an environment's `__init__`: a keyword that it does not have is an error that says which it has."""
    known = [name for name in inspect.signature(init).parameters if name != "self"]

    @wraps(init)
    def checked(self: Any, *args: Any, **given: Any) -> None:
        for name in given:
            if name not in known:
                near = [one for one in [_MEANT.get(name, ""), *difflib.get_close_matches(name, known, n=1)] if one]
                meant = [one for one in near if one.partition(",")[0] in known]
                hint = f"did you mean {meant[0]}? " if meant else ""
                raise TypeError(f"{type(self).__name__} has no argument {name!r}; {hint}known: {', '.join(known)}")
        init(self, *args, **given)

    return checked
