"""Models known by single samples: how far k of them carry, for every k at once.

Axes: P prompts, M samples of a prompt, N responses, S opponents, K sizes k, R bootstrap samples.

Where a model was sampled M times on a prompt, every k of the M are k samples of it. Their mean is the unbiased estimate
of the chance that an opponent is picked against k samples of the model, a U-statistic, which needs no enumeration: see
`Users.pool_payoffs`. The worst of several opponents is chosen to fit these very samples, so that the rate against it
is too low on average: hence also an estimate by halves, with the opponent chosen on one and tried on the other.

Source: Hoeffding, "A Class of Statistics with Asymptotically Normal Distribution", 1948, for the estimate; Efron and
Tibshirani, "An Introduction to the Bootstrap", 1993, for the interval (basic, also called pivotal); Hanley and
Lippman-Hand, "If Nothing Goes Wrong, Is Everything All Right?", 1983, for what was never said.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ualign_env import _checks
from ualign_env._result import Result
from ualign_env._text import counted_between
from ualign_env._types import Floats, Ints
from ualign_env.scenario import Scenario
from ualign_env.scoring.scorecard import optimal_rate
from ualign_env.specs import ScenarioLike, as_scenario
from ualign_env.users import Users

_SPLITS = 20  # into halves, averaged
_LISTED = 12  # rows of a summary
_ALL = 64  # up to which all sizes are computed unless told otherwise, and beyond it the powers of two
_AT_ONCE = 10_000_000  # numbers in memory
_MANY = 8  # prompts from which on these alone are drawn anew; of few, samples are too, which is wide but never short
_TRIED = 4  # of the responses that were never said, those picked most often, and the one picked most rarely
_FEW = 10  # samples with which an interval is rough


@dataclass(frozen=True, eq=False)
class SampleCurve(Result):
    """How k samples of a model do against the worst single response of a pool, for several k.

    Attributes:
        scenario: name of the scenario.
        sizes: the K different k, in order.
        n_samples: M for each of the P prompts.
        optimum: k / (k + 1) for each k, which no model's samples exceed against all responses.
        robust_win_rates: `[K]` the chance that one of k samples is picked, against the worst opponent of the pool.
        intervals: `[K, 2]` bootstrap intervals of the model's own rates. Where k exceeds half of the samples, nothing
            tells how much too low a rate is, and the upper end is the optimum, or 1 with opponents of your own.
        split_half_rates: `[K]` the same with the opponent chosen on half of the samples and tried on the others,
            averaged over random halves: not below the model's own rate on average. NaN where k exceeds a half.
        confidence: of the intervals.
        pools: for each prompt its S opponents.
        losses: for each prompt, `[K, S]` the chance that each opponent is picked against k samples.
    """

    scenario: str
    sizes: tuple[int, ...]
    n_samples: tuple[int, ...]
    optimum: tuple[float, ...]
    robust_win_rates: Floats
    intervals: Floats
    split_half_rates: Floats
    confidence: float
    pools: tuple[tuple[int, ...], ...]
    losses: tuple[Floats, ...]

    def summary(self) -> str:
        """Returns a line for each k, of many the powers of two and the last."""
        powers = {1 << i for i in range(self.sizes[-1].bit_length())} | {self.sizes[-1]}
        shown = [i for i, k in enumerate(self.sizes) if len(self.sizes) <= _LISTED or k in powers]
        fewest, most = min(self.n_samples), max(self.n_samples)
        lines = [f"{'k':>6}{'k/(k+1)':>10}{'rate':>10}{f'{self.confidence:.0%} interval':>20}{'by halves':>12}"]
        for i in shown:
            low, high = self.intervals[i]
            halved = "-" if np.isnan(self.split_half_rates[i]) else f"{self.split_half_rates[i]:.4f}"
            rates = f"{self.optimum[i]:10.4f}{self.robust_win_rates[i]:10.4f}{f'{low:.4f} to {high:.4f}':>20}"
            lines.append(f"{self.sizes[i]:>6}{rates}{halved:>12}")
        lines.append(f"from {counted_between(fewest, most, 'sample')} of each prompt of {self.scenario}")
        return "\n".join([*lines, self.advice] if self.advice else lines)

    @property
    def advice(self) -> str | None:
        """What to do where an interval says nothing."""
        if sum(self.n_samples) >= _FEW:
            return None
        return f"with {sum(self.n_samples)} samples in all, the intervals are rough, and shorter than they should be"


def sample_curve(
    scenario: ScenarioLike,
    samples: Any,
    sizes: Iterable[int] | None = None,
    *,
    pool: Any = None,
    confidence: float = 0.95,
    n_bootstrap: int = 1000,
    rng: np.random.Generator | int | None = None,
) -> SampleCurve:
    """Returns how a model does that is known by M single samples of each prompt, for every k up to M at once.

    This is for what a model says when it is asked again and again, each time alone. `score_samples` is for a model that
    chooses the k responses it shows *together*, seen M times.

    Args:
        scenario: a scenario, its spec, or the users of its only prompt.
        samples: the response indices that the model said: `[M]` (one prompt), `[P, M]`, or a list of P arrays of
            different lengths.
        sizes: the k to compute, up to the smallest M (default: all of these up to 64, the powers of two beyond it, and
            the smallest M).
        pool: the opponents, `[S]` response indices, or a list of P arrays (default: all responses of the prompt).
        confidence: of the bootstrap intervals, between 0 and 1. They are of samples drawn anew and, where there are
            several prompts, of prompts drawn anew as well. Where the rate was known, 95% contained it in 91% of the
            repetitions or more, with 16 samples and with 64 (`tests/benchmarks/interval_coverage.py`).
        n_bootstrap: bootstrap samples.
        rng: a generator, or its seed; it draws the bootstrap samples and the halves.

    Raises:
        ValueError: if samples or opponents are no responses of the scenario, or an argument is out of range.
    """
    loaded = as_scenario(scenario)
    said = _of_prompts("samples", samples, loaded)
    fewest = min(row.size for row in said)
    ks = _sizes(sizes, fewest)
    everything = [np.arange(users.n_responses) for users in loaded.populations]
    pools = everything if pool is None else [np.unique(row) for row in _of_prompts("pool", pool, loaded, shared=True)]
    confidence = _checks.real("confidence", confidence, 0, 1)
    n_bootstrap = _checks.count("n_bootstrap", n_bootstrap, 1)
    generator = _checks.generator("rng", rng)
    halved = int(np.searchsorted(ks, fewest // 2, side="right"))  # how many k fit into half of any prompt's samples
    probabilities, drawn = loaded.probabilities, _prompts_anew(loaded.probabilities, n_bootstrap, generator)
    anew_alone = loaded.n_prompts >= _MANY  # what samples scatter is part of what prompts do
    losses, drift = [], np.zeros((n_bootstrap, ks.size))
    gained, spoilt = np.zeros(ks.size), np.zeros(ks.size)  # by what was never said on one of the prompts
    rates, splits = np.zeros(ks.size), np.zeros(halved)
    for x, (users, shown, opponents) in enumerate(zip(loaded.populations, said, pools, strict=True)):
        counts = np.bincount(shown, minlength=users.n_responses)
        losses.append(_losses(users, counts[None], ks, opponents)[0])
        own = 1 - losses[-1].max(axis=1)
        rates += probabilities[x] * own
        drift += drawn[:, x, None] * own
        if not anew_alone:
            anew = generator.multinomial(shown.size, counts / shown.size, size=n_bootstrap)
            # the k of a bootstrap sample are k draws from the samples *with* replacement, around whose rate it scatters
            centre = 1 - np.array([users.payoffs(counts / shown.size, int(k))[opponents].max() for k in ks])
            drift += drawn[:, x, None] * (1 - _worst(users, anew, ks, opponents) - centre)
            # by the rule for events that did not happen, a response may have this share and not be among the samples
            unseen = 1 - ((1 - confidence) / 2) ** (1 / shown.size)
            for found in _with_unseen(users, counts / shown.size, unseen, ks, opponents):
                change = probabilities[x] * (found - centre)
                gained, spoilt = np.maximum(gained, change), np.minimum(spoilt, change)
        splits += probabilities[x] * _split_halves(users, counts, ks[:halved], opponents, generator)
    drift -= rates
    if anew_alone:
        drift *= np.sqrt(loaded.n_prompts / (loaded.n_prompts - 1))
    tails = np.quantile(drift, [(1 + confidence) / 2, (1 - confidence) / 2], axis=0)
    # where two opponents are equally good, the rate has a kink, at which a basic interval is too short: hence whichever
    # ends lie farther out, of the basic and the percentile interval below, and of the basic and the halves above
    low = rates + np.minimum(-tails[0], np.minimum(tails[1], 0))
    high = rates + np.maximum(-tails[1], 0)
    optimum = np.array([optimal_rate(k) for k in ks.tolist()])
    high[:halved] += np.maximum(splits - rates[:halved], 0)
    bound = optimum if pool is None else np.ones(ks.size)
    high[halved:] = bound[halved:]
    low, high = np.minimum(low, rates + spoilt), np.maximum(high, rates + gained)
    if not anew_alone and all(np.unique(shown).size == 1 for shown in said):
        # no samples scatter: whatever else is said is known by its share alone
        unseen = 1 - ((1 - confidence) / 2) ** (1 / sum(row.size for row in said))
        low = np.minimum(low, rates * (1 - unseen) ** ks)
        high = np.maximum(high, rates + 1 - (1 - unseen) ** ks)
    high = np.minimum(high, bound)
    by_halves = np.concatenate([splits, np.full(ks.size - halved, np.nan)])
    return SampleCurve(
        scenario=loaded.name,
        sizes=tuple(ks.tolist()),
        n_samples=tuple(row.size for row in said),
        optimum=tuple(optimum.tolist()),
        robust_win_rates=rates,
        intervals=np.stack([low, high], axis=1).clip(0, 1),
        split_half_rates=by_halves,
        confidence=confidence,
        pools=tuple(tuple(row.tolist()) for row in pools),
        losses=tuple(losses),
    )


def _losses(users: Users, pools: Ints, sizes: Ints, opponents: Ints) -> Floats:
    """Returns `[R, K, S]` the chance that each opponent is picked against k samples of each of `[R, N]` pools."""
    return users.pool_payoffs(pools, sizes)[:, :, opponents]


def _worst(users: Users, pools: Ints, sizes: Ints, opponents: Ints) -> Floats:
    """Returns `[R, K]` the chance that the worst opponent is picked against k samples of each of `[R, N]` pools."""
    step = max(1, _AT_ONCE // (sizes.size * users.n_responses))
    parts = range(0, len(pools), step)
    return np.concatenate([_losses(users, pools[i : i + step], sizes, opponents).max(axis=2) for i in parts])


def _with_unseen(users: Users, policy: Floats, share: float, sizes: Ints, opponents: Ints) -> list[Floats]:
    """Returns `[K]` rates of policies that give a share to what the policy never says: to one response, or to many."""
    never = np.flatnonzero(policy == 0)
    liked = never[np.argsort(users.payoffs(policy, 1)[never])]
    places, tried = np.arange(policy.size), np.unique(np.concatenate([liked[:1], liked[-_TRIED:]]))
    few = [(places == y).astype(np.float64) for y in tried]
    many = [np.where(policy == 0, row, 0) for row in (np.ones(policy.size), users.first_guess())]
    spread = [row / row.sum() for row in [*few, *many] if row.any()]
    rows = [(1 - share) * policy + share * row for row in spread]
    return [np.array([1 - users.payoffs(row, int(k))[opponents].max() for k in sizes]) for row in rows]


def _split_halves(users: Users, counts: Ints, sizes: Ints, opponents: Ints, rng: np.random.Generator) -> Floats:
    """Returns `[K]` the rate against an opponent chosen on one half and tried on the other, both ways, averaged."""
    if not sizes.size:
        return np.zeros(0)
    ones = rng.multivariate_hypergeometric(counts, int(counts.sum()) // 2, size=_SPLITS)
    one, other = _losses(users, ones, sizes, opponents), _losses(users, counts - ones, sizes, opponents)
    tried = [np.take_along_axis(b, a.argmax(axis=2)[:, :, None], axis=2) for a, b in ((one, other), (other, one))]
    return 1 - np.mean(tried, axis=(0, 1, 3))


def _prompts_anew(probabilities: Floats, n_bootstrap: int, rng: np.random.Generator) -> Floats:
    """Returns `[R, P]` weights of prompts drawn anew, each of which counts with its probability."""
    n = probabilities.size
    weights = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap) * probabilities
    totals = weights.sum(axis=1, keepdims=True)
    return np.where(totals > 0, weights / np.where(totals > 0, totals, 1), probabilities)


def _sizes(sizes: Iterable[int] | None, fewest: int) -> Ints:
    """Returns the different k in order."""
    if sizes is None:
        return np.array([k for k in range(1, fewest + 1) if k <= _ALL or k & (k - 1) == 0 or k == fewest])
    found = sorted({_checks.count("k", k, 1) for k in _checks.several("sizes", sizes)})
    if not found or found[-1] > fewest:
        raise ValueError(f"sizes are {found}, but must be from 1 to {fewest}, the fewest samples of a prompt")
    return np.array(found)


def _of_prompts(name: str, value: Any, scenario: Scenario, *, shared: bool = False) -> list[Ints]:
    """Returns response indices for each prompt: of its own, or the same for all."""
    rows = _checks.several(name, value)
    if rows and all(np.ndim(row) == 0 for row in rows):
        rows = [rows] * (scenario.n_prompts if shared else 1)
    if len(rows) != scenario.n_prompts:
        raise ValueError(f"{name} are of {len(rows)} prompts, but {scenario.name} has {scenario.n_prompts}")
    found = []
    for prompt, users, row in zip(scenario.prompts, scenario.populations, rows, strict=True):
        indices = _checks.number_array(f"{name} of {prompt!r}", row)
        if indices.ndim != 1 or not indices.size or indices.dtype.kind not in "iu":
            raise ValueError(f"{name} of {prompt!r} are {row!r:.200}, but must be at least one index of a response")
        wrong = (indices < 0) | (indices >= users.n_responses)
        if wrong.any():
            raise ValueError(
                f"{name} of {prompt!r} hold {int(indices[wrong][0])}, but it has {users.n_responses} responses"
            )
        found.append(indices.astype(np.int64))
    return found
