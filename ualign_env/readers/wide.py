"""Ratings, one user a row: tables with a column for each response, and arrays."""

from pathlib import Path

import numpy as np

from ualign_env import _checks
from ualign_env._text import counted, short
from ualign_env._types import Floats
from ualign_env.readers.arguments import checked
from ualign_env.readers.arrays import Arrays, as_arrays
from ualign_env.readers.choosing import Choosing
from ualign_env.readers.judgements import Judged, made, whole
from ualign_env.readers.table import Table, TableLike, as_table, as_text, is_gap
from ualign_env.scenario import Scenario


@checked
def read_wide_ratings(
    table: TableLike,
    *,
    user: str = "user",
    columns: tuple[str, ...] = (),
    levels: tuple[str, ...] = (),
    weight: str = "",
    group: str = "",
    missing: str = "complete",
    responses: int | str = "all",
    lower_is_better: bool = False,
    min_users: int = 2,
    tie_width: float = 0.0,
    users: str = "certain",
    tau: float = 1.0,
    noise: str = "response",
    samples: int = 100,
    seed: int = 0,
) -> Scenario:
    """Ratings, one user a row: a column for each response, blank or NA where she did not rate it.

    Args:
        table: a path of a `.csv`, `.tsv`, `.jsonl`, `.parquet`, `.npy` or `.npz` file, a frame, a dictionary of
            columns, or an array. A `.npy` file holds `[users, responses]` numbers; an `.npz` file these as `ratings`,
            and if it likes names as `responses` and numbers of users as `weights`.
        user: the column that names users, if there is one of this name; columns without a name are no responses.
        columns: the columns of responses; where none is named, all others.
        levels: the texts of an answer scale, the lowest first, such as `disagree;neutral;agree`; none for numbers.
        weight: a column of how many users a row stands for; `""` for one each.
        group: a column of groups of users, for which scores are told apart; `""` for none.
        missing: as in `read_ratings`.
        responses: as in `read_ratings`.
        lower_is_better: whether a lower score is better, as for places.
        min_users: how many there must be.
        tie_width: as in `read_ratings`.
        users: how they choose by their scores, as in `read_ratings`.
        tau: as in `read_ratings`.
        noise: as in `read_ratings`.
        samples: as in `read_ratings`.
        seed: as in `read_ratings`.

    Raises:
        ValueError: if a cell is no number, or too few users are left; with the place.
        TooLargeError: if the file or what it would make is too large.
    """
    _checks.one_of("missing", missing, ("complete", "bottom"))
    arrays, choosing = as_arrays(table, "ratings"), Choosing(users, tau, noise, samples, seed)
    if arrays is None:
        name, judged, notes = _from_table(as_table(table), user, columns, levels, weight, group)
    elif weight or group or columns or levels:
        raise ValueError(f"{weight or group or columns or levels!r} is of a table, but this is an array")
    else:
        name, judged, notes = arrays.name, _from_arrays(arrays), []
    judged.scores = -judged.scores if lower_is_better else judged.scores
    return made(
        name,
        [judged],
        bottom=missing == "bottom",
        responses=responses,
        min_users=min_users,
        tie_width=tie_width,
        choosing=choosing,
        notes=lambda: notes,
    )


def _from_table(
    rows: Table, user: str, columns: tuple[str, ...], levels: tuple[str, ...], weight: str, group: str
) -> tuple[str, Judged, list[str]]:
    """Returns a table's name, what its users said, and what may be misread."""
    special = [column for column in (weight, group) if column]
    own = {rows.find(column) for column in (user, *special) if rows.has(column)}
    names = list(columns) or [column for column in rows.columns if column and column not in own]
    if not names:
        raise ValueError(f"{rows.name}: has no columns of responses, only {', '.join(rows.columns)}")
    scores, weights, groups = [], [], []
    rated: dict[str, int] = {}
    whose = [user] if rows.has(user) else []
    for place, cells in rows.rows(*names, *special, *whose):
        who = "" if not whose or is_gap(cells[-1]) else as_text(cells[-1])
        if who and rated.setdefault(who, place) != place:
            raise ValueError(
                f"{rows.where(place)}: user {who!r:.100} has a row before, at {rows.where(rated[who])}, but each row "
                "is a user: ratings of several prompts are read one response a row"
            )
        values = zip(names, cells, strict=False)
        scores.append(np.array([rows.number(place, what, value, levels) for what, value in values]))
        rest = list(cells[len(names) : len(names) + len(special)])
        weights.append(rows.weight(place, weight, rest.pop(0)) if weight else 1.0)
        if group:
            groups.append(as_text(rest.pop()))
    table = whole(rows.name, len(scores), len(names))
    table[:] = scores or table
    judged = Judged(Path(rows.name).stem, names, table, np.array(weights), groups)
    return rows.name, judged, [] if columns else _doubts(rows, names, table)


def _doubts(rows: Table, names: list[str], scores: Floats) -> list[str]:
    """Returns which columns were taken for responses, and what speaks against some."""
    notes = [f"{counted(len(names), 'column')} are the responses: {short(', '.join(names), 100)}"]
    for column in rows.counts(names):
        notes.append(f"column {column!r} is a response: as the weight, it says how many users a row stands for")
    known = {name: own[~np.isnan(own)] for name, own in zip(names, scores.T, strict=True)}
    ends = {name: (own.min(), own.max()) for name, own in known.items() if own.size}
    if len(ends) < 3:  # two that differ are no sign
        return notes
    lows, highs = sorted(low for low, _ in ends.values()), sorted((high for _, high in ends.values()), reverse=True)
    for name, (low, high) in ends.items():
        least, most = lows[int(low == lows[0])], highs[int(high == highs[0])]  # of the others
        if high - low > most - least and (low > most or high < least):
            notes.append(
                f"column {name!r} holds {low:g} to {high:g}, and the others {least:g} to {most:g}: if it is no "
                "response, columns names those that are"
            )
    return notes


def _from_arrays(arrays: Arrays) -> Judged:
    """Returns what the users of an array said."""
    scores = arrays.main
    if np.isinf(scores).any():
        raise ValueError(
            f"{arrays.name} holds an infinite number, but must hold finite ones, or NaN for what is unrated"
        )
    counts = np.ones(len(scores))
    if arrays.weights is not None:
        counts = np.array(_checks.raw_weights(arrays.weights, len(scores), "rows of users"))
    return Judged(Path(arrays.name).stem, arrays.responses, scores, counts)
