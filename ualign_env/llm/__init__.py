"""Rewards with which trainers of language models play the alignment game; TRL's take them as they are.

`AlignmentReward` turns what users think of a group of completions into rewards. Who the users are is for its judges to
say: reward models, the users of a scenario, groups of such, or any function. `GRPO_SETTINGS` is what a trainer needs
besides, and `cool_entropy` keeps all responses alive at first. Nothing here imports a framework before it is needed.
"""

from ualign_env.llm.judges import Judges, KnownResponses, RewardModels, UserGroups
from ualign_env.llm.rewards import AlignmentReward
from ualign_env.llm.settings import GRPO_SETTINGS, RLOO_SETTINGS, cool_entropy

__all__ = [
    "GRPO_SETTINGS",
    "RLOO_SETTINGS",
    "AlignmentReward",
    "Judges",
    "KnownResponses",
    "RewardModels",
    "UserGroups",
    "cool_entropy",
]
