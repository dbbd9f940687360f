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
        effective_picks: how many different responses users pick among k + 1, rare ones counting less: those with equal
            texts are one, and where texts are not known, those with equal scores of all users.
        worst_group: the group of users that picks one of them least often, against the worst opponent of all users.
        worst_group_rate: how often it does; an opponent that is a sample of the model meets k of its others.
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
        sizes: the K different k, of those asked for which some model has samples enough and users say something.
        models: an evaluation of each of the A models.
        cross_play: `[K, A, A]` the chance that one of k samples of the row's model is picked against k of the column's;
            NaN where there are not as many.
        equilibrium_rates: for each k, the robust win rate of the best policy over all samples there are.
        equilibrium: for each k, what is quoted of it.
    """

    scenario: str
    sizes: tuple[int, ...]
    models: tuple[ModelEvaluation, ...]
    cross_play: Floats
    equilibrium_rates: tuple[float, ...]
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
        threshold: the score from which on a user counts as satisfied; without it, coverage and the share of satisfied
            users are not known.
        confidence: of the bootstrap intervals, between 0 and 1.
        n_bootstrap: bootstrap samples.
        rng: a generator, or its seed.

    Raises:
        ValueError: if an argument is out of range, or there is a threshold and users only chose.
    """
    ks = sorted({_checks.count("k", k, 1) for k in _checks.several("sizes", sizes)})
    if not ks:
        raise ValueError("sizes are empty, but must be at least one k")
    generator = _checks.generator("rng", rng)
    if not isinstance(generations, Generations):
        raise ValueError(f"generations are {generations!r:.200}, but must be what `read_generations` returned")
    told = _Told(generations, threshold)
    longest = max(min(map(len, rows)) for rows in generations.models.values())
    known = [k for k in ks if k <= longest and all(users.knows(k + 1) for users in told.populations)]
    if not known:
        why = "no model has so many samples of every prompt, or users only compared two"
        raise ValueError(f"sizes are {ks}, but {why}")
    ks = known
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
    best = [told.quoted_of_policy(k) for k in ks]
    return Evaluation(
        scenario=generations.scenario.name,
        sizes=tuple(ks),
        models=tuple(models),
        cross_play=_cross_play(told, list(generations.models.values()), ks),
        equilibrium_rates=tuple(rate for rate, _ in best),
        equilibrium=tuple(quoted for _, quoted in best),
    )


def _evaluated(
    name: str, told: "_Told", rows: Sequence[Ints], sizes: list[int], curve: SampleCurve | None
) -> ModelEvaluation:
    """Returns the rates of a model against all samples, its own held against its others."""
    ks = np.array(sizes, np.int64)
    earned = [_payoffs(users, row, ks) for users, row in zip(told.populations, rows, strict=True)]
    rates = told.probabilities @ [1 - one.max(axis=1) for one in earned]  # NaN where its own are too few
    quoted = tuple(told.quoted_of_samples(rows, k, [one[i] for one in earned]) for i, k in enumerate(sizes))
    return ModelEvaluation(name, tuple(sizes), curve, rates, quoted)


def _payoffs(users: Users, row: Ints, sizes: Ints) -> Floats:
    """Returns `[K, N]` what each sample earns against k of `[M]` of them; one of these, against k of its others.

    NaN for its own samples where k is M.
    """
    counts = np.bincount(row, minlength=users.n_responses)
    earned = users.pool_payoffs(counts[None], sizes)[0] if sizes.size else np.empty((0, users.n_responses))
    fewer = sizes[sizes < row.size]
    earned[:, row] = np.nan
    if fewer.size:
        without = counts - np.eye(users.n_responses, dtype=np.int64)[row]
        earned[: fewer.size, row] = users.pool_payoffs(without, fewer)[np.arange(row.size), :, row].T
    return earned


def _payoff(users: Users, row: Ints, k: int, y: int) -> float:
    """Returns what one sample earns against k of `[M]`, or of the others where it is one of these."""
    counts = np.bincount(row[row != y], minlength=users.n_responses)
    return float(users.pool_payoffs(counts[None], np.array([k]))[0, 0, y])


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


def _alike(generations: Generations, x: int) -> Ints | None:
    """Returns `[N]` the number of each sample's text, or else of its scores; None where neither is known."""
    texts = generations.texts[x]
    if None not in texts:
        return np.unique(np.array(texts), return_inverse=True)[1]
    if not generations.scores:
        return None
    return np.unique(np.nan_to_num(generations.scores[x]), axis=1, return_inverse=True)[1].ravel()


class _Told:
    """What users told of samples, and what is quoted of it."""

    def __init__(self, generations: Generations, threshold: float | None) -> None:
        self._scenario = scenario = generations.scenario
        self.populations, self.probabilities = scenario.populations, scenario.probabilities
        self._alike = [_alike(generations, x) for x in range(scenario.n_prompts)]
        self._liked: list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]] = []
        if threshold is None:
            return
        if not generations.scores:
            raise ValueError(f"threshold is {threshold!r}, but users only chose between two, and gave no scores")
        least, sign = _checks.real("threshold", threshold, -np.inf, np.inf), 1 - 2 * generations.lower_is_better
        for scores, members in zip(generations.scores, generations.members, strict=True):
            groups = [scores[rows] for rows in members.values() if rows.size]
            judged = [~np.isnan(own) for own in groups]
            sums = [np.where(known, own, 0).sum(axis=0) for own, known in zip(groups, judged, strict=True)]
            with np.errstate(invalid="ignore"):
                means = [total / known.sum(axis=0) for total, known in zip(sums, judged, strict=True)]
            table = np.array(means).reshape(-1, scores.shape[1])
            self._liked.append((sign * scores >= sign * least, sign * table >= sign * least))

    def quoted_of_samples(self, rows: Sequence[Ints], k: int, earned: list[Floats]) -> Quoted:
        """Returns what is quoted of k of the samples `[M]` of each prompt, with `[N]` what each opponent earns."""
        covered, satisfied, picks = [], [], []
        for x, row in enumerate(rows):
            missed = all_among(row.size, np.array([k]))[:, 0]  # that k samples are all among j
            if self._liked:
                for liked, shares in zip(self._liked[x], (satisfied, covered), strict=True):
                    shares.append(1 - missed[(~liked[:, row]).sum(axis=1)])
            picks.append(self._effective(x, row, earned[x][row]))
        if np.isnan(np.concatenate(earned)).any():
            return self._quoted(satisfied, covered, picks, {})
        worst = [int(one.argmax()) for one in earned]
        rates = self._of_groups(lambda x, users: 1 - _payoff(users, rows[x], k, worst[x]))
        return self._quoted(satisfied, covered, picks, rates)

    def quoted_of_policy(self, k: int) -> tuple[float, Quoted]:
        """Returns the robust win rate of the equilibrium, and what is quoted of k samples of it."""
        found = solve(self._scenario, k)
        covered, satisfied, picks, worst = [], [], [], []
        policies = [row[: users.n_responses] for users, row in zip(self.populations, found.policy, strict=True)]
        for x, (users, policy) in enumerate(zip(self.populations, policies, strict=True)):
            if self._liked:
                for liked, shares in zip(self._liked[x], (satisfied, covered), strict=True):
                    shares.append(1 - (1 - liked @ policy) ** k)
            picks.append(self._effective(x, np.arange(policy.size), policy))
            worst.append(int(users.payoffs(policy, k).argmax()))
        rates = self._of_groups(lambda x, users: 1 - float(users.payoffs(policies[x], k)[worst[x]]))
        return found.robust_win_rate, self._quoted(satisfied, covered, picks, rates)

    def _effective(self, x: int, row: Ints, shares: Floats) -> float:
        """Returns how many different responses to a prompt have shares, those with little counting less."""
        alike = self._alike[x]
        if alike is None:
            return np.nan
        together = np.bincount(alike[row], weights=shares)
        return float(together.sum() ** 2 / (together**2).sum())

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
