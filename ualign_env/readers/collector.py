"""What users said of responses, collected one saying at a time.

Axes of one prompt: U users, N responses.
"""

from array import array
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ualign_env._text import counted
from ualign_env.readers.judgements import Judged, whole
from ualign_env.readers.table import Table


class Numbered(dict[Hashable, int]):
    """Numbers things in order of their appearance."""

    def __missing__(self, key: Hashable) -> int:
        self[key] = len(self)
        return self[key]


class Names(Numbered):
    """Numbers the names in the cells of a column."""

    def __init__(self, table: Table, column: str) -> None:
        super().__init__()
        self._table, self._column = table, column
        self._cells: dict[str, int] = {}  # texts as they stand in the table, most of which occur again and again

    def of(self, place: int, cell: Any) -> int:
        """Returns the number of a cell's name, which must not be empty."""
        if type(cell) is not str:
            return self[self._table.text(place, self._column, cell)]
        found = self._cells.get(cell)
        if found is None:
            found = self._cells[cell] = self[self._table.text(place, self._column, cell)]
        return found


class Groups(dict[tuple[int, int], str]):
    """The group of each user of a prompt, who can be of one alone."""

    def put(self, key: tuple[int, int], group: str, table: Table, place: int, user: Any) -> None:
        """Enters a user's group, where she has one; errors name her and the row."""
        if group and self.setdefault(key, group) != group:
            one = f"{table.where(place)}: user {user!r:.100}"
            raise ValueError(f"{one} is of group {group!r:.100}, but before of {self[key]!r:.100}")


class Collector:
    """Collects what users said of responses to prompts, each in order of appearance."""

    def __init__(self, table: Table, prompt: str, user: str, response: str, repeated: str = "error") -> None:
        """Prepares for sayings.

        Args:
            table: where they are, as errors say.
            prompt: what errors call the column of prompts; `""` where all is one prompt.
            user: the column of users.
            response: the column of responses.
            repeated: what becomes of a second saying of a user on a response: `"error"`, `"last"` or `"mean"`.
        """
        self._table, self._repeated, self._one = table, repeated, not prompt
        self._prompts, self._users, self._responses = (Names(table, column) for column in (prompt, user, response))
        self._groups = Groups()
        self._weights: dict[tuple[int, int], float] = {}
        self._x, self._u, self._y, self._places = array("q"), array("q"), array("q"), array("q")
        self._scores = array("d")
        self.again = 0  # sayings beyond the first, known once all prompts were gone through

    def add(
        self, place: int, prompt: Any, user: Any, response: Any, score: float, group: str = "", weight: float = 1.0
    ) -> None:
        """Adds one saying: the cells that name the prompt, where there are several, the user and the response."""
        x = 0 if self._one else self._prompts.of(place, prompt)
        u = self._users.of(place, user)
        self._x.append(x)
        self._u.append(u)
        self._y.append(self._responses.of(place, response))
        self._places.append(place)
        self._scores.append(score)
        if weight != 1.0:
            self._weights[x, u] = weight
        if group:
            self._groups.put((x, u), group, self._table, place, user)

    def judged(self) -> Iterable[Judged]:
        """Yields what was said of each prompt.

        Raises:
            ValueError: if a saying is repeated that must not be.
            TooLargeError: if a prompt has too many users and responses.
        """
        if not self._x:
            return
        prompts, users, responses = (
            list(map(str, names)) for names in (self._prompts or [""], self._users, self._responses)
        )
        kept = self._x, self._u, self._y, self._places, self._scores
        x, u, y, places, scores = (np.asarray(column) for column in kept)
        order = np.argsort(x, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(x[order])) + 1):
            # in the order of the whole file, so that prompts with the same responses number them alike
            who, u_rows = np.unique(u[rows], return_inverse=True)
            what, y_rows = np.unique(y[rows], return_inverse=True)
            names = [users[i] for i in who], [responses[i] for i in what]
            prompt = prompts[x[rows[0]]]
            table = self._cells(prompt, *names, u_rows * what.size + y_rows, places[rows], scores[rows])
            keys = [(int(x[rows[0]]), int(i)) for i in who] if self._groups or self._weights else []
            groups = [self._groups.get(key, "") for key in keys] if self._groups else []
            weights = np.array([self._weights.get(key, 1.0) for key in keys]) if self._weights else np.ones(who.size)
            yield Judged(prompt, names[1], table, weights, groups)

    def repetitions(self, saying: str, of: str) -> list[str]:
        """Returns what became of repeated sayings, in words; known once all prompts were gone through."""
        done = "the last counts" if self._repeated == "last" else "their mean counts"
        return [f"{counted(self.again, saying)} beyond a user's first of a {of}: {done}"] * bool(self.again)

    def _cells(
        self, prompt: str, users: list[str], responses: list[str], cells: Any, places: Any, scores: Any
    ) -> npt.NDArray[np.float64]:
        """Returns `[U, N]` scores of one prompt, from those of some cells."""
        out = whole(self._table.name, len(users), len(responses))
        different, counts = np.unique(cells, return_counts=True)
        self.again += cells.size - different.size
        if self._repeated == "error" and different.size < cells.size:
            cell = different[np.argmax(counts > 1)]
            one, other = (self._table.where(int(places[i])) for i in np.flatnonzero(cells == cell)[:2])
            where = " of the only prompt" if self._one else f" of prompt {prompt!r:.100}"
            hint = "; the option prompt names a column of prompts" if self._one else ""
            raise ValueError(
                f"{other}: user {users[cell // len(responses)]!r:.100} judged response "
                f"{responses[cell % len(responses)]!r:.100}{where} before, at {one}; repeated (last or mean) says what "
                f"counts{hint}"
            )
        if self._repeated == "mean":
            means = np.bincount(np.searchsorted(different, cells), weights=scores) / counts
            out.flat[different] = _rounded(means)
        else:
            _, last = np.unique(cells[::-1], return_index=True)
            out.flat[different] = scores[::-1][last]
        return out


def _rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns numbers to 13 digits: the mean of .1 and .2 is that of 0 and .3."""
    size = 10.0 ** (12 - np.floor(np.log10(np.abs(values), out=np.zeros_like(values), where=values != 0)))
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.round(values * size) / size
    return np.where(np.isfinite(rounded), rounded, values)


class Once:
    """Keeps one thing a key, of those that come again the first or the last; or refuses them."""

    def __init__(self, table: Table, repeated: str) -> None:
        """Prepares for things; `repeated` is `"error"`, `"first"` or `"last"`."""
        self._table, self._repeated = table, repeated
        self._kept: dict[Hashable, tuple[int, Any]] = {}
        self.again = 0

    def add(self, key: Hashable, place: int, value: Any, what: str) -> None:
        """Adds a thing, which errors call what it is.

        Raises:
            ValueError: if there is one with this key, and that is an error.
        """
        if key not in self._kept:
            self._kept[key] = place, value
            return
        if self._repeated == "error":
            raise ValueError(
                f"{self._table.where(place)}: {what} before, at {self._table.where(self._kept[key][0])}; "
                "repeated (first or last) says what counts"
            )
        self.again += 1
        if self._repeated == "last":
            self._kept[key] = place, value

    def items(self) -> list[tuple[Any, int, Any]]:
        """Returns each key, the place of what is kept, and that."""
        return [(key, place, value) for key, (place, value) in self._kept.items()]
