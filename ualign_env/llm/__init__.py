"""Rewards with which trainers of language models play the alignment game; TRL's take them as they are.

`AlignmentReward` turns what users think of a group of completions into rewards. Who the users are is for its judges to
say: reward models, the users of a scenario, groups of such, or any function. Nothing here imports a framework before
it is needed.
"""

from ualign_env.llm.judges import Judges, KnownResponses, RewardModels, UserGroups
from ualign_env.llm.rewards import AlignmentReward

__all__ = ["AlignmentReward", "Judges", "KnownResponses", "RewardModels", "UserGroups"]
