"""Scenario specs: `name/key:value/...`, one grammar for Python, the command line and OpenSpiel parameters.

A spec is the name of a built-in or registered scenario with its parameters, the path of a PrefLib `.soc` file, or
`inline/` followed by the packed content of a scenario.
"""

import inspect
import math
import os
import re
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ualign_env import _checks
from ualign_env.population import Population
from ualign_env.scenario import INLINE, Scenario

_SOURCES = {
    "german-goals": "ualign_env.sources.classics:german_goals",
    "cycle": "ualign_env.sources.classics:cycle",
    "two-groups": "ualign_env.sources.classics:two_groups",
    "majority-trap": "ualign_env.sources.classics:majority_trap",
    "impartial": "ualign_env.sources.cultures:impartial",
    "mallows": "ualign_env.sources.cultures:mallows",
    "euclidean": "ualign_env.sources.cultures:euclidean",
}
_REGISTERED: dict[str, Scenario] = {}

#: The scenario that games, commands and benchmarks use unless told otherwise.
DEFAULT = "german-goals"

_MAX_RANKS = 2_000_000_000
_RESERVED = (INLINE.rstrip("/"), "true", "false")  # OpenSpiel takes the last two for no strings
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def load_scenario(spec: str | os.PathLike[str]) -> Scenario:
    """Returns the scenario that a spec names.

    Args:
        spec: for example `"german-goals"`, `"mallows/responses:6/phi:0.8/seed:1/prompts:4"`, the path of a PrefLib
            `.soc` file, or the `spec` of another scenario.

    Raises:
        ValueError: if the name or a parameter is unknown, a value doesn't fit, or the file is malformed.
    """
    text = os.fspath(spec)
    if text.startswith(INLINE):
        return Scenario.from_inline(text.removeprefix(INLINE))
    if text.lower().endswith(".soc"):
        return _load_file(Path(text))
    if text.startswith((".", "/")) or os.path.isfile(text):
        raise ValueError(f"cannot read {text!r}: only PrefLib's .soc files (strict and complete orders) are read")
    name, *pairs = text.split("/")
    if name in _REGISTERED:
        if pairs:
            raise ValueError(f"scenario {name!r} takes no parameters, but got {'/'.join(pairs)!r}")
        return _REGISTERED[name]
    if name not in _SOURCES:
        raise _checks.unknown("scenario", name, list_scenarios())
    try:
        return _build(text)
    except ValueError as error:
        raise ValueError(f"scenario {text!r:.200}: {error}") from None
    except (MemoryError, OverflowError):
        raise ValueError(f"scenario {text!r:.200} is too large for this machine's memory") from None


def list_scenarios() -> list[str]:
    """Returns the names of the built-in and registered scenarios."""
    return [*_SOURCES, *_REGISTERED]


def register_scenario(name: str, scenario: Scenario, *, overwrite: bool = False) -> None:
    """Gives a scenario a name for `load_scenario` in this process; its `spec` works in every process.

    Args:
        name: lower-case words joined by `-`.
        scenario: what the name stands for.
        overwrite: whether the name may already stand for another scenario.

    Raises:
        ValueError: if the name is malformed, built in, or stands for another scenario.
    """
    if not isinstance(scenario, Scenario):
        raise ValueError(f"scenario is {scenario!r:.200}, but must be a Scenario")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _RESERVED:
        raise ValueError(f"name is {name!r}, but must be lower-case words joined by '-', and none of {_RESERVED}")
    if name in _SOURCES:
        raise ValueError(f"{name!r} is a built-in scenario; choose another name")
    if not overwrite and _REGISTERED.get(name, scenario) != scenario:
        raise ValueError(f"{name!r} already stands for another scenario; pass overwrite=True to replace it")
    own = scenario.populations, scenario.prompts, scenario.probabilities
    _REGISTERED[name] = Scenario(*own, features=scenario.features, name=name)


def as_scenario(target: Scenario | Population | str | os.PathLike[str]) -> Scenario:
    """Returns a scenario from itself, from the population of its only prompt, or from its spec."""
    if isinstance(target, Scenario):
        return target
    if isinstance(target, Population):
        return Scenario([target])
    if isinstance(target, str | os.PathLike):
        return load_scenario(target)
    raise ValueError(f"expected a Scenario, a Population or a scenario's spec, not {target!r:.200}")


def describe_scenario(name: str) -> tuple[str, str]:
    """Returns a scenario's spec with all its parameters at their defaults, and one line on what it is."""
    if name in _REGISTERED:
        return name, repr(_REGISTERED[name])
    source = _source(name)
    pairs = [f"{key}:{_written(default)}" for key, default in _parameters(source).items() if default != ()]
    return "/".join([name, *pairs]), (inspect.getdoc(source) or "").splitlines()[0]


def _load_file(path: Path) -> Scenario:
    from ualign_env.sources.preflib import read_soc

    # its spec holds the content: the file may change, move, or not exist where another process looks
    return Scenario([read_soc(path)], [path.stem], name=str(path))


@lru_cache(maxsize=8)
def _build(text: str) -> Scenario:
    """Builds a built-in scenario: fresh draws for each prompt, or the same responses in rotated order."""
    name, *pairs = text.split("/")
    source = _source(name)
    values = _parse(pairs, _parameters(source))
    n_prompts = _checks.count("prompts", values.pop("prompts"), 1)
    sizes = [n_prompts, values.get("responses", 1), values.get("users", values.get("responses", 1))]
    if math.prod(sizes) > _MAX_RANKS:
        raise ValueError(f"{math.prod(sizes):.3g} ranks are more than the {_MAX_RANKS:,} that are made")
    if "seed" in values:
        seed = _checks.count("seed", values.pop("seed"), 0)
        populations = [source(rng, **values) for rng in np.random.default_rng(seed).spawn(n_prompts)]
    else:
        first = source(**values)
        populations = [first.reordered(np.roll(np.arange(first.n_responses), -x)) for x in range(n_prompts)]
    return Scenario(populations, spec=text)


def _source(name: str) -> Callable[..., Population]:
    module, attribute = _SOURCES[name].split(":")
    return getattr(import_module(module), attribute)


def _parameters(source: Callable[..., Population]) -> dict[str, Any]:
    """Returns a source's parameters and their defaults."""
    parameters = inspect.signature(source).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    if "rng" in inspect.signature(source).parameters:
        defaults["seed"] = 0
    return defaults | {"prompts": 1}


def _parse(pairs: list[str], defaults: dict[str, Any]) -> dict[str, Any]:
    """Returns the parameters of a spec, each in the type of its default."""
    values = dict(defaults)
    seen = set()
    for pair in pairs:
        key, colon, text = pair.partition(":")
        if not colon or not text:
            raise ValueError(f"{pair!r} is not of the form key:value")
        if key not in defaults:
            raise _checks.unknown("parameter", key, defaults)
        if key in seen:
            raise ValueError(f"parameter {key!r} is given twice")
        seen.add(key)
        values[key] = _converted(key, text, defaults[key])
    return values


def _converted(key: str, text: str, default: Any) -> Any:
    kind = {int: "an integer", float: "a number", tuple: "numbers joined by ';'"}[type(default)]
    try:
        if not text.isascii() or "_" in text or text != text.strip():
            raise ValueError
        if isinstance(default, tuple):
            return tuple(float(part) for part in text.split(";"))
        return type(default)(text)
    except ValueError:
        raise ValueError(f"{key} is {text!r}, but must be {kind}, as in {key}:{_written(default) or 1}") from None


def _written(value: Any) -> str:
    return ";".join(map(str, value)) if isinstance(value, tuple) else str(value)
