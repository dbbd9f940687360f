"""Options in texts: `key:value`, joined by `/` in specs and given as `--key value` on the command line.

Keys are the keyword parameters of a function, with hyphens for underscores. Lists have their items joined by `;`, and
`""` is the empty text; any character can be percent-encoded, as `/` and `;` must be within a value.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from ualign_env import _checks

#: What stands for the empty text.
EMPTY = '""'


class Texts(tuple[str, ...]):
    """A list of texts, which may be empty."""

    __slots__ = ()


def options(function: Callable[..., Any]) -> dict[str, Any]:
    """Returns a function's options, with hyphens, and their defaults."""
    parameters = [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return {hyphened(p.name): Texts(p.default) if p.annotation == tuple[str, ...] else p.default for p in parameters}


def hyphened(name: str) -> str:
    """Returns the key of a keyword parameter."""
    return name.replace("_", "-")


def split(pairs: Iterable[str]) -> dict[str, str]:
    """Returns keys and their encoded values from texts of the form `key:value`."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, colon, text = pair.partition(":")
        if not colon or not text:
            raise ValueError(f"{pair!r:.200} is not of the form key:value")
        if key in found:
            raise ValueError(f"option {key!r} is given twice")
        found[key] = text
    return found


def parsed(given: Mapping[str, str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keyword arguments that texts stand for, each in the type of its default."""
    for key in given:
        if key not in defaults:
            raise _checks.unknown("option", key, defaults)
    return {key.replace("-", "_"): _converted(key, text, defaults[key]) for key, text in given.items()}


def _converted(key: str, text: str, default: Any) -> Any:
    if isinstance(default, str):
        return decoded(text)
    if isinstance(default, tuple) and text == EMPTY:
        return ()
    if isinstance(default, Texts):
        return tuple(decoded(part) for part in text.split(";"))
    kind = {bool: "true or false", int: "an integer", float: "a number", tuple: "numbers joined by ';'"}[type(default)]
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text]
        if isinstance(default, int):
            return _checks.integer(key, text)
        if isinstance(default, float):
            return _checks.number(key, text)
        return tuple(_checks.number(key, part) for part in text.split(";"))
    except (ValueError, KeyError):
        raise ValueError(f"{key} is {text!r:.100}, but must be {kind}, as in {key}:{written(default) or 1}") from None


def decoded(text: str) -> str:
    """Returns what a value stands for."""
    return "" if text == EMPTY else unquote(text)


def encoded(value: str) -> str:
    """Returns a text that stands for a value, whatever is in it."""
    return quote(value, safe=" ,=()[]{}<>!?*+@#$&'.~^|:") if value else EMPTY


def written(value: Any) -> str:
    """Returns the text of a value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ";".join(map(written, value)) if value else EMPTY
    return encoded(value) if isinstance(value, str) else str(value)


def described(name: str, defaults: Mapping[str, Any]) -> str:
    """Returns a name with all its options."""
    return "/".join([name, *(f"{key}:{written(default)}" for key, default in defaults.items())])
