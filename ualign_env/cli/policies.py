"""Policies that the command line scores: by name, or in files."""

import json
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ualign_env import _checks, specs
from ualign_env._text import short
from ualign_env.scenario import Scenario
from ualign_env.solvers.baselines import BASELINES
from ualign_env.solvers.symmetric import solve

_LISTED = 10  # names of responses

#: The policy that is solved for.
EQUILIBRIUM = "equilibrium"

#: What they can be.
POLICIES = (
    f"{EQUILIBRIUM}, for that k, or one of {', '.join(BASELINES)}; the name of a response, which is then always shown; "
    "a .json file of probabilities by responses' names, or by prompts' and these; the .npz file of `ualign solve "
    "--out`; or a .npy file, whose columns are responses in the order in which they first appear in the data."
)


def load_policy(text: str, scenario: Scenario, k: int | None = None) -> Any:
    """Returns a policy: a baseline's name, the equilibrium, a response that is always shown, or what a file holds.

    Args:
        text: what is asked for.
        scenario: what it is for.
        k: number of responses shown; None: any number, so that nothing that depends on it is meant.
    """
    if text in BASELINES:
        return text
    if text == EQUILIBRIUM and k is not None:
        return solve(scenario, k)
    responses = {name for users in scenario.populations for name in users.responses}
    if text in responses:
        return {text: 1.0}
    if text.endswith(".json"):
        return _json_policy(text)
    if text.endswith((".npy", ".npz")):
        return _array_policy(text, scenario, k)
    near = _checks.nearest(text, [EQUILIBRIUM, *BASELINES, *responses])
    hint = "" if near is None else f"did you mean {short(near, 100)!r}? "
    known = ", ".join([EQUILIBRIUM, *BASELINES, "FILE.json", "FILE.npy", "FILE.npz"])
    some = ", ".join(short(name, 30) for name in sorted(responses)[:_LISTED])
    more = f" and {len(responses) - _LISTED:,} more" if len(responses) > _LISTED else ""
    raise ValueError(f"unknown policy {short(text, 100)!r}; {hint}known: {known}; responses: {some}{more}")


def _json_policy(path: str) -> Any:
    """Returns what a file says of names; of one that is said twice, the first would be ignored silently."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if twice := [name for name, n in Counter(name for name, _ in pairs).items() if n > 1]:
            raise ValueError(f"{twice[0]!r:.100} is named twice")
        return dict(pairs)

    try:
        found = json.loads(Path(path).read_text(encoding="utf-8-sig"), object_pairs_hook=once)
        if not isinstance(found, dict | list):
            raise ValueError(f"it holds {found!r:.100}, but must hold probabilities by names, or an array")
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"cannot read a policy from {path!r}: {error}") from None
    return found


def _array_policy(path: str, scenario: Scenario, k: int | None) -> Any:
    """Returns the array of a `.npy` file, or that of what `solve` wrote."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            solved = {name: loaded[name] for name in ("scenario", "k", "policy")}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"cannot read a policy from {path!r}: {error}") from None
    if k is None:
        raise ValueError(f"{path!r} holds an equilibrium for each k, but a curve needs one policy for all")
    if specs.load_scenario(str(solved["scenario"])) != scenario:
        raise ValueError(f"{path!r} holds equilibria of another scenario than {scenario.name!r}")
    place = np.flatnonzero(solved["k"] == k)
    if not place.size:
        raise ValueError(f"{path!r} holds equilibria for k = {', '.join(map(str, solved['k']))}, but k is {k}")
    return solved["policy"][place[0]]
