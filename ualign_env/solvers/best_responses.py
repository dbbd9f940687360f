"""The best l responses against a model: by enumeration, by an integer program, or greedily.

Axes: U user types, N responses, M multisets, l responses of the opponent.

Source: Nemhauser, Wolsey and Fisher, "An analysis of approximations for maximizing submodular set functions", 1978, for
the greedy algorithm and both of its bounds.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._limits import MAX_PROGRAM
from ualign_env._multisets import can_enumerate, multisets, n_multisets
from ualign_env._result import Result
from ualign_env._types import Floats
from ualign_env.policies.tabulate import read
from ualign_env.specs import ScenarioLike, one_prompt
from ualign_env.users import Contest

Method = Literal["auto", "exact", "enumeration", "milp", "greedy"]

_MAX_LOOKS = 2_000_000_000  # users times slots of all multisets: a few seconds
_MAX_CELLS = 5_000  # users times responses times l of an integer program that is tried unasked
_MILP_SECONDS = 60.0
_PROVEN = 1e-9


@dataclass(frozen=True)
class BestResponses(Result):
    """The best multiset of responses that an opponent can submit, or one that is nearly as good.

    Attributes:
        responses: l indices in non-decreasing order.
        value: chance that one of them is picked, computed from them.
        upper_bound: what no multiset of l responses exceeds; `value` itself where it is proven to be the best.
        optimal: whether `value` is within 1e-9 of `upper_bound`.
        method: `"enumeration"`, `"milp"` or `"greedy"`.
    """

    responses: tuple[int, ...]
    value: float
    upper_bound: float
    optimal: bool
    method: str

    @property
    def certificate(self) -> float:
        """By how much the best multiset can be better."""
        return self.upper_bound - self.value

    @property
    def advice(self) -> str | None:
        """What to do where a better multiset may exist."""
        if self.optimal:
            return None
        return (
            f"a multiset may be better by {self.certificate:.2g}: method 'exact', where these users have it, takes "
            "longer and proves more"
        )

    def summary(self) -> str:
        """Returns the responses and the chance that one of them is picked."""
        text = f"responses {self.responses} are picked with probability {self.value:.6f}, found by {self.method}"
        return f"{text}; {self.advice}" if self.advice else text


def best_responses(
    scenario: ScenarioLike,
    policy: Any,
    k: int,
    l: int,
    method: Method = "auto",
    *,
    prompt: int | str | None = None,
) -> BestResponses:
    """Returns the best multiset of l responses against a policy's k.

    Args:
        scenario: a scenario, its spec, or users.
        policy: anything that `tabulate` takes.
        k: number of responses that the policy shows, from 1 to 1,000,000.
        l: number of responses of the opponent, from 1 to 500.
        method: `"enumeration"` looks at every multiset; `"milp"` solves an integer program (HiGHS), for up to a minute,
            after which its bound says how good the best found is; `"greedy"` adds one response after the other, and
            reaches at least 1 - 1/e of the best. `"exact"` takes the first of these that can be done, but never the
            last, and `"auto"` the first that is quick.
        prompt: index of the prompt, or its name; needed where the scenario has several.

    Raises:
        ValueError: if the policy, k, l or the method don't fit.
        TooLargeError: if there are too many multisets to enumerate, or variables for an integer program.
    """
    loaded, x = one_prompt(scenario, prompt)
    k, l = _checks.number_of_outputs(k), _checks.number_of_responses(l)
    return respond(read(policy, loaded, k).contest(loaded.populations[x], x, k), l, method)


def respond(contest: Contest, l: int, method: Method = "auto") -> BestResponses:
    """Returns the best multiset of l responses against a model; see `best_responses`."""
    _checks.one_of("method", method, get_args(Method))
    users, n = contest.users.n_types, contest.users.n_responses
    count = n_multisets(n, l)
    if method in ("auto", "exact") and can_enumerate(n, l) and count * l * users <= _MAX_LOOKS:
        method = "enumeration"
    elif method == "exact":
        method = "milp"
    elif method == "auto":
        method = "milp" if users * n * l <= _MAX_CELLS and can_be_proven(contest, l) else "greedy"
    if method == "enumeration":
        return _enumerate(contest, l)
    return _greedy(contest, l) if method == "greedy" else _by_program(contest, l)


def can_be_proven(contest: Contest, l: int) -> bool:
    """Returns whether these users have an integer program, and one of this size is tried at all."""
    size = contest.program_size(l)
    return size is not None and size <= MAX_PROGRAM


def _enumerate(contest: Contest, l: int) -> BestResponses:
    sets = multisets(contest.users.n_responses, l)
    values = contest.values(sets)
    best = int(values.argmax())
    value = float(values[best])
    return BestResponses(tuple(sets[best].tolist()), value, value, True, "enumeration")


def _greedy(contest: Contest, l: int) -> BestResponses:
    """Adds the response that gains most, l times.

    By submodularity the best multiset gains over this one at most what its responses would gain one by one; a copy
    beyond the first, no more than the second.
    """
    chosen: list[int] = []
    for _ in range(l):
        chosen.append(int(contest.gains(chosen, 1)[0].argmax()))
    value = contest.value(chosen)
    first, second = contest.gains(chosen, 2)
    bound = min(value + _at_most(first, second, l), value / (1 - (1 - 1 / l) ** l), 1.0)
    return BestResponses(tuple(sorted(chosen)), value, max(bound, value), bound - value <= _PROVEN, "greedy")


def _at_most(first: Floats, second: Floats, l: int) -> float:
    """Returns the sum of the l largest gains, of which each response has one first and any number of seconds."""
    top = np.sort(first)[::-1][:l]
    return float(np.sort(np.concatenate([top, np.full(l - 1, max(second.max(), 0.0))]))[::-1][:l].sum())


def _by_program(contest: Contest, l: int) -> BestResponses:
    if not can_be_proven(contest, l):
        if contest.program_size(l) is None:
            raise ValueError(f"{type(contest.users).__name__} has no integer program; use another method")
        raise TooLargeError(
            f"the integer program of {contest.users.n_types:,} users, {contest.users.n_responses} responses and "
            f"l = {l} is too large; use the greedy method"
        )
    responses, bound = contest.best_by_program(l, _MILP_SECONDS)
    if responses is None:  # the time is up before anything was found
        return _greedy(contest, l)
    value = contest.value(responses)
    bound = max(value, bound)
    return BestResponses(responses, value, bound, bound - value <= _PROVEN, "milp")
