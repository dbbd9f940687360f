"""Policies by the names of prompts and responses, whatever their numbers are where they are read.

Axes: P prompts, N responses (padded with zeros to the largest number).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ualign_env import _checks
from ualign_env._types import Floats
from ualign_env.scenario import Scenario

_FORM = "{response: probability} for all prompts, or {prompt: {response: probability}}, or {prompt: response}"


def table_of_names(policy: Mapping[Any, Any], scenario: Scenario) -> Floats:
    """Returns `[P, N]` the probabilities that a dictionary gives to names.

    Raises:
        ValueError: if it has another form, or names a prompt or response that is not there, or not every prompt.
    """
    given: dict[Any, Any] = {key: {one: 1.0} if isinstance(one, str) else one for key, one in policy.items()}
    nested = [isinstance(one, Mapping) for one in given.values()]
    if not nested or any(nested) != all(nested) or any(np.ndim(one) for one in given.values()):
        raise ValueError(f"policy is {dict(policy)!r:.200}, but must be {_FORM}")
    of_all = not any(nested)
    by_prompt = dict.fromkeys(scenario.prompts, given) if of_all else given
    known = set(scenario.prompts)
    for prompt in by_prompt:
        if _name("prompt", prompt) not in known:
            raise _checks.unknown("prompt", prompt, scenario.prompts)
    table = np.zeros((scenario.n_prompts, scenario.n_responses))
    for x, (prompt, users) in enumerate(zip(scenario.prompts, scenario.populations, strict=True)):
        if prompt not in by_prompt:
            raise ValueError(f"policy says nothing of {prompt!r:.100}, but must name every prompt")
        places = {name: y for y, name in enumerate(users.responses)}
        row = np.zeros(users.n_responses)
        for name, probability in by_prompt[prompt].items():
            if _name("response", name) not in places:
                having = sum(name in others.responses for others in scenario.populations)
                if of_all and having:
                    raise ValueError(
                        f"policy names {name!r:.100} for every prompt, but only {having} of {scenario.n_prompts} have "
                        f"it, and {prompt!r:.100} is none of these: pass {{prompt: {{response: probability}}}}"
                    )
                raise _checks.unknown(f"response to {prompt!r:.100}", name, users.responses)
            what = f"probability of {name!r:.100} on {prompt!r:.100}"
            row[places[name]] = _checks.real(what, _number(what, probability), 0, 1)
        meaning = f"the prompt has {users.n_responses} responses"
        table[x, : row.size] = _checks.distributions(f"policy on {prompt!r:.100}", row, row.shape, meaning)
    return table


def by_names(scenario: Scenario, prompts: tuple[str, ...], responses: tuple[tuple[str, ...], ...], rows: Floats) -> Any:
    """Returns the policy `[P, N]` that was found where prompts and responses had these names, for another scenario."""
    if prompts == scenario.prompts and responses == tuple(users.responses for users in scenario.populations):
        return rows
    places = {prompt: x for x, prompt in enumerate(prompts)}
    if len(prompts) == scenario.n_prompts == 1:  # however these are called
        places = dict.fromkeys(scenario.prompts, 0)
    if not places.keys() >= set(scenario.prompts):
        raise ValueError(f"policy was found for the prompts {prompts!s:.100}, not for {scenario.prompts!s:.100}")
    chosen = {prompt: places[prompt] for prompt in scenario.prompts}
    return {
        prompt: {name: p for name, p in zip(responses[x], rows[x].tolist(), strict=False) if p}
        for prompt, x in chosen.items()
    }


def labelled(policy: Any) -> dict[Any, Any] | None:
    """Returns a series of pandas with names as a dictionary; None where nothing is named.

    Raises:
        ValueError: if it is a table that has names, whose numbers may mean something else.
    """
    labels = getattr(policy, "index", None) if not hasattr(policy, "columns") else policy.columns
    if labels is None or callable(labels) or not any(isinstance(label, str) for label in labels):
        return None
    if hasattr(policy, "columns"):
        raise ValueError(
            f"policy is a {type(policy).__name__} with columns {list(labels)!r:.100}, but must be {_FORM}, as "
            "to_dict('index') makes of a pandas frame, or an array, as to_numpy() makes, whose columns are numbered"
        )
    return policy.to_dict()


def _name(kind: str, given: Any) -> str:
    """Returns a name of a policy, which is a text, as names of responses are."""
    if not isinstance(given, str):
        raise ValueError(f"policy names the {kind} {given!r:.100}, but names are texts")
    return given


def _number(what: str, given: Any) -> Any:
    """Returns a number of torch or of an array without axes as what it holds."""
    return _checks.number_array(what, given).item() if hasattr(given, "dtype") else given
