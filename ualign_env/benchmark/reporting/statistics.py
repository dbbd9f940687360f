"""What many runs say together: how soon targets are met, at what cost, how well agents do on the whole, how surely.

Axes: R runs, T tasks, S seeds, G targets, B bootstrap samples, C costs.

A *shortfall* is what a robust win rate lacks to the optimum. The score of a run is minus its common logarithm, so that
one more is ten times nearer to the optimum. Tasks and targets are given, only seeds are drawn: bootstrap samples draw
each task's seeds anew, as many as there are, and leave the tasks as they are. Tasks may differ in their seeds.

Source: Hansen, Auger, Brockhoff & Tusar, "Anytime performance assessment in blackbox optimization benchmarking", 2022
(fixed targets, ECDF, ERT); Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", 2021
(interquartile mean, stratified bootstrap, probability of improvement).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ualign_env._types import Floats
from ualign_env.benchmark.budget import Spent
from ualign_env.benchmark.results import RunResult

#: Shortfalls to be met, from 0.1 down to 1e-8 in steps of a fifth of a decade.
TARGETS: Floats = 10.0 ** -np.arange(1, 8.01, 0.2)

#: Those whose expected cost is reported.
ERT_TARGETS = (1e-2, 1e-4, 1e-6)

#: Shortfalls below this count as this.
LEAST = 1e-10

_LEVEL = 0.95
_SAMPLES = 2000
_MIN_SEEDS = 3

#: A task of a suite: its name, k and l.
TaskKey = tuple[str, int, int]


@dataclass(frozen=True)
class Interval:
    """A number and the interval in which it lies with 95% confidence; None where nothing was drawn."""

    value: float
    low: float | None = None
    high: float | None = None


def task_of(result: RunResult) -> TaskKey:
    """Returns the task of a run."""
    return result.task, result.k, result.l


def score_of(result: RunResult) -> float:
    """Returns minus the logarithm of the run's shortfall, from about 0 to 10."""
    return float(-np.log10(max(result.shortfall, LEAST)))


def by_task(results: Iterable[RunResult], tasks: Sequence[TaskKey]) -> list[Floats]:
    """Returns for each of T tasks the scores of an agent's runs; empty where there are none."""
    found: dict[TaskKey, list[float]] = {task: [] for task in tasks}
    for result in results:
        found[task_of(result)].append(score_of(result))
    return [np.array(scores) for scores in found.values()]


def interquartile_mean(values: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Floats:
    """Returns the mean of the middle half of the last axis, by weight; values at its ends count in part.

    Args:
        values: `[..., R]`.
        weights: `[R]`, equal unless they are given.
    """
    array = np.asarray(values, np.float64)
    given = np.ones(array.shape[-1]) if weights is None else np.asarray(weights, np.float64)
    order = np.argsort(array, axis=-1)
    ends = np.cumsum((given / given.sum())[order], axis=-1)
    starts = np.concatenate([np.zeros((*ends.shape[:-1], 1)), ends[..., :-1]], axis=-1)
    inside = np.clip(ends, 0.25, 0.75) - np.clip(starts, 0.25, 0.75)
    return 2 * (inside * np.take_along_axis(array, order, axis=-1)).sum(axis=-1)


def resampled(scores: Sequence[Floats], rng: np.random.Generator, samples: int = _SAMPLES) -> list[Floats]:
    """Returns for each task `[B, S]` scores: the task's own, drawn anew."""
    return [one[rng.integers(one.size, size=(samples, one.size))] for one in scores]


def overall(scores: Sequence[Floats], rng: np.random.Generator, samples: int = _SAMPLES) -> Interval:
    """Returns the interquartile mean of an agent's scores, each task with the same weight, and its interval.

    Args:
        scores: for each task, those of its seeds; tasks without any are left out.
        rng: draws seeds.
        samples: B.
    """
    known = [one for one in scores if one.size]
    if not known:
        return Interval(float("nan"))
    weights = np.concatenate([np.full(one.size, 1 / one.size) for one in known])
    value = float(interquartile_mean(np.concatenate(known), weights))
    if all(one.size < 2 or np.ptp(one) == 0 for one in known):
        return Interval(value)
    drawn = np.concatenate(resampled(known, rng, samples), axis=1)
    return Interval(value, *_ends(interquartile_mean(drawn, weights)))


def probability_of_improvement(
    mine: Sequence[Floats], yours: Sequence[Floats], rng: np.random.Generator, samples: int = _SAMPLES
) -> Interval:
    """Returns the chance that a run of one agent beats one of another on the same task, ties counted half.

    Args:
        mine: for each task, the scores of one agent's seeds; tasks that one of the two lacks are left out.
        yours: those of the other.
        rng: draws seeds.
        samples: B.
    """
    pairs = [(one, other) for one, other in zip(mine, yours, strict=True) if one.size and other.size]
    if not pairs:
        return Interval(float("nan"))
    value = float(np.mean([_beats(one[None], other[None])[0] for one, other in pairs]))
    if all(one.size < 2 and other.size < 2 for one, other in pairs):
        return Interval(value)
    first, second = (resampled([pair[i] for pair in pairs], rng, samples) for i in (0, 1))
    drawn = np.mean([_beats(one, other) for one, other in zip(first, second, strict=True)], axis=0)
    return Interval(value, *_ends(drawn))


def _beats(one: Floats, other: Floats) -> Floats:
    """Returns `[B]`: the share of pairs of `[B, S]` and `[B, S']` in which the first is greater, ties half."""
    return (np.sign(one[:, :, None] - other[:, None, :]) + 1).mean(axis=(1, 2)) / 2


def mean_ranks(scores: Mapping[str, Sequence[Floats]]) -> dict[str, float]:
    """Returns agents' mean ranks over tasks, by their mean scores; those tied share ranks, and who is missing is last.

    Args:
        scores: for each agent, for each task, the scores of its seeds.
    """
    names = list(scores)
    if not names:
        return {}
    means = np.array([[one.mean() if one.size else -np.inf for one in scores[name]] for name in names])
    better = (means[None] > means[:, None]).sum(axis=1)
    tied = (means[None] == means[:, None]).sum(axis=1)
    ranks = better + (tied + 1) / 2
    return dict(zip(names, ranks.mean(axis=1).tolist(), strict=True))


def hits(result: RunResult, targets: Floats = TARGETS) -> Floats:
    """Returns `[G]` what a run had spent of its budget when it first met each target; infinity where it did not."""
    inside = result.spending <= result.budget
    if result.ranked is None or not inside.any():
        return np.full(targets.size, np.inf)
    spent, met = result.spending[inside], result.shortfalls[inside] <= targets[:, None]
    return np.where(met.any(axis=1), spent[met.argmax(axis=1)], np.inf)


def solved_shares(results: Sequence[RunResult], tasks: Sequence[TaskKey], costs: Floats) -> dict[TaskKey, Floats]:
    """Returns for each task `[S, C]`: the share of targets that each run had met at each cost."""
    found: dict[TaskKey, list[Floats]] = {task: [] for task in tasks}
    for result in results:
        found[task_of(result)].append((hits(result)[:, None] <= costs).mean(axis=0))
    return {task: np.array(rows).reshape(-1, costs.size) for task, rows in found.items()}


@dataclass(frozen=True)
class Curve:
    """The share of pairs of tasks and targets that are solved with a budget.

    Attributes:
        costs: `[C]`.
        shares: `[C]`.
        low: `[C]` the lower end of what other seeds would have given, with 95% confidence; None where nothing is drawn.
        high: `[C]` the upper end.
    """

    costs: Floats
    shares: Floats
    low: Floats | None = None
    high: Floats | None = None

    @property
    def area(self) -> float:
        """The mean share over costs, on their logarithmic scale."""
        return float(self.shares.mean())


def solved_curve(
    results: Sequence[RunResult],
    tasks: Sequence[TaskKey],
    costs: Floats,
    rng: np.random.Generator,
    samples: int = 200,
) -> Curve:
    """Returns the ECDF of an agent: tasks that it could not start count as not solved.

    Args:
        results: its runs.
        tasks: all tasks.
        costs: at which it is evaluated.
        rng: draws seeds.
        samples: B.
    """
    rows = list(solved_shares(results, tasks, costs).values())
    mean = np.mean([row.mean(axis=0) if len(row) else np.zeros(costs.size) for row in rows], axis=0)
    if all(len(row) < 2 for row in rows):
        return Curve(costs, mean)
    drawn = np.zeros((samples, costs.size))
    for row in rows:
        if len(row):
            drawn += row[rng.integers(len(row), size=(samples, len(row)))].mean(axis=1)
    low, high = np.quantile(drawn / len(rows), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0)
    return Curve(costs, mean, low, high)


def costs_of(budget: float, unit: str, points: int = 40) -> Floats:
    """Returns `[C]` costs from the first look to the end of a budget, evenly spaced in the logarithm."""
    first = {"seconds": 1e-3, "plays": 10.0, "steps": 1.0}[unit]
    return np.geomspace(min(first, budget), budget, points)


def expected_cost(results: Sequence[RunResult], target: float) -> float:
    """Returns the expected running time to a target: what all runs spent until they met it, or in all, a success.

    Infinity where no run met it.
    """
    spent, successes = 0.0, 0
    for result in results:
        cost = float(hits(result, np.array([target]))[0])
        if np.isfinite(cost):
            successes += 1
            spent += cost
        else:
            spent += min(result.budget, Spent(result.cpu, result.wall, result.steps, result.plays).of(result.unit))
    return spent / successes if successes else float("inf")


def enough_seeds(results: Sequence[RunResult], tasks: Sequence[TaskKey]) -> bool:
    """Returns whether an agent can be ranked: it has had every task, with three seeds where it depends on them."""
    seeds = {task: {result.seed for result in results if task_of(result) == task} for task in tasks}
    needed = _MIN_SEEDS if any(result.random for result in results) else 1
    return all(len(one) >= needed for one in seeds.values())


def _ends(drawn: Floats) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


def difference_of(
    first: Sequence[Floats], second: Sequence[Floats], rng: np.random.Generator, samples: int = _SAMPLES
) -> Interval:
    """Returns the interquartile mean over tasks of what the second's mean scores are more than the first's.

    Args:
        first: for each task, the scores of one agent's seeds, at least one.
        second: those of the other.
        rng: draws seeds.
        samples: B.
    """
    pairs = list(zip(first, second, strict=True))
    value = float(interquartile_mean([other.mean() - one.mean() for one, other in pairs]))
    if all(one.size < 2 and other.size < 2 for one, other in pairs):
        return Interval(value)
    means = [np.stack([one.mean(axis=1) for one in resampled(side, rng, samples)], axis=1) for side in (first, second)]
    return Interval(value, *_ends(interquartile_mean(means[1] - means[0])))
