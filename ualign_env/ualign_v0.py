"""Users who disagree pick one of several responses: the symmetric alignment game of K players.

Every player sees a prompt and submits one response, none sees the others'. A user of the prompt, whom nobody sees,
picks uniformly among the slots that hold a response she likes best. K is k + 1: a policy that plays all seats is at an
equilibrium exactly where k samples of it win against every response as often as any can, k/(k+1).

`parallel_env` has all players act at once, `env` (which is `raw_env`: actions are checked, no wrapper is needed) one
after the other.

## Action Space

One of the prompt's responses. Where prompts differ in their number of responses, the space has as many as the largest.

## Observation Space

The prompt's number, one-hot (two numbers where there is one prompt), and its features where a scenario has some; its
features alone where the scenario says `observe="features"`. With an action mask, where prompts differ in size or
`action_mask=True`, a dictionary of `"observation"` and `"action_mask"`. `state()` is what all players see. Users are
never seen.

## Rewards

`feedback="pick"`: 1 for the player whose response the user picks, 0 for the others. `feedback="expected"`: the chance
of being picked by a random user of the prompt, exactly; what its mean would be.

## Starting State

A prompt, drawn by the scenario's probabilities.

## Episode End

Every player is terminated after `rounds` games, each with a prompt and a user of its own, nobody is ever truncated.
Games are independent: train with a discount of 0.
"""

from ualign_env.envs.pettingzoo.environments import AECAlignment as raw_env  # noqa: N813
from ualign_env.envs.pettingzoo.environments import ParallelAlignment as parallel_env  # noqa: N813

env = raw_env

__all__ = ["env", "parallel_env", "raw_env"]
