"""What is seen of prompts, from a column of a table: numbers in a list, the same in all rows of a prompt.

Axes: P prompts, F features.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ualign_env._types import Floats
from ualign_env.readers.table import Table
from ualign_env.scenario import Scenario


class Features:
    """The features of prompts, each as its first row has them."""

    def __init__(self, table: Table, column: str) -> None:
        """Prepares for the cells of a column of a table."""
        self._table, self._column = table, column
        self._cells: dict[str, Any] = {}
        self._rows: dict[str, Floats] = {}

    def add(self, place: int, prompt: str, cell: Any) -> None:
        """Enters what a row says of a prompt.

        Raises:
            ValueError: if it is no list of numbers, has another length than others, or says something else than before.
        """
        before = self._cells.get(prompt)
        if before is not None and (cell is before or (type(cell) is type(before) is str and cell == before)):
            return  # what surely is the same is not read again
        found = self._numbers(place, cell)
        known = self._rows.setdefault(prompt, found)
        if not np.array_equal(known, found):
            raise ValueError(
                f"{self._table.where(place)}: {self._column} of prompt {prompt!r:.100} is another than before"
            )
        first = next(iter(self._rows.values()))
        if found.size != first.size:
            raise ValueError(
                f"{self._table.where(place)}: {self._column} has {found.size} numbers, but before {first.size}"
            )
        self._cells[prompt] = cell

    def _numbers(self, place: int, cell: Any) -> Floats:
        """Returns the numbers in a cell: a list, one as JSON has it, or numbers joined by semicolons."""
        try:
            if isinstance(cell, str):
                cell = json.loads(cell) if cell.lstrip().startswith("[") else cell.split(";")
            found = np.array(cell, np.float64)
        except (TypeError, ValueError):
            found = np.empty((0, 0))
        if found.ndim != 1 or not found.size or not np.isfinite(found).all():
            raise ValueError(
                f"{self._table.where(place)}: {self._column} is {cell!r:.100}, but must be finite numbers: a list, or "
                "joined by ';'"
            )
        return found

    def seen(self, scenario: Scenario, names: Sequence[str]) -> Scenario:
        """Returns a scenario whose prompts are seen by their features alone, with responses in one order.

        Args:
            scenario: the P prompts.
            names: what the table calls them.

        Raises:
            ValueError: if prompts have different responses: whoever sees features alone would not know which.
        """
        order = scenario.populations[0].responses
        populations, groups = [], []
        for name, users, known in zip(names, scenario.populations, scenario.groups, strict=True):
            if sorted(users.responses) != sorted(order):
                raise ValueError(
                    f"{self._table.name}: prompt {name!r:.100} has other responses than {names[0]!r:.100}, but where "
                    "features are seen, the same responses must be there for every prompt"
                )
            index = [users.responses.index(response) for response in order]
            populations.append(users.restricted(index))
            groups.append({group: members.restricted(index) for group, members in known.items()})
        return Scenario(
            populations,
            scenario.prompts,
            scenario.probabilities,
            features=np.array([self._rows[name] for name in names]),
            observe="features",
            groups=groups,
            notes=scenario.notes,
        )
