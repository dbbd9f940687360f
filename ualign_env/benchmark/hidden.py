"""Users of whom an agent knows nothing but what they pick: a kind of users that stands in for those of a task.

Environments made from a scenario of such users play with the task's own users, and each of their games is a play: the
rewards of Gymnasium and PettingZoo, and the returns of OpenSpiel's games, are what a user picks when she is asked.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
import numpy.typing as npt

from ualign_env._types import Floats, Ints
from ualign_env.benchmark.oracle import UserOracle
from ualign_env.scenario import Scenario
from ualign_env.specs import live
from ualign_env.users import Contest, Picker, Users


class HiddenUsers(Users):
    """Users who pick when they are asked through an oracle, and of whom nothing else is known."""

    kind: ClassVar[str] = "hidden"
    max_shown: ClassVar[int | None] = 0
    only_pick: ClassVar[bool] = True

    def __init__(self, n_responses: int, prompt: int = 0, oracle: UserOracle | None = None) -> None:
        """Makes the users of a prompt; without an oracle, as in copies in other processes, nobody answers."""
        self.responses = tuple(map(str, range(n_responses)))
        self.weights = np.ones(1)
        self.weights.flags.writeable = False
        self.n_users = 1
        self.prompt = prompt
        self._oracle = oracle

    @property
    def oracle(self) -> UserOracle:
        """Who answers."""
        if self._oracle is None:
            raise ValueError("these hidden users answer only in the process to which the task was given")
        return self._oracle

    def pick(self, types: Ints, slots: Ints, numbers: npt.NDArray[np.uint32]) -> Ints:  # noqa: ARG002
        return self.oracle.pick(slots, np.full(len(slots), self.prompt))

    @classmethod
    def picker(cls, populations: Sequence[Any]) -> Picker:
        return _HiddenPicker(populations)

    def describe(self, user_type: int) -> str:  # noqa: ARG002
        return "a user who is hidden"

    def content(self) -> dict[str, npt.NDArray[Any]]:
        return {"prompt": np.array(self.prompt)}

    @classmethod
    def from_content(cls, weights: Any, responses: tuple[str, ...], n_users: int, **content: Any) -> Self:  # noqa: ARG003
        return cls(len(responses), int(content["prompt"]))

    def _hidden(self, *_: Any) -> NoReturn:
        raise ValueError(
            "the users of this task are hidden from its agents, who may only show them responses and see what they "
            "pick: task.users().pick(shown), or environments made from task.scenario, with feedback='pick'"
        )

    def type_shares(self, types: Ints, slots: Ints) -> Floats:
        self._hidden(types, slots)

    def against_samples(self, policies: Floats, mixture: Floats, k: int) -> Contest:
        self._hidden(policies, mixture, k)

    def against_outputs(self, policies: Floats) -> Contest:
        self._hidden(policies)

    def against_sets(self, sets: Ints, chances: Floats) -> Contest:
        self._hidden(sets, chances)

    def jacobian(self, policy: Floats, k: int) -> Floats:
        self._hidden(policy, k)

    def sampled_value(self, policy: Floats, k: int, other: Floats, l: int) -> float:
        self._hidden(policy, k, other, l)

    def among(self, responses: Ints) -> Self:
        self._hidden(responses)

    def drawn(self, types: Ints) -> Self:
        self._hidden(types)


class _HiddenPicker(Picker):
    """Passes games on; the order in which they are asked is part of what happens."""

    in_threads: ClassVar[bool] = False

    def __init__(self, populations: Sequence[HiddenUsers]) -> None:
        super().__init__(populations)
        self._oracle = populations[0].oracle

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __call__(
        self,
        prompts: Ints,
        types: Ints,  # noqa: ARG002
        numbers: npt.NDArray[np.uint32],  # noqa: ARG002
        slots: Ints,
        rewards: Floats,
        first: int,
        last: int,
    ) -> bool:
        shown, rows = slots[first:last], prompts[first:last]
        sizes = self._oracle.sizes[rows]
        if (shown < 0).any() or (shown >= sizes[:, None]).any():
            return False
        rewards[first:last] = 0.0
        rewards[np.arange(first, last), self._oracle.pick(shown, rows)] = 1.0
        return True


def hidden_scenario(scenario: Scenario, oracle: UserOracle | None) -> Scenario:
    """Returns what agents see of a scenario whose users are hidden: sizes, chances of prompts, and features."""
    users = [HiddenUsers(one.n_responses, x, oracle) for x, one in enumerate(scenario.populations)]
    return live(
        Scenario(
            users,
            probabilities=scenario.probabilities,
            features=scenario.features,
            observe=scenario.observe,
            response_features=scenario.rows_of_responses(),
            name="hidden",
        )
    )
