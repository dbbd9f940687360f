"""The alignment game for PettingZoo: `env` and `raw_env` act in turn (AEC), `parallel_env` at once.

All take `scenario`, `players`, `feedback`, `rounds` and `render_mode`. They check actions themselves, so that `env`
needs no wrappers and is `raw_env`.
"""

from ualign_env.envs.pettingzoo.environments import AECAlignment as raw_env  # noqa: N813
from ualign_env.envs.pettingzoo.environments import ParallelAlignment as parallel_env  # noqa: N813

env = raw_env

__all__ = ["env", "parallel_env", "raw_env"]
