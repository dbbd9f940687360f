"""A model shows several responses, and so does its opponent: the alignment game of k responses against l.

`model_0` submits k responses together, `opponent_0` l, neither sees the other's; a user of the prompt, whom nobody
sees, picks uniformly among the slots that hold a response she likes best. A model that chooses its responses together
need not show one twice, and can do better than k samples of any policy: the value of the game is
`ualign_env.solve_versus`.

`parallel_env` has both act at once, `env` (which is `raw_env`: actions are checked, no wrapper is needed) the model
first.

## Action Space

The number of a multiset of the prompt's responses, in the order of `itertools.combinations_with_replacement`.

## Observation Space

The prompt's number, one-hot (two numbers where there is one prompt), and its features where a scenario has some; its
features alone where the scenario says `observe="features"`. With an action mask, where prompts differ in size or
`action_mask=True`, a dictionary of `"observation"` and `"action_mask"`. `state()` is what both see. Users are never
seen.

## Rewards

`feedback="pick"`: 1 for the side whose response the user picks, 0 for the other. `feedback="expected"`: the chance of
being picked by a random user of the prompt, exactly.

## Starting State

A prompt, drawn by the scenario's probabilities.

## Episode End

Both are terminated after `rounds` games, each with a prompt and a user of its own, and never truncated.
"""

from ualign_env.envs.pettingzoo.environments import AECVersus as raw_env  # noqa: N813
from ualign_env.envs.pettingzoo.environments import ParallelVersus as parallel_env  # noqa: N813

env = raw_env

__all__ = ["env", "parallel_env", "raw_env"]
