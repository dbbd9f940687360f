"""The alignment game as a reward function of trainers that sample groups of completions: GRPO, RLOO.

Axes: U users, n completions of a batch, G completions of a group.
"""

import hashlib
import pickle
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

import numpy as np

from ualign_env import _checks
from ualign_env._types import Floats
from ualign_env.llm.judges import Judges, Text, UserGroups, judged
from ualign_env.llm.memory import Known, Memory
from ualign_env.scoring.groups import Missing, completed, group_rewards

#: What TRL passes besides the columns of the data set.
_NOT_DATA = {"completion_ids", "trainer_state", "environments"}


class AlignmentReward:
    """Rewards each completion by the chance that a user picks it among itself and k others of its group.

    TRL's `GRPOTrainer` and `RLOOTrainer` take it as `reward_funcs`. The G completions of a prompt are a table at which
    all k + 1 of them sit down together, so that the trainer plays the symmetric (k+1)-player game against itself. With
    k = 1 that is Nash learning from human feedback; without k it is reinforcement learning from the users' mean score.

    A group is a run of completions with equal prompts and columns, as trainers draw them, in all processes together;
    `num_generations` must exceed k, in evaluation too. What trainers log (`log_metric`) besides the mean reward, which
    is always 1/(k+1): `effective_picks`, how many different completions of a group users pick, rare ones counting less;
    `ties`, the share of pairs of different completions that users like equally; `judged_in_part`, the share of users
    who have not judged all of a group; and `left_behind`, a warning sign: how much more than 1/(k+1) the best
    completion earns that was said eight groups ago or before, on average over up to 16 groups since. It is small while
    the model approaches the equilibrium, and grows where it has stopped saying what users would pick.

    Source: Cai and Zheng, "Asymptotic Universal Alignment", arXiv 2601.08777, for the game.
    """

    def __init__(
        self,
        judges: Judges,
        k: int | None,
        *,
        missing: Missing = "exclude user",
        num_generations: int | None = None,
        columns: Iterable[str] | None = None,
        name: str | None = None,
    ) -> None:
        """Makes a reward function.

        Args:
            judges: who judges, see `Judges`: a function of texts, reward models, or the users of a scenario.
            k: how many others a completion meets, below the number of generations; None: the users' mean score.
            missing: what is done with users who have not judged all of a group, see `group_rewards`.
            num_generations: the trainer's, where a prompt can come twice in a row, as of a data set with one prompt:
                the completions of such a run are then groups of this size. Without it, they are one group.
            columns: those of the data set whose values tell groups of the same prompt apart (default: all). Name them
                where others differ from completion to completion.
            name: under which the trainer logs it (default: `picked_of_4` for k = 3, or `mean_score`).

        Raises:
            ValueError: if judges cannot be called, or k is no number of others.
        """
        if not callable(judges):
            raise ValueError(f"judges are {judges!r:.200}, but must be callable; RewardModels makes judges of models")
        self.judges = judges
        self.k = None if k is None else _checks.count("k", k, 1)
        self._missing: Missing = _checks.one_of("way to treat missing scores", missing, get_args(Missing))
        self._size = None if num_generations is None else _checks.count("num_generations", num_generations, 1)
        self._columns = None if columns is None else set(_checks.several("columns", columns))
        self._memory = Memory()
        self.__name__ = name or ("mean_score" if self.k is None else f"picked_of_{self.k + 1}")

    def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        *,
        log_metric: Any = None,
        log_extra: Any = None,
        **columns: Any,
    ) -> list[Any]:  # floats: TRL's type is list[float | None], and lists are invariant
        """Returns a reward for each of n completions, a float, as TRL's trainers expect.

        Raises:
            ValueError: if judges return something else than scores of all completions, or a group has no more than k.
        """
        scores, weights = judged(self.judges, prompts, completions, columns)
        telling = [
            (name, values)
            for name, values in columns.items()
            if name not in _NOT_DATA and (self._columns is None or name in self._columns)
        ]
        keys = [_key([prompt, *(values[i] for _, values in telling)]) for i, prompt in enumerate(prompts)]
        said = list(map(_key, columns.get("completion_ids", completions)))
        begins = [f"{prompt!r:.100}" for prompt in prompts]
        own, rows = _of_all_processes(list(zip(keys, said, scores.T, weights.T, begins, strict=True)))
        counts = sorted({row[2].size for row in rows})
        if len(counts) > 1:
            raise ValueError(
                f"the judges returned scores of {' and '.join(map(str, counts))} users in different processes, but "
                "must return those of the same users in all: a row for each, and NaN for what she did not judge"
            )
        keys, said = [row[0] for row in rows], np.array([row[1] for row in rows])
        scores, weights = np.array([row[2] for row in rows]).T, np.array([row[3] for row in rows]).T
        groups = self.judges.groups if isinstance(self.judges, UserGroups) else ()
        rewards, metrics, extras = np.empty(len(rows)), defaultdict(list), defaultdict(lambda: [None] * len(rows))
        for run in _runs(keys, self._size):
            whole, shares = self._group(rows[run.start][4], scores[:, run], weights[:, run])
            if self.k is None:
                rewards[run] = shares @ whole
                continue
            rewards[run] = group_rewards(whole, self.k, shares)
            if log_metric is not None:
                memory = None if np.isnan(scores[:, run]).any() else self._memory.of(keys[run.start])
                for name, value in _metrics(memory, said[run], whole, shares, rewards[run], self.k).items():
                    metrics[name].append(value)
                lost = np.isnan(scores[:, run]).any(axis=1)
                metrics["judged_in_part"].append(float(lost @ weights[:, run.start] / weights[:, run.start].sum()))
            if log_extra is not None:
                for name, picked in _by_group(groups, whole, shares, self.k).items():
                    extras[f"picked by {name}"][run] = picked.tolist()
        if log_metric is not None:
            for name, values in metrics.items():
                log_metric(name, float(np.mean(values)))
        if log_extra is not None:
            for name, shown in extras.items():
                log_extra(name, shown[own])
        return rewards[own].tolist()

    def _group(self, prompt: str, scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Returns `[U, G]` scores without gaps, and `[U]` weights which sum to 1.

        Raises:
            ValueError: if nobody is left who judged the group, it has no more than k completions, or users have other
                weights for some of them.
        """
        size = scores.shape[1]
        if self.k is not None and self.k >= size:
            raise ValueError(
                f"k is {self.k}, but there are only {size} completions in a row with equal prompts and columns, as in "
                f"{prompt}; k others are needed: set num_generations, and num_generations_eval, to more than {self.k}, "
                "and name with `columns` what tells prompts apart where others differ from completion to completion"
            )
        if not np.allclose(weights, weights[:, :1]):
            raise ValueError(f"the judges' weights differ between completions of one prompt, as in {prompt}")
        if np.isinf(scores).any():
            raise ValueError(
                f"the judges gave the score {scores[np.isinf(scores)][0]}, but scores must be finite, or NaN"
            )
        shares = _checks.weights(weights[:, 0], len(weights), "users")
        whole, counted = completed(scores[None], shares[None], self._missing)
        return whole[0], counted[0]


def _metrics(
    memory: Known | None, said: Any, scores: Floats, weights: Floats, rewards: Floats, k: int
) -> dict[str, float]:
    """Returns what is logged of a group."""
    names, first, which = np.unique(said, return_index=True, return_inverse=True)
    picked = np.bincount(which, weights=rewards)
    metrics = {"effective_picks": float(picked.sum() ** 2 / (picked**2).sum())}
    if first.size > 1:
        metrics["ties"] = float(weights @ _tied(scores[:, first]))
    best = None if memory is None else memory.best(names.tolist(), scores[:, first], scores, weights, k)
    return metrics if best is None else metrics | {"left_behind": best - 1 / (k + 1)}


def _tied(scores: Floats) -> Floats:
    """Returns `[U]` the share of pairs of columns that are equal, of `[U, D]` scores."""
    ordered, places = np.sort(scores, axis=1), np.arange(scores.shape[1])
    begins = np.concatenate([np.ones((len(scores), 1), bool), ordered[:, 1:] != ordered[:, :-1]], axis=1)
    equals_before = places - np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    return equals_before.sum(axis=1) / (places.size * (places.size - 1) / 2)


def _by_group(groups: Sequence[str], scores: Floats, weights: Floats, k: int) -> dict[str, Floats]:
    """Returns, for each group of users, `[G]` how often it picks each completion."""
    names = np.array(groups)
    members = {name: np.where(names == name, weights, 0) for name in dict.fromkeys(groups)}
    return {name: group_rewards(scores, k, own) for name, own in members.items() if own.any()}


def _key(value: Any) -> str:
    """Returns a digest of a prompt, a completion or the values of columns: equal for equal ones."""
    found = hashlib.sha256()
    _digest(value, found)
    return found.hexdigest()


def _digest(value: Any, into: Any) -> None:
    if isinstance(value, list | tuple | dict):
        parts = value.items() if isinstance(value, dict) else value
        into.update(f"{type(value).__name__}{len(value)}:".encode())
        for part in parts:
            _digest(part, into)
    else:
        data = value.encode() if isinstance(value, str) else pickle.dumps(value)
        into.update(f"{type(value).__name__}{len(data)}:".encode())
        into.update(data)


def _runs(keys: Sequence[str], size: int | None) -> Iterator[slice]:
    """Returns the ranges of equal keys that follow each other, cut to a size."""
    first = 0
    for i in range(1, len(keys) + 1):
        if i == len(keys) or keys[i] != keys[first] or i - first == size:
            yield slice(first, i)
            first = i


def _of_all_processes(rows: list[Any]) -> tuple[slice, list[Any]]:
    """Returns the rows of all processes in their order, and which of them are this one's.

    A trainer gathers rewards, not completions: with two processes, six completions each and groups of four, a reward
    function sees four and two, then two and four.
    """
    accelerate = sys.modules.get("accelerate")  # which a trainer in several processes has imported
    state = accelerate.PartialState() if accelerate else None
    if state is None or state.num_processes == 1:
        return slice(0, len(rows)), rows
    parts = sys.modules["accelerate.utils"].gather_object([rows])
    before = sum(map(len, parts[: state.process_index]))
    return slice(before, before + len(rows)), [row for part in parts for row in part]
