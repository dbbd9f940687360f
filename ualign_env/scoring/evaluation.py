"""Models compared by what users said of their samples: curves, cross-play, and the numbers that people quote.

Axes: P prompts, N samples of all models on a prompt, M of one model, K sizes k, A models, U users, H groups of users.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._multisets import all_among
from ualign_env._result import Result
from ualign_env._types import Floats, Ints
from ualign_env.readers.generations import Generations
from ualign_env.scoring.sample_curves import SampleCurve, sample_curve
from ualign_env.scoring.scorecard import optimal_rate
from ualign_env.solvers.symmetric import solve
from ualign_env.users import Users

#: The numbers of samples that are shown unless told otherwise.
SIZES = (1, 2, 4, 8)


@dataclass(frozen=True)
class Quoted:
    """Numbers that people quote of k responses; None where they cannot be known.

    Attributes:
        coverage: share of the groups of users whose mean score of one of them reaches a threshold (OvertonBench).
        satisfied: share of the users whose own score of one of them does (pass@k, over users).
        effective_picks: how many different samples users pick among k + 1, rare ones counting less.
        worst_group: the group of users that picks one of them least often, against the worst opponent of all users.
        worst_group_rate: how often it does.
    """

    coverage: float | None
    satisfied: float | None
    effective_picks: float | None
    worst_group: str | None
    worst_group_rate: float | None


@dataclass(frozen=True, eq=False)
class ModelEvaluation(Result):
    """How k samples of a model do.

    Attributes:
        model: its name.
        sizes: the K different k that its samples allow.
        curve: against the samples of all other models; None where there are none.
        win_rates: `[K]` against the samples of all models, where its own meet k of its *others*, which none can exceed
            k / (k + 1); NaN for k = M.
        quoted: numbers that people quote, for each k.
    """

    model: str
    sizes: tuple[int, ...]
    curve: SampleCurve | None
    win_rates: Floats
    quoted: tuple[Quoted, ...]

    def summary(self) -> str:
        """Returns the rates of each k."""
        pairs = zip(self.sizes, self.win_rates, strict=True)
        return f"{self.model}: " + ", ".join(f"k = {k}: {rate:.4f} of {optimal_rate(k):.4f}" for k, rate in pairs)


@dataclass(frozen=True, eq=False)
class Evaluation(Result):
    """How several models do, judged by the same users.

    Attributes:
        scenario: name of what they were judged on.
        sizes: the K different k.
        models: an evaluation of each of the A models.
        cross_play: `[K, A, A]` the chance that one of k samples of the row's model is picked against k of the column's;
            NaN where there are not as many.
        equilibrium: for each k, the same numbers for the best policy over all samples there are.
    """

    scenario: str
    sizes: tuple[int, ...]
    models: tuple[ModelEvaluation, ...]
    cross_play: Floats
    equilibrium: tuple[Quoted, ...]

    def summary(self) -> str:
        """Returns a line for each model."""
        return "\n".join(one.summary() for one in self.models)


def evaluate_generations(
    generations: Generations,
    sizes: Iterable[int] = SIZES,
    *,
    threshold: float | None = None,
    confidence: float = 0.95,
    n_bootstrap: int = 1000,
    rng: np.random.Generator | int | None = None,
) -> Evaluation:
    """Returns how models do whose samples users have judged, see `read_generations`.

    Args:
        generations: the samples of models, and the users.
        sizes: the k to compute; a model with fewer samples of a prompt has those that it allows.
        threshold: the score from which on a user counts as satisfied; without it, and where users only chose, coverage
            and the share of satisfied users are not known.
        confidence: of the bootstrap intervals, between 0 and 1.
        n_bootstrap: bootstrap samples.
        rng: a generator, or its seed.

    Raises:
        ValueError: if an argument is out of range.
    """
    ks = sorted({_checks.count("k", k, 1) for k in _checks.several("sizes", sizes)})
    if not ks:
        raise ValueError("sizes are empty, but must be at least one k")
    generator = _checks.generator("rng", rng)
    if not isinstance(generations, Generations):
        raise ValueError(f"generations are {generations!r:.200}, but must be what `read_generations` returned")
    told = _Told(generations, threshold)
    models = []
    for name, rows in generations.models.items():
        own = [k for k in ks if k <= min(map(len, rows))]
        others = [
            np.setdiff1d(np.arange(users.n_responses), row) for users, row in zip(told.populations, rows, strict=True)
        ]
        curve = None
        if own and all(row.size for row in others):
            options = {"confidence": confidence, "n_bootstrap": n_bootstrap, "rng": generator}
            curve = sample_curve(generations.scenario, rows, own, pool=others, **options)
        models.append(_evaluated(name, told, rows, own, curve))
    return Evaluation(
        scenario=generations.scenario.name,
        sizes=tuple(ks),
        models=tuple(models),
        cross_play=_cross_play(told, list(generations.models.values()), ks),
        equilibrium=tuple(told.quoted_of_policy(k) for k in ks),
    )


def _evaluated(
    name: str, told: "_Told", rows: Sequence[Ints], sizes: list[int], curve: SampleCurve | None
) -> ModelEvaluation:
    """Returns the rates of a model against all samples, its own held against its others."""
    ks = np.array(sizes, np.int64)
    rates, earned = np.zeros(ks.size), []
    for users, chance, row in zip(told.populations, told.probabilities, rows, strict=True):
        counts = np.bincount(row, minlength=users.n_responses)
        losses = np.full((ks.size, users.n_responses), np.nan)
        losses[:] = users.pool_payoffs(counts[None], ks)[0]
        fewer = ks[ks < row.size]
        losses[:, row] = np.nan
        if fewer.size:
            without = counts - np.eye(users.n_responses, dtype=np.int64)[row]
            losses[: fewer.size, row] = users.pool_payoffs(without, fewer)[np.arange(row.size), :, row].T
        earned.append(losses)
        rates += chance * (1 - losses.max(axis=1))  # NaN where its own samples are too few to be held against
    quoted = tuple(told.quoted_of_samples(rows, k, [one[i] for one in earned]) for i, k in enumerate(sizes))
    return ModelEvaluation(name, tuple(sizes), curve, rates, quoted)


def _cross_play(told: "_Told", models: list[Sequence[Ints]], sizes: list[int]) -> Floats:
    """Returns `[K, A, A]` the chance that one of k of the row's samples is picked against k of the column's."""
    rates = np.full((len(sizes), len(models), len(models)), np.nan)
    for i, one in enumerate(models):
        for j, other in enumerate(models[: i + 1]):
            ks = np.array([k for k in sizes if k <= min(map(len, [*one, *other]))], np.int64)
            found = np.zeros(ks.size)
            for users, chance, row, column in zip(told.populations, told.probabilities, one, other, strict=True):
                pool, against = (np.bincount(own, minlength=users.n_responses) for own in (row, column))
                found += chance * (users.pool_values(pool, against, ks) if ks.size and i != j else 0.5)
            rates[: ks.size, i, j], rates[: ks.size, j, i] = found, 1 - found
    return rates


class _Told:
    """What users told of samples, and what is quoted of it."""

    def __init__(self, generations: Generations, threshold: float | None) -> None:
        scenario = generations.scenario
        self.populations, self.probabilities, self._groups = (
            scenario.populations,
            scenario.probabilities,
            scenario.groups,
        )
        self._scenario = scenario
        self._liked: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]] = []
        if threshold is not None:
            least = _checks.real("threshold", threshold, -np.inf, np.inf)
            for scores, members in zip(generations.scores, generations.members, strict=True):
                means = [np.nanmean(scores[rows], axis=0) for rows in members.values() if rows.size]
                self._liked.append((scores >= least, np.array(means).reshape(-1, scores.shape[1]) >= least))

    def quoted_of_samples(self, rows: Sequence[Ints], k: int, losses: list[Floats]) -> Quoted:
        """Returns what is quoted of k of the samples `[M]` of each prompt, with `[N]` what each opponent earns."""
        covered, satisfied, picks = [], [], []
        for x, row in enumerate(rows):
            missed = all_among(row.size, np.array([k]))[:, 0]  # that k samples are all among j
            if self._liked:
                for liked, shares in zip(self._liked[x], (satisfied, covered), strict=True):
                    shares.append(1 - missed[(~liked[:, row]).sum(axis=1)])
            own = losses[x][row]
            picks.append(own.sum() ** 2 / (own**2).sum())
        worst = [int(np.nanargmax(one)) for one in losses]
        pools = [
            np.bincount(row, minlength=users.n_responses)[None]
            for users, row in zip(self.populations, rows, strict=True)
        ]
        rates = self._of_groups(lambda x, users: 1 - users.pool_payoffs(pools[x], np.array([k]))[0, 0, worst[x]])
        return self._quoted(satisfied, covered, picks, rates)

    def quoted_of_policy(self, k: int) -> Quoted:
        """Returns what is quoted of k samples of the equilibrium."""
        policies = solve(self._scenario, k).policy
        covered, satisfied, picks, worst = [], [], [], []
        for x, (users, padded) in enumerate(zip(self.populations, policies, strict=True)):
            policy = padded[: users.n_responses]
            if self._liked:
                for liked, shares in zip(self._liked[x], (satisfied, covered), strict=True):
                    shares.append(1 - (1 - liked @ policy) ** k)
            picks.append(1 / (policy**2).sum())
            worst.append(int(users.payoffs(policy, k).argmax()))
        rates = self._of_groups(
            lambda x, users: 1 - float(users.payoffs(policies[x][: users.n_responses], k)[worst[x]])
        )
        return self._quoted(satisfied, covered, picks, rates)

    def _of_groups(self, rate: Callable[[int, Users], float]) -> dict[str, float]:
        """Returns the mean rate of each group of users over the prompts that it has judged."""
        sums: dict[str, float] = defaultdict(float)
        chances: dict[str, float] = defaultdict(float)
        for x, groups in enumerate(self._scenario.groups):
            for name, users in groups.items():
                sums[name] += self.probabilities[x] * rate(x, users)
                chances[name] += self.probabilities[x]
        return {name: sums[name] / chances[name] for name in sums}

    def _quoted(
        self, satisfied: list[Floats], covered: list[Floats], picks: list[float], groups: dict[str, float]
    ) -> Quoted:
        worst = min(groups, key=lambda name: groups[name]) if groups else None
        return Quoted(
            coverage=self._mean([one.mean() for one in covered]) if covered and all(map(len, covered)) else None,
            satisfied=self._mean([one.mean() for one in satisfied]) if satisfied else None,
            effective_picks=None if np.isnan(picks).any() else self._mean(picks),
            worst_group=worst,
            worst_group_rate=None if worst is None else groups[worst],
        )

    def _mean(self, values: list[float]) -> float:
        return float(self.probabilities @ values)
