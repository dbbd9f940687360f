"""Makes the games and environments known to their frameworks by name; importing the package does it.

The tables say what is registered. An environment's version is the number of its entries of history less one, so that
what has changed and what is registered agree; OpenSpiel's games have no versions.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Environment:
    """An environment of Gymnasium or PettingZoo.

    Attributes:
        name: without a version.
        points: for Gymnasium, what makes one and what makes many at a time, None where nothing does; for PettingZoo,
            what makes one in which players act in turn and one in which they act at once.
        history: what each version brought, version 0 first.
        single: whether there is one environment at a time; where not, the first of the points says so.
    """

    name: str
    points: tuple[str, str | None]
    history: tuple[str, ...] = ("First version (0.1.0).",)
    single: bool = True

    @property
    def id(self) -> str:
        """The name with its present version."""
        return f"{self.name}-v{len(self.history) - 1}"


_SINGLE, _VECTOR = "ualign_env.envs.gymnasium.single", "ualign_env.envs.gymnasium.vector"

GYMNASIUM = (
    Environment("ualign/Exploiter", (f"{_SINGLE}:Exploiter", f"{_VECTOR}:ExploiterVectorEnv")),
    Environment("ualign/SelfPlay", (f"{_SINGLE}:SelfPlay", None)),
    Environment("ualign/Seats", (f"{_VECTOR}:seats_alone", f"{_VECTOR}:SeatsVectorEnv"), single=False),
)

PETTINGZOO = (
    Environment("ualign/alignment", ("ualign_env.ualign_v0:env", "ualign_env.ualign_v0:parallel_env")),
    Environment("ualign/versus", ("ualign_env.ualign_versus_v0:env", "ualign_env.ualign_versus_v0:parallel_env")),
)

#: Names that PettingZoo's environments had before they had a namespace.
SYNONYMS = {"ualign/alignment": "ualign", "ualign/versus": "ualign-versus"}


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

    for one in GYMNASIUM:
        if one.id not in gymnasium.registry:
            gymnasium.register(one.id, entry_point=one.points[0], vector_entry_point=one.points[1])


def _pettingzoo() -> None:
    import pettingzoo

    if not hasattr(pettingzoo, "register"):  # before PettingZoo 1.27
        return
    for one in PETTINGZOO:
        version = one.id.removeprefix(one.name)
        for name in (one.id, f"{SYNONYMS[one.name]}{version}"):
            for form, registry, point in zip(
                ("aec", "parallel"), (pettingzoo.aec_registry, pettingzoo.parallel_registry), one.points, strict=True
            ):
                if name not in registry:
                    pettingzoo.register(form, name, point)
