"""What a model has said to a prompt, and what that would earn now.

Axes: U users, G completions of a group, D different ones among them.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from ualign_env._types import Floats
from ualign_env.scoring.groups import chances_against

_PROMPTS = 1000  # remembered, those used last
_COMPLETIONS = 16  # of each prompt, those that would earn most
_GROUPS = 16  # over which what a completion earns is averaged
_ENOUGH = 8  # groups after which the average counts: the greatest of noisy ones would always be large


@dataclass
class _Said:
    """A completion, its `[U]` scores, and what it earned on average against the last groups, of which there were n."""

    scores: Floats
    earned: float = 0.0
    n: int = 0


class Known:
    """Completions of a prompt, and what each would earn against the groups that came after it."""

    def __init__(self) -> None:
        self._said: dict[str, _Said] = {}

    def best(self, said: list[str], scores: Floats, group: Floats, weights: Floats, k: int) -> float | None:
        """Returns what the best completion ever said earns against k of a group, on average over its last groups.

        None where nothing was said long enough ago. Judges must return the same users every time.

        Args:
            said: D different completions of the group.
            scores: `[U, D]` of these.
            group: `[U, G]` of all.
            weights: `[U]` of the users.
            k: from 1 to G.
        """
        if any(one.scores.size != len(scores) for one in self._said.values()):
            self._said.clear()  # other users
        best = None
        if self._said:
            before = np.array([one.scores for one in self._said.values()]).T
            for one, value in zip(self._said.values(), weights @ chances_against(group, before, k), strict=True):
                one.n += 1
                one.earned += float(value - one.earned) / min(one.n, _GROUPS)
            best = max((one.earned for one in self._said.values() if one.n >= _ENOUGH), default=None)
            for name in sorted(self._said, key=lambda name: self._said[name].earned)[:-_COMPLETIONS]:
                del self._said[name]
        for name, column in zip(said, scores.T, strict=True):
            if name not in self._said and len(self._said) < 2 * _COMPLETIONS:
                self._said[name] = _Said(column.copy())
        return best


class Memory:
    """What was said to each of many prompts."""

    def __init__(self) -> None:
        self._prompts: OrderedDict[str, Known] = OrderedDict()

    def of(self, prompt: str) -> Known:
        """Returns what was said to a prompt; of too many, those asked last are remembered."""
        known = self._prompts.setdefault(prompt, Known())
        self._prompts.move_to_end(prompt)
        if len(self._prompts) > _PROMPTS:
            self._prompts.popitem(last=False)
        return known
