"""Makes the environments known to Gymnasium and PettingZoo by their names; importing the package does it."""

import gymnasium
import pettingzoo

_GYMNASIUM = "ualign_env.envs.gymnasium_envs"


def register() -> None:
    """Registers the environments, unless that has been done."""
    for name in ("Exploiter", "SelfPlay"):
        if f"ualign/{name}-v0" not in gymnasium.registry:
            gymnasium.register(
                f"ualign/{name}-v0",
                entry_point=f"{_GYMNASIUM}:{name}",
                vector_entry_point=f"{_GYMNASIUM}:{name}VectorEnv",
            )
    if hasattr(pettingzoo, "register"):  # since PettingZoo 1.27
        for name in ("ualign", "ualign_versus"):
            spec = f"{name.replace('_', '-')}-v0"
            if spec not in pettingzoo.aec_registry:
                pettingzoo.register("aec", spec, f"ualign_env.{name}_v0:env")
            if spec not in pettingzoo.parallel_registry:
                pettingzoo.register("parallel", spec, f"ualign_env.{name}_v0:parallel_env")
