"""Models known only by what they showed: M times k responses to each prompt.

Axes: P prompts, M runs of the model, D different multisets among them, S multisets of the opponent, k and l responses.

A language model that was run M times is an empirical distribution over multisets of k responses, which need not be
independent. Its worst opponent is chosen to fit these very runs, so that the rate against it is too low on average:
hence also an estimate by halves, with the opponent chosen on one and tried on the other.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, for the interval (basic, also called pivotal).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._checks import TooLargeError, about
from ualign_env._limits import MAX_CHANCES
from ualign_env._multisets import multisets, n_multisets
from ualign_env._result import Result
from ualign_env._text import counted
from ualign_env._types import Floats, Ints
from ualign_env.scenario import Scenario
from ualign_env.specs import ScenarioLike, as_scenario

_SPLITS = 20  # into halves, averaged
_AT_ONCE = 10_000_000  # bootstrap samples times multisets, of the opponent or different ones of the model


@dataclass(frozen=True)
class SampleScore(Result):
    """How a model known by its samples does against l responses.

    Attributes:
        scenario: name of the scenario.
        k: number of responses shown each time.
        l: number of responses of the opponent.
        n_samples: M, how often the model was run on each prompt.
        robust_win_rate: chance that one of the k is picked, against the worst opponent of the empirical distribution.
        interval: bootstrap interval of the model's own robust win rate. Where many opponents are nearly equally good,
            as at an equilibrium, the upper end of an ordinary one is too low: here it is at least as far above
            `split_half_rate` as above `robust_win_rate`.
        split_half_rate: the same with the opponent chosen on half of the runs and tried on the others, averaged over
            random halves: not below the model's own robust win rate on average.
        confidence: of the interval.
        best_responses: the worst opponent's l responses to each of the P prompts.
        prompt_win_rates: the robust win rate on each of the P prompts.
    """

    scenario: str
    k: int
    l: int
    n_samples: int
    robust_win_rate: float
    interval: tuple[float, float]
    split_half_rate: float
    confidence: float
    best_responses: tuple[tuple[int, ...], ...]
    prompt_win_rates: tuple[float, ...]

    @property
    def advice(self) -> str | None:
        """What to do where the interval says nothing."""
        if self.interval[0] < self.interval[1]:
            return None
        return (
            "all runs on a prompt showed the same responses, and the interval knows no others: run the model more often"
        )

    def summary(self) -> str:
        """Returns the rate with its interval."""
        low, high = self.interval
        text = (
            f"robust win rate {self.robust_win_rate:.4f} against {counted(self.l, 'response')}, "
            f"{self.confidence:.0%} interval {low:.4f} to {high:.4f}, by halves {self.split_half_rate:.4f}, from "
            f"{counted(self.n_samples, 'run')} of k = {self.k} on {self.scenario}"
        )
        return f"{text}\n{self.advice}" if self.advice else text


def score_samples(
    scenario: ScenarioLike,
    samples: npt.ArrayLike,
    *,
    l: int = 1,
    confidence: float = 0.95,
    n_bootstrap: int = 1000,
    rng: np.random.Generator | int | None = None,
) -> SampleScore:
    """Returns how a model does that is known only by the responses it showed.

    This is for a model that chooses the k responses it shows *together*. One that says something when it is asked, each
    time alone, is for `sample_curve`, which makes more of the same samples.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        samples: `[M, k]` (one prompt) or `[P, M, k]` response indices, what the model showed each time; M at least 2.
        l: number of responses of the opponent, from 1 to 500.
        confidence: of the bootstrap interval, between 0 and 1.
        n_bootstrap: bootstrap samples.
        rng: a generator, or its seed; it draws the bootstrap samples and the halves.

    Raises:
        ValueError: if the samples are no responses of the scenario, or an argument is out of range.
        TooLargeError: if the opponent has too many multisets to look at all of them.
    """
    loaded = as_scenario(scenario)
    table = _samples(samples, loaded)
    l = _checks.number_of_responses(l)
    confidence = _checks.real("confidence", confidence, 0, 1)
    n_bootstrap = _checks.count("n_bootstrap", n_bootstrap, 1)
    generator = _checks.generator("rng", rng)
    runs = table.shape[1]
    rates, best = [], []
    replicates, halves = np.zeros(n_bootstrap), np.zeros(_SPLITS)
    for population, probability, shown in zip(loaded.populations, loaded.probabilities, table, strict=True):
        sets, counts = np.unique(np.sort(shown, axis=1), axis=0, return_counts=True)
        many = n_multisets(population.n_responses, l)
        if many * len(sets) > MAX_CHANCES:
            raise TooLargeError(
                f"the opponent has {about(many)} multisets of {l} responses, too many to look at against each of "
                f"{len(sets):,} different samples; use fewer responses or a smaller l"
            )
        opposing = multisets(population.n_responses, l)
        chances = population.matrix(sets, opposing)
        values = counts @ chances / runs
        best.append(tuple(opposing[values.argmax()].tolist()))
        rates.append(1 - float(values.max()))
        replicates += probability * (1 - _bootstrap(chances, counts, n_bootstrap, generator))
        halves += probability * (1 - _split_halves(chances, counts, generator))
    rate = float(loaded.probabilities @ rates)
    tails = np.quantile(replicates, [(1 + confidence) / 2, (1 - confidence) / 2])
    low, high = (2 * rate - tails).tolist()
    halved = float(halves.mean())
    low, high = max(0.0, min(low, rate)), min(1.0, max(high, rate, halved + high - rate))
    return SampleScore(
        scenario=loaded.name,
        k=table.shape[2],
        l=l,
        n_samples=runs,
        robust_win_rate=rate,
        interval=(low, high),
        split_half_rate=halved,
        confidence=confidence,
        best_responses=tuple(best),
        prompt_win_rates=tuple(rates),
    )


def _samples(value: Any, scenario: Scenario) -> Ints:
    """Returns `[P, M, k]` response indices."""
    table = _checks.number_array("samples", value)
    if table.ndim == 2 and scenario.n_prompts == 1:
        table = table[None]
    if table.ndim != 3 or table.dtype.kind not in "iu" or len(table) != scenario.n_prompts:
        raise ValueError(
            f"samples are {table.dtype} of shape {table.shape}, but must be integers of shape [P, M, k] "
            f"with P = {scenario.n_prompts} prompts"
        )
    if table.shape[1] < 2 or table.shape[2] < 1:
        raise ValueError(f"samples have shape {table.shape}, but must be at least two times at least one response")
    for x, population in enumerate(scenario.populations):
        wrong = (table[x] < 0) | (table[x] >= population.n_responses)
        if wrong.any():
            raise ValueError(
                f"samples hold response {int(table[x][wrong][0])} to {scenario.prompts[x]!r}, "
                f"but it has {population.n_responses} responses"
            )
    return table.astype(np.int64)


def _bootstrap(chances: Floats, counts: Ints, n: int, rng: np.random.Generator) -> Floats:
    """Returns `[n]` what the worst opponent of each bootstrap sample earns from it."""
    runs = int(counts.sum())
    best = []
    at_once = max(1, min(n, _AT_ONCE // max(chances.shape)))
    for first in range(0, n, at_once):
        drawn = rng.multinomial(runs, counts / runs, size=min(at_once, n - first))
        best.append((drawn @ chances).max(axis=1) / runs)
    return np.concatenate(best)


def _split_halves(chances: Floats, counts: Ints, rng: np.random.Generator) -> Floats:
    """Returns `[_SPLITS]` what an opponent chosen on one half of the runs earns from the other, both ways."""
    runs = int(counts.sum())
    earned = np.empty(_SPLITS)
    for i in range(_SPLITS):
        half = rng.multivariate_hypergeometric(counts, runs // 2)
        one, other = half @ chances / half.sum(), (counts - half) @ chances / (runs - half.sum())
        earned[i] = (other[one.argmax()] + one[other.argmax()]) / 2
    return earned
