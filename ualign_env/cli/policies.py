"""Policies that the command line scores: by name, or in files."""

import json
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ualign_env import _checks, specs
from ualign_env.scenario import Scenario
from ualign_env.solvers.baselines import BASELINES

#: What they can be.
POLICIES = (
    f"One of {', '.join(BASELINES)}; the name of a response, which is then always shown; a .json file of probabilities "
    "by responses' names, or by prompts' and these; the .npz file of `ualign solve --out`; or a .npy file, whose "
    "columns are responses in the order in which they first appear in the scenario's file."
)


def load_policy(text: str, scenario: Scenario, k: int) -> Any:
    """Returns a policy: a baseline's name, a response that is always shown, or what a file holds."""
    if text in BASELINES:
        return text
    if text.endswith(".json"):
        return _json_policy(text)
    if text.endswith((".npy", ".npz")):
        return _array_policy(text, scenario, k)
    responses = {name for users in scenario.populations for name in users.responses}
    if text not in responses:
        raise _checks.unknown("policy", text, [*BASELINES, "FILE.json", "FILE.npy", "FILE.npz", *responses])
    return {text: 1.0}


def _json_policy(path: str) -> Any:
    """Returns what a file says of names; of one that is said twice, the first would be ignored silently."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if twice := [name for name, n in Counter(name for name, _ in pairs).items() if n > 1]:
            raise ValueError(f"{twice[0]!r:.100} is named twice")
        return dict(pairs)

    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"), object_pairs_hook=once)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"cannot read a policy from {path!r}: {error}") from None


def _array_policy(path: str, scenario: Scenario, k: int) -> Any:
    """Returns the array of a `.npy` file, or that of what `solve` wrote."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            solved = {name: loaded[name] for name in ("scenario", "k", "policy")}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"cannot read a policy from {path!r}: {error}") from None
    if specs.load_scenario(str(solved["scenario"])) != scenario:
        raise ValueError(f"{path!r} holds equilibria of another scenario than {scenario.name!r}")
    place = np.flatnonzero(solved["k"] == k)
    if not place.size:
        raise ValueError(f"{path!r} holds equilibria for k = {', '.join(map(str, solved['k']))}, but k is {k}")
    return solved["policy"][place[0]]
