"""Makes the environments known to Gymnasium and PettingZoo by their names; importing the package does it."""

import gymnasium
import pettingzoo

_GYMNASIUM = "ualign_env.envs.gymnasium_envs"


def register() -> None:
    """Registers `ualign/Exploiter-v0` and `ualign/SelfPlay-v0`, and with PettingZoo `ualign-v0` in both forms."""
    for name in ("Exploiter", "SelfPlay"):
        if f"ualign/{name}-v0" not in gymnasium.registry:
            gymnasium.register(
                f"ualign/{name}-v0",
                entry_point=f"{_GYMNASIUM}:{name}",
                vector_entry_point=f"{_GYMNASIUM}:{name}VectorEnv",
            )
    if hasattr(pettingzoo, "register"):  # since PettingZoo 1.27
        if "ualign-v0" not in pettingzoo.aec_registry:
            pettingzoo.register("aec", "ualign-v0", "ualign_env.ualign_v0:env")
        if "ualign-v0" not in pettingzoo.parallel_registry:
            pettingzoo.register("parallel", "ualign-v0", "ualign_env.ualign_v0:parallel_env")
