"""k responses against l for PettingZoo: `env` and `raw_env` act in turn (AEC), `parallel_env` at once.

The agents are `model_0`, with k responses, and `opponent_0`, with l. An action is the number of a multiset of
responses, in the order of `itertools.combinations_with_replacement(range(N), k)`.

All take `scenario`, `k`, `l`, `feedback`, `rounds` and `render_mode`. They check actions themselves, so that `env`
needs no wrappers and is `raw_env`.
"""

from ualign_env.envs.pettingzoo.environments import AECVersus as raw_env  # noqa: N813
from ualign_env.envs.pettingzoo.environments import ParallelVersus as parallel_env  # noqa: N813

env = raw_env

__all__ = ["env", "parallel_env", "raw_env"]
