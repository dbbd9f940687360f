"""How well a k-output policy serves users who disagree: the U-alignment metrics.

Axes: P prompts, N responses, K players.

The opponent submits l responses, one unless said otherwise, to a prompt that it, too, sees. A policy is (k, f)-robust
if it is picked with probability f against every opponent; k samples of one policy reach at most f = k / (k + 1),
exactly at the symmetric Nash equilibria of the (k+1)-player game. Against l responses, these reach at least
(k + 1 - l) / (k + 1).

Source: Cai & Zheng, "Asymptotic Universal Alignment", ICML 2026 (arXiv 2601.08777).
"""

from dataclasses import dataclass

from ualign_env._result import Result
from ualign_env._text import counted


@dataclass(frozen=True)
class Scorecard(Result):
    """What a policy achieves against the worst opponent.

    Attributes:
        scenario: name of the scenario.
        k: number of responses shown by the policy.
        l: number of responses of the opponent.
        robust_win_rate: chance that one of the k is picked against the worst opponent found.
        proven_rate: what no opponent undercuts.
        proven: whether the worst opponent is proven to be the worst, to within 1e-9 on every prompt.
        opponent_method: how the worst opponent was found: `"closed form"` for l = 1, or by `"enumeration"`, `"milp"` or
            `"greedy"`; the least certain of these, where it differs between prompts.
        optimal_rate: (k + 1 - l) / (k + 1), what k samples of every equilibrium guarantee: for l = 1 the best that k
            samples of one policy can do on any population, for larger l a bound that some exceed.
        shortfall: `optimal_rate - robust_win_rate`; for l = 1 below 0 only for k outputs that are no samples of one
            policy.
        nash_conv: sum of what the k + 1 players could gain by deviating, as OpenSpiel defines it. None where the
            policy is none of the game's profiles: k different outputs, a mixture (which correlates the players), or
            outputs that are chosen together.
        leave_one_out_win_rate: for k + 1 players with policies of their own, the mean over players of the robust win
            rate of the other k; `robust_win_rate` is then that of k samples of the players' average policy.
        best_responses: the worst opponent's l responses to each of the P prompts.
        prompt_win_rates: the robust win rate on each of the P prompts.
        worst_prompt: index of the prompt with the lowest one.
        entropy: mean entropy in nats of the (average) policy over the prompts.
        effective_responses: `exp(entropy)`, the number of equally likely responses of that entropy.
        distinct_responses: mean number of different responses among the k.
        u_alignment_limit: the robust win rate against single responses that ever more samples of the (average) policy
            come to: the share of users whom no opponent's response pleases better than everything that the policy
            ever shows. It is 1 exactly for policies that are U-aligned. None where it is not known.
        favourite_shown: chance that a favourite of a user is among the k. None where it is not known.
        best_utility: mean utility of what users like best of the k, where a user's best response has 1, her worst 0
            and the others lie between in steps of equal size. None for users without an order.
        group_win_rates: for each prompt, the chance that one of the k is picked by the users of each group against the
            worst opponent; for l = 1 against that one of the worst opponents that is worst for them (opponents within
            1e-9 of the worst count as such).
            Groups are the scenario's, or else the users with the same favourite. The rates jump as a policy comes to an
            equilibrium, where many opponents are equally bad: they tell whom a policy fails, not which is better.
        group_robust_win_rates: for each group, the scenario's if it has any, the robust win rate among its users alone,
            against the one response that most of them pick instead, averaged over the prompts on which there is the
            group: what policies are compared by. Empty for l > 1.
        worst_group: the worst served group: the index of its prompt, and its name. None where there is no group.
        worst_group_win_rate: its rate.
        curve: pairs (k', robust win rate of k' samples) for k' = 1, 2, 4, ...
    """

    scenario: str
    k: int
    l: int
    robust_win_rate: float
    proven_rate: float
    proven: bool
    opponent_method: str
    optimal_rate: float
    shortfall: float
    nash_conv: float | None
    leave_one_out_win_rate: float | None
    best_responses: tuple[tuple[int, ...], ...]
    prompt_win_rates: tuple[float, ...]
    worst_prompt: int
    entropy: float
    effective_responses: float
    distinct_responses: float
    u_alignment_limit: float | None
    favourite_shown: float | None
    best_utility: float | None
    group_win_rates: tuple[dict[str, float], ...]
    group_robust_win_rates: dict[str, float]
    worst_group: tuple[int, str] | None
    worst_group_win_rate: float | None
    curve: tuple[tuple[int, float], ...]

    @property
    def certificate(self) -> float:
        """By how much the rate can be lower than found."""
        return self.robust_win_rate - self.proven_rate

    @property
    def advice(self) -> str | None:
        """What to do where a worse opponent may exist."""
        return None if self.proven else sought(self.l, self.opponent_method, self.proven_rate, self.robust_win_rate)

    def summary(self) -> str:
        """Returns the rate, what it could be, and NashConv."""
        against = f" against {counted(self.l, 'response')}" if self.l > 1 else ""
        nash_conv = "" if self.nash_conv is None else f", NashConv {self.nash_conv:.2g}"
        # against several responses, the rate of the equilibria is a bound that some policies exceed
        optimal = f"of {self.optimal_rate:.4f}" if self.l == 1 else f"(equilibria: {self.optimal_rate:.4f} or more)"
        text = f"robust win rate {self.robust_win_rate:.4f} {optimal} at k = {self.k}{against}{nash_conv}"
        return f"{text}\n{self.advice}" if self.advice else text


def optimal_rate(k: int, l: int = 1) -> float:
    """Returns what k samples of every equilibrium of k + 1 players guarantee against l responses."""
    return max(0, k + 1 - l) / (k + 1)


def sought(l: int, method: str, proven_rate: float, rate: float) -> str:
    """Returns what to do where the worst opponent is not proven to be the worst."""
    return (
        f"the worst {l} responses were sought by {method}: the rate is in [{proven_rate:.4f}, {rate:.4f}]; "
        "best_responses(..., method='exact') takes longer and proves more"
    )
