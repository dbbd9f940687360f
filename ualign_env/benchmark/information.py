"""The classes of information: what an agent may know of the users, and what its budget is counted in."""

from dataclasses import dataclass
from typing import Literal

Information = Literal["exact", "tree", "picks", "pairs"]

Unit = Literal["seconds", "plays", "steps"]


@dataclass(frozen=True)
class InformationClass:
    """A class of agents that can be compared.

    Attributes:
        badge: its letter.
        title: what its agents know, in a few words.
        unit: what their budget is counted in: seconds of CPU, or plays.
    """

    badge: str
    title: str
    unit: Unit

    @property
    def hidden(self) -> bool:
        """Whether agents can only ask users, whom they don't know."""
        return self.unit == "plays"


#: The classes by name, from those that know most.
CLASSES: dict[str, InformationClass] = {
    "exact": InformationClass("E", "exact payoffs", "seconds"),
    "tree": InformationClass("T", "the game tree", "seconds"),
    "picks": InformationClass("B", "picks of users among k + 1 responses", "plays"),
    "pairs": InformationClass("P", "comparisons of two responses", "plays"),
}
