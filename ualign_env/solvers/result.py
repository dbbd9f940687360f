"""What solvers return.

Axes: P prompts, N responses.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ualign_env._result import Result
from ualign_env._text import counted
from ualign_env._types import Floats


class ConvergenceWarning(UserWarning):
    """A solver stopped before it reached its tolerance."""


def all_known(answers: Iterable[bool | None]) -> bool | None:
    """Returns whether all answers are true, None where one is open and none false."""
    found = set(answers)
    return False if False in found else None if None in found else True


@dataclass(frozen=True, eq=False)
class Run:
    """What one method made of one population.

    Attributes:
        policy: `[N]` the best policy found.
        iterations: steps taken.
        unique: whether it is the only equilibrium; None where that is not known.
    """

    policy: Floats
    iterations: int
    unique: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Equilibrium(Result):
    """A symmetric equilibrium of the (k+1)-player game, with its certificate.

    Attributes:
        scenario: name of the scenario.
        prompts: names of its P prompts.
        responses: for each of these, the names of its responses: what the policy's columns are.
        policy: `[N]` for users alone, otherwise `[P, N]`.
        k: number of samples of the policy that are shown; the game has k + 1 players.
        exploitability: what a player can gain by deviating, computed from `policy`; 0 at an equilibrium.
        robust_win_rate: chance that one of k samples is picked against the worst opponent.
        support_size: number of responses with positive probability, in all.
        iterations: steps taken, in all.
        method: the method used.
        seconds: wall-clock time of the method; loops were compiled before.
        tolerance: what was asked for.
        converged: whether the certificate is at most `tolerance` on every prompt.
        temperature: weight of the KL divergence from the reference policy, 0 without regularisation.
        certificate: what a player can gain by deviating, in the regularised game with a temperature, on the prompt
            where it is largest.
        certificate_prompt: the name of that prompt.
        unique: whether no prompt has another equilibrium. For k = 1 the method `"maximal-lottery"` finds it out; for
            k >= 2 it is true of strict rankings, and not known where users may be indifferent: None.
    """

    scenario: str
    prompts: tuple[str, ...]
    responses: tuple[tuple[str, ...], ...]
    policy: Floats
    k: int
    exploitability: float
    robust_win_rate: float
    support_size: int
    iterations: int
    method: str
    seconds: float
    tolerance: float
    converged: bool
    temperature: float
    certificate: float
    certificate_prompt: str
    unique: bool | None

    @property
    def advice(self) -> str | None:
        """What to do where the tolerance was missed."""
        if self.converged:
            return None
        return (
            f"{self.method} stopped {self.certificate:.1e} from the equilibrium of {self.certificate_prompt!r}, above "
            f"the tolerance of {self.tolerance:.1e}, after {self.iterations} steps; try more max_iterations, another "
            "method, or, where rounding is all that is left, a larger tolerance"
        )

    def summary(self) -> str:
        """Returns the rate, the certificate and the method."""
        heat = f" at temperature {self.temperature:g}" if self.temperature else ""
        size = counted(self.support_size, "response")
        text = (
            f"equilibrium of {self.k + 1} players on {self.scenario}{heat}: robust win rate {self.robust_win_rate:.6f} "
            f"of {self.k / (self.k + 1):.6f}, certificate {self.certificate:.1e}, {size}, "
            f"by {self.method} in {self.seconds:.3g} s"
        )
        text += f"\n{self.others}" if self.others else ""
        return f"{text}\nnot converged: {self.advice}" if self.advice else text

    @property
    def others(self) -> str | None:
        """What is shown where there are other equilibria."""
        if self.unique is not False:
            return None
        where = " on every prompt" if self.policy.ndim == 2 and len(self.policy) > 1 else ""
        return f"not the only maximal lottery{where}; the one of greatest entropy is shown"

    def __repr__(self) -> str:
        with np.printoptions(precision=4, suppress=True, threshold=12):
            return (
                f"Equilibrium(k={self.k}, policy={self.policy}, robust_win_rate={self.robust_win_rate:.6f}, "
                f"exploitability={self.exploitability:.1e}, certificate={self.certificate:.1e}, "
                f"support_size={self.support_size}, method={self.method!r}, converged={self.converged})"
            )
