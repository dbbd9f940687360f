"""Scenario specs: `name/key:value/...`, one grammar for Python, the command line and OpenSpiel parameters.

A spec is the name of a built-in or registered scenario, or the path of a file, with options, or `inline/` followed by
the packed content of a scenario. Names and their options come from the table in `sources`, those of files from
`readers`. In a spec of a file, the path is the longest beginning that exists. Every spec takes `train:0.8`, which keeps
prompts back, with a `split-seed`, and `part:train` or `part:held-out` for one part alone.
"""

import os
import re
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from itertools import count
from typing import Any
from urllib.parse import unquote
from weakref import WeakValueDictionary

from ualign_env import _checks, _options
from ualign_env._summaries import first_line
from ualign_env.readers import choose as reading
from ualign_env.readers.choose import ENDINGS, choose
from ualign_env.scenario import INLINE, Scenario, specified
from ualign_env.sources import SOURCES
from ualign_env.users import Users

#: What stands for a scenario wherever one is wanted: itself, the users of its only prompt, a spec, a path.
ScenarioLike = Scenario | Users | str | os.PathLike[str]

_REGISTERED: dict[str, Scenario] = {}

#: Options that every spec takes: which of its prompts are learned on, which are held out, which of both are meant.
PARTS = {"train": 1.0, "split-seed": 0, "part": "train"}

_LIVE = "live/"
_ALIVE: WeakValueDictionary[str, Scenario] = WeakValueDictionary()
_numbers = count(1)

#: The scenario that games, commands and benchmarks use unless told otherwise.
DEFAULT = "german-goals"

_RESERVED = (INLINE.rstrip("/"), _LIVE.rstrip("/"), "true", "false")  # OpenSpiel takes the last two for no strings
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def load_scenario(spec: str | os.PathLike[str]) -> Scenario:
    """Returns the scenario that a spec names.

    Args:
        spec: for example `"german-goals"`, `"mallows/responses:6/phi:0.8/seed:1/prompts:4"`, the path of a file such
            as `"votes.soc"` or `"ratings.csv/user:annotator/missing:bottom"`, or the `spec` of another scenario. With
            `"/train:0.8"` a share of the prompts, or a number of them, is learned on and the rest is the held-out part
            (`Scenario.split`); `"/part:held-out"` is that part alone, `"/part:train"` the other.

    Raises:
        ValueError: if the name or an option is unknown, a value doesn't fit, or the file is malformed.
    """
    text = os.fspath(spec) if isinstance(spec, str | os.PathLike) else None
    if not isinstance(text, str):
        raise ValueError(
            f"spec is {spec!r:.200}, but must be a string or a path; `read_ratings` and others take frames"
        )
    rest, parts = _without_parts(text)
    if parts:
        return _part_of(load_scenario(rest), parts, text)
    if text.startswith(INLINE):
        return Scenario.from_inline(text.removeprefix(INLINE))
    if text.startswith(_LIVE):
        if text not in _ALIVE:
            raise ValueError(f"scenario {text!r} is gone, or lives in another process")
        return _ALIVE[text]
    name, *pairs = text.split("/")
    path, after = split_path(text)
    if path and name not in (*SOURCES, *_REGISTERED):  # a file of a scenario's name does not hide it
        return _load_file(path, after)
    if name in _REGISTERED:
        if pairs:
            raise ValueError(f"scenario {name!r} takes no options, but got {'/'.join(pairs)!r}")
        return _REGISTERED[name]
    if name not in SOURCES:
        known = [*list_scenarios(), *(f"FILE{ending}" for ending in ENDINGS)]
        hint = ""
        if _NAME.fullmatch(name):
            hint = "; registered names are known in their process alone: pass the scenario's spec to others"
        elif (before := re.split(r"[^a-z0-9-]", name)[0]) in SOURCES:
            hint = f"; options follow a name as in {before}/prompts:2"
        raise ValueError(f"{_checks.unknown('scenario', name, known)}{hint}")
    return _build(text)


def _without_parts(text: str) -> tuple[str, dict[str, str]]:
    """Returns a spec without the options that say which of its prompts are meant, and these."""
    pieces = text.split("/")
    chosen = [piece for piece in pieces[1:] if piece.partition(":")[0] in PARTS]
    return "/".join(piece for piece in pieces if piece not in chosen) if chosen else text, _options.split(chosen)


def _part_of(whole: Scenario, given: dict[str, str], text: str) -> Scenario:
    """Returns what a spec says of a scenario's prompts."""
    if "split-seed" in given and "train" not in given:
        raise ValueError(f"{text!r:.200} has a split-seed, but no train:SHARE or train:NUMBER that it could be of")
    found = whole
    if "train" in given:
        if whole.held_out:
            raise ValueError(f"{text!r:.200} is to be split, but has a held-out part already")
        share = given["train"]
        number = _checks.integer("train", share) if share.isdecimal() else _checks.number("train", share)
        found = whole.split(number, _checks.integer("split-seed", given.get("split-seed", "0")))
    if "part" in given:
        held_out = _checks.one_of("part", given["part"], ("train", "held-out")) == "held-out"
        if not found.held_out:
            raise ValueError(f"{text!r:.200} has no held-out part: train:0.8 makes one")
        found = found.held_out if held_out else found.learned_on()
    fresh = found.renamed(text)
    return specified(fresh, "/".join([whole.spec, *map(":".join, given.items())])) if whole.rebuilt_by_name else fresh


def list_scenarios() -> list[str]:
    """Returns the names of the built-in and registered scenarios."""
    return [*SOURCES, *_REGISTERED]


def register_scenario(name: str, scenario: ScenarioLike, *, overwrite: bool = False) -> None:
    """Gives a scenario a name for `load_scenario` in this process; its `spec` works in every process.

    Args:
        name: lower-case words joined by `-`.
        scenario: what the name stands for: a scenario, a spec, or users.
        overwrite: whether the name may already stand for another scenario.

    Raises:
        ValueError: if the name is malformed, built in, or stands for another scenario.
    """
    scenario = as_scenario(scenario)
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _RESERVED:
        raise ValueError(f"name is {name!r}, but must be lower-case words joined by '-', and none of {_RESERVED}")
    if name in SOURCES:
        raise ValueError(f"{name!r} is a built-in scenario; choose another name")
    if not _checks.flag("overwrite", overwrite) and _REGISTERED.get(name, scenario) != scenario:
        raise ValueError(f"{name!r} already stands for another scenario; pass overwrite=True to replace it")
    _REGISTERED[name] = scenario.renamed(name=name)


def live(scenario: Scenario) -> Scenario:
    """Returns a scenario, just made, with a spec by which this process finds it as long as it is there.

    For users who are no data, but answer: a scenario rebuilt elsewhere would be another.
    """
    spec = f"{_LIVE}{next(_numbers)}"
    _ALIVE[spec] = scenario
    return specified(scenario, spec)


def as_scenario(scenario: ScenarioLike) -> Scenario:
    """Returns a scenario from itself, from the users of its only prompt, or from its spec."""
    if isinstance(scenario, Scenario):
        return scenario
    if isinstance(scenario, Users):
        return _alone(scenario)
    if isinstance(scenario, str | os.PathLike):
        return load_scenario(scenario)
    raise ValueError(f"expected a Scenario, a Population or other Users, a spec or a path, not {scenario!r:.200}")


def _alone(users: Users) -> Scenario:
    """Returns the scenario of one prompt that users are judges of, made once."""
    found = getattr(users, "_alone", None)
    if found is None:
        found = Scenario([users])
        object.__setattr__(users, "_alone", found)
    return found


def one_prompt(scenario: ScenarioLike, prompt: int | str | None = None) -> tuple[Scenario, int]:
    """Returns a scenario and the index of one of its prompts, which must be named where it has several."""
    loaded = as_scenario(scenario)
    if prompt is None and loaded.n_prompts > 1:
        many = f"the scenario has {loaded.n_prompts} prompts, each a game of its own"
        raise ValueError(f"{many}: choose one by prompt= (--on)")
    if isinstance(prompt, str):
        if prompt not in loaded.prompts:
            raise _checks.unknown("prompt", prompt, loaded.prompts)
        return loaded, loaded.prompts.index(prompt)
    return loaded, 0 if prompt is None else _checks.count("prompt", prompt, 0, loaded.n_prompts - 1)


def users_of(scenario: ScenarioLike, prompt: int | str | None = None) -> Users:
    """Returns the users of one prompt, which must be named where there are several."""
    if isinstance(scenario, Users) and prompt is None:
        return scenario
    loaded, x = one_prompt(scenario, prompt)
    return loaded.populations[x]


def describe_scenarios() -> list[tuple[str, str]]:
    """Returns every scenario with all options at their defaults, and one line on what it is."""
    rows = [
        (_options.described(name, _options.options(_source(name))), first_line(entry))
        for name, entry in SOURCES.items()
    ]
    return [*rows, *((name, repr(scenario)) for name, scenario in _REGISTERED.items())]


def other_readings(spec: ScenarioLike) -> dict[str, str]:
    """Returns specs of the same file with another answer to what is arguable in its reading, each by what differs."""
    text, _ = _without_parts(os.fspath(spec) if isinstance(spec, str | os.PathLike) else "")
    path, pairs = split_path(text)
    if not path or text.partition("/")[0] in (*SOURCES, *_REGISTERED):
        return {}
    found = reading.other_readings(path, _options.split(pairs))
    return {what: "/".join([path, *map(":".join, options.items())]) for what, options in found.items()}


def source_options() -> dict[str, Any]:
    """Returns the options of all scenarios with names, each with a default."""
    found: dict[str, Any] = {}
    for name in SOURCES:
        found |= _options.options(_source(name))
    return found


def split_path(text: str) -> tuple[str | None, list[str]]:
    """Returns the path of a file or folder in a spec, and the options that follow it; None where it is no path."""
    parts = text.split("/")
    starts = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    for read in (str, unquote):  # a path may be percent-encoded, which OpenSpiel's parser leaves alone
        for i in reversed(range(len(parts))):
            head, rest = read(starts[i]), parts[i + 1 :]
            # what exists up to a folder may be where a file is missing
            if head and os.path.exists(head) and (os.path.isfile(head) or all(":" in part for part in rest)):
                return head, rest
    for i, part in enumerate(parts):  # a file that is missing
        if part.lower().endswith(ENDINGS) and all(":" in rest for rest in parts[i + 1 :]):
            return starts[i], parts[i + 1 :]
    return (text if text.startswith((".", "/")) else None), []


def _load_file(path: str, pairs: list[str]) -> Scenario:
    # its spec holds the content: the file may change, move, or not exist where another process looks
    given = _options.split(pairs)
    choice = choose(path, given)
    options = {key: text for key, text in given.items() if key not in ("reader", "format")}
    return _made(path, lambda: choice.read(options)).renamed(name="/".join([path, *pairs]))


@lru_cache(maxsize=8)
def _build(text: str) -> Scenario:
    name, *pairs = text.split("/")
    source = _source(name)

    def build() -> Scenario:
        return source(**_options.parsed(_options.split(pairs), _options.options(source)))

    return specified(_made(f"scenario {text!r:.200}", build), text)


def _made(what: str, make: Callable[[], Scenario]) -> Scenario:
    """Returns what a function makes; errors say what was being made."""
    try:
        return make()
    except ValueError as error:
        said = str(error)
        raise type(error)(said if said.startswith(what) else f"{what}: {said}") from None
    except (MemoryError, OverflowError):
        raise ValueError(f"{what} is too large for this machine's memory") from None


def _source(name: str) -> Callable[..., Scenario]:
    module, attribute = SOURCES[name].split(":")
    return getattr(import_module(module), attribute)
