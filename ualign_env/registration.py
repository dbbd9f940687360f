"""Makes the games and environments known to their frameworks by name; importing the package does it."""


def register() -> None:
    """Registers them with each framework that can be imported, unless that has been done."""
    for framework, here in (("pyspiel", _open_spiel), ("gymnasium", _gymnasium), ("pettingzoo", _pettingzoo)):
        try:
            __import__(framework)
        except ImportError:  # the first use of a game says why
            continue
        here()


def _open_spiel() -> None:
    from ualign_env.envs.open_spiel import games, pickles, versus  # noqa: F401


def _gymnasium() -> None:
    import gymnasium

    single, vector = "ualign_env.envs.gymnasium.single", "ualign_env.envs.gymnasium.vector"
    for name, one, many in (
        ("ualign/Exploiter-v0", f"{single}:Exploiter", f"{vector}:ExploiterVectorEnv"),
        ("ualign/SelfPlay-v0", f"{single}:SelfPlay", None),
        ("ualign/Seats-v0", f"{vector}:seats_alone", f"{vector}:SeatsVectorEnv"),
    ):
        if name not in gymnasium.registry:
            gymnasium.register(name, entry_point=one, vector_entry_point=many)


def _pettingzoo() -> None:
    import pettingzoo

    if not hasattr(pettingzoo, "register"):  # before PettingZoo 1.27
        return
    for name in ("ualign", "ualign_versus"):
        spec = f"{name.replace('_', '-')}-v0"
        if spec not in pettingzoo.aec_registry:
            pettingzoo.register("aec", spec, f"ualign_env.{name}_v0:env")
        if spec not in pettingzoo.parallel_registry:
            pettingzoo.register("parallel", spec, f"ualign_env.{name}_v0:parallel_env")
