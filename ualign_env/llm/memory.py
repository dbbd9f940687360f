"""What a model has said to a prompt, and what that would earn now.

Axes: U users, G completions of a group, D different ones among them, R remembered.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from ualign_env._types import Floats
from ualign_env.scoring.groups import chances_against

_PROMPTS = 1000  # remembered, those used last
_COMPLETIONS = 16  # of each prompt, those that would earn most
_GROUPS = 16  # over which what a completion earns is averaged


@dataclass
class _Said:
    """A completion, its `[U]` scores, and what it earned on average against the last groups, of which there were n."""

    scores: Floats
    earned: float = 0.0
    n: int = 0


class Memory:
    """Completions of many prompts, and what each would earn against the groups that came after it."""

    def __init__(self) -> None:
        self._prompts: OrderedDict[str, dict[str, _Said]] = OrderedDict()

    def best(self, prompt: str, said: list[str], scores: Floats, group: Floats, weights: Floats, k: int) -> float:
        """Returns what the best completion ever said earns against k of a group, on average over its last groups.

        Args:
            prompt: where to remember what is said.
            said: D different completions of the group.
            scores: `[U, D]` of these.
            group: `[U, G]` of all.
            weights: `[U]` of the users.
            k: from 1 to G.
        """
        known = self._prompts.setdefault(prompt, {})
        self._prompts.move_to_end(prompt)
        if len(self._prompts) > _PROMPTS:
            self._prompts.popitem(last=False)
        if known and next(iter(known.values())).scores.size != len(scores):
            known.clear()  # other users
        for name, column in zip(said, scores.T, strict=True):
            known.setdefault(name, _Said(column)).scores = column
        earned = weights @ chances_against(group, np.array([one.scores for one in known.values()]).T, k)
        for one, value in zip(known.values(), earned, strict=True):
            one.n += 1
            one.earned += (value - one.earned) / min(one.n, _GROUPS)
        best = max(one.earned for one in known.values())
        for name in sorted(known, key=lambda name: known[name].earned)[:-_COMPLETIONS]:
            del known[name]
        return best
