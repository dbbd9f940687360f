"""What has been learned, as arrays: one family, of which each class shows responses in a way of its own.

Axes: P prompts, N responses (padded with zeros to the largest number), K players, T policies of a mixture, M multisets.

The k responses that a model shows are samples of one policy (`SharedPolicy`), samples of a policy drawn first
(`Mixture`), one of each of k policies (`Outputs`), or chosen together (`JointPolicy`). The K = k + 1 players of the
symmetric game are something else (`Players`): as a model, they show k samples of their average policy.
"""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ualign_env._types import Floats, Ints
from ualign_env.scenario import Scenario
from ualign_env.users import Contest, Users


class PolicyTable(ABC):
    """What shows k responses to each of P prompts."""

    @abstractmethod
    def average(self) -> Floats:
        """Returns `[P, N]`: how often each response is shown."""

    @abstractmethod
    def contest(self, users: Users, prompt: int, k: int) -> Contest:
        """Returns what an opponent meets when k responses to a prompt are shown to some users."""

    @abstractmethod
    def distinct(self, k: int) -> Floats:
        """Returns `[P]`: the expected number of different responses among the k that are shown."""

    def payoffs(self, scenario: Scenario, k: int) -> Floats:
        """Returns `[P, N]`: the chance that each response alone is picked against the k; 0 beyond a prompt's own."""
        out = np.zeros((scenario.n_prompts, scenario.n_responses))
        for x, users in enumerate(scenario.populations):
            out[x, : users.n_responses] = self.contest(users, x, k).payoffs()
        return out

    def digest(self) -> str:
        """Returns a fingerprint: equal exactly for policies of the same kind that are equal to the last bit."""
        found = hashlib.sha256(type(self).__name__.encode())
        for name, value in sorted(vars(self).items()):
            for part in value if isinstance(value, tuple) else [value]:
                array = np.asarray(part)
                found.update(f"{name}{array.dtype.str}{array.shape}".encode())
                found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()

    def sampled(self) -> "SharedPolicy | Mixture":
        """Returns what other numbers of samples are drawn from: the average policy, but for a mixture."""
        return SharedPolicy(self.average())


@dataclass(frozen=True, eq=False)
class SharedPolicy(PolicyTable):
    """All responses are drawn independently from one policy.

    Attributes:
        probabilities: `[P, N]` chance of each response to each prompt.
    """

    probabilities: Floats

    def average(self) -> Floats:
        return self.probabilities

    def contest(self, users: Users, prompt: int, k: int) -> Contest:
        policy = np.ascontiguousarray(self.probabilities[None, prompt, : users.n_responses])
        return users.against_samples(policy, np.ones(1), k)

    def distinct(self, k: int) -> Floats:
        return (1 - (1 - self.probabilities) ** k).sum(axis=1)


@dataclass(frozen=True, eq=False)
class Mixture(PolicyTable):
    """One policy is drawn by its weight, then all responses from it: what no-regret self-play guarantees.

    Attributes:
        policies: `[T, P, N]` chance of each response.
        weights: `[T]` weight of each policy.
    """

    policies: npt.ArrayLike
    weights: npt.ArrayLike

    def average(self) -> Floats:
        return np.tensordot(self._chances(), np.asarray(self.policies), axes=1)

    def contest(self, users: Users, prompt: int, k: int) -> Contest:
        policies = np.asarray(self.policies, np.float64)[:, prompt, : users.n_responses]
        return users.against_samples(np.ascontiguousarray(policies), self._chances(), k)

    def distinct(self, k: int) -> Floats:
        each = zip(self._chances(), self.policies, strict=True)  # type: ignore[arg-type]
        return np.sum([chance * SharedPolicy(np.asarray(policy)).distinct(k) for chance, policy in each], axis=0)

    def sampled(self) -> "Mixture":
        return self

    def _chances(self) -> Floats:
        weights = np.asarray(self.weights, np.float64)
        return weights / weights.sum()


@dataclass(frozen=True, eq=False)
class Outputs(PolicyTable):
    """Each of a model's k responses comes from a policy of its own.

    Attributes:
        probabilities: `[k, P, N]` chance of each response to each prompt.
    """

    probabilities: Floats

    def average(self) -> Floats:
        return self.probabilities.mean(axis=0)

    def contest(self, users: Users, prompt: int, k: int) -> Contest:  # noqa: ARG002
        return users.against_outputs(np.ascontiguousarray(self.probabilities[:, prompt, : users.n_responses]))

    def distinct(self, k: int) -> Floats:  # noqa: ARG002
        return (1 - np.prod(1 - self.probabilities, axis=0)).sum(axis=1)


@dataclass(frozen=True, eq=False)
class Players(PolicyTable):
    """Each of the K = k + 1 players of the symmetric game has a policy of its own.

    Attributes:
        probabilities: `[K, P, N]` chance of each response to each prompt.
    """

    probabilities: Floats

    def average(self) -> Floats:
        return self.probabilities.mean(axis=0)

    def contest(self, users: Users, prompt: int, k: int) -> Contest:
        return SharedPolicy(self.average()).contest(users, prompt, k)

    def distinct(self, k: int) -> Floats:
        return SharedPolicy(self.average()).distinct(k)

    def leave_one_out_payoffs(self, scenario: Scenario) -> Floats:
        """Returns `[K, P, N]`: what each response would earn each player against the others."""
        out = np.zeros(self.probabilities.shape)
        for x, users in enumerate(scenario.populations):
            own = slice(users.n_responses)
            out[:, x, own] = users.leave_one_out_payoffs(np.ascontiguousarray(self.probabilities[:, x, own]))
        return out


@dataclass(frozen=True, eq=False)
class JointPolicy(PolicyTable):
    """A model that chooses its k responses together: a distribution over multisets for each prompt.

    Attributes:
        sets: for each of the P prompts, `[M, k]` response indices.
        chances: for each prompt, `[M]` probabilities.
        n_responses: N.
    """

    sets: tuple[Ints, ...]
    chances: tuple[Floats, ...]
    n_responses: int

    def average(self) -> Floats:
        rows = []
        for sets, chances in zip(self.sets, self.chances, strict=True):
            weights = np.repeat(chances / sets.shape[1], sets.shape[1])
            rows.append(np.bincount(sets.ravel(), weights=weights, minlength=self.n_responses))
        return np.array(rows)

    def contest(self, users: Users, prompt: int, k: int) -> Contest:  # noqa: ARG002
        return users.against_sets(self.sets[prompt], self.chances[prompt])

    def distinct(self, k: int) -> Floats:  # noqa: ARG002
        ordered = (np.sort(sets, axis=1) for sets in self.sets)
        numbers = (1 + (np.diff(rows, axis=1) > 0).sum(axis=1) for rows in ordered)
        return np.array([chances @ number for chances, number in zip(self.chances, numbers, strict=True)])
