"""What a run may spend, and when it is looked at on the way."""

import math
from dataclasses import dataclass
from typing import get_args

from ualign_env import _checks
from ualign_env._text import counted
from ualign_env.benchmark.information import Unit

_GROWTH = 1.25  # from one look to the next
_FIRST = {"seconds": 1e-3, "plays": 10, "steps": 1}
_SCORING = 0.1  # of the seconds of a budget
_LAST = 0.02  # of a budget: how near to its end there is a look, unless steps are longer
_FADE = 0.9  # how fast a long step is forgotten


@dataclass(frozen=True)
class Budget:
    """What an agent may spend: seconds of CPU, plays, or steps of its own.

    Attributes:
        unit: `"seconds"`, `"plays"` or `"steps"`.
        amount: how many; what is learned with more is not ranked.
    """

    unit: Unit
    amount: float

    def __post_init__(self) -> None:
        _checks.one_of("unit", self.unit, get_args(Unit))
        if self.unit == "seconds":
            amount = _checks.positive("seconds", self.amount)
        else:
            amount = _checks.count(self.unit, self.amount, 1)
        object.__setattr__(self, "amount", amount)

    def __str__(self) -> str:
        return f"{counted(self.amount, self.unit[:-1])}{' of CPU' * (self.unit == 'seconds')}"


@dataclass(frozen=True)
class Spent:
    """What an agent has spent so far: seconds of CPU and of the clock on the wall, steps, and plays.

    Seconds are the agent's own, without those in which it was read and scored.
    """

    cpu: float = 0.0
    wall: float = 0.0
    steps: int = 0
    plays: int = 0

    def of(self, unit: Unit) -> float:
        """Returns what has been spent of a budget in a unit."""
        return {"seconds": self.cpu, "plays": self.plays, "steps": self.steps}[unit]


class Looks:
    """When an agent is looked at: at growing distances, and once more where the next step would end the budget.

    With budgets of plays or steps this depends on nothing but these. With seconds it leaves out looks where scoring
    would take more than a tenth of the budget.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._next: float = _FIRST[budget.unit]
        self._before = self._last = self._recent = self._scoring = 0.0

    def over(self, spent: Spent) -> bool:
        """Returns whether the budget is spent."""
        return spent.of(self._budget.unit) >= self._budget.amount

    def due(self, spent: Spent) -> bool:
        """Returns whether to look now, after a step."""
        amount, at = self._budget.amount, spent.of(self._budget.unit)
        self._recent = max(at - self._before, _FADE * self._recent)
        self._before = at
        ends = at + self._recent > amount and at - self._last >= _LAST * amount
        return at >= self._next or ends or at >= amount

    def taken(self, spent: Spent, seconds: float) -> None:
        """Plans the next look, after one that took so many seconds to score."""
        at, amount = spent.of(self._budget.unit), self._budget.amount
        self._last = at
        while self._next <= at:
            self._next *= _GROWTH
        if self._budget.unit == "seconds":
            self._scoring += seconds
            left = max(0.0, math.log(amount / at, _GROWTH)) if at > 0 else 0.0
            if self._scoring + left * seconds > _SCORING * amount:
                self._next = max(self._next, at + seconds / _SCORING)
