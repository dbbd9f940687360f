"""Ratings: how users scored responses, one score a row, or one user a row.

Judges who score the answers of models to prompts are users, the models responses (`user:judge/response:model`); where
each prompt is to be a user who judges models, it is the other way round (`user:prompt/response:model/prompt:""`).
"""

import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._files import readable, unzipped
from ualign_env.readers.arguments import checked
from ualign_env.readers.collector import Collector
from ualign_env.readers.judgements import Judged, counted, made, whole
from ualign_env.readers.table import Table, TableLike, as_table, as_text
from ualign_env.scenario import Scenario

_KNOWN = 10_000  # different scores that are remembered
_ARRAYS = ("ratings", "responses", "weights")  # in an npz file; the last two need not be there


@checked
def read_ratings(
    table: TableLike,
    *,
    prompt: str = "prompt",
    user: str = "user",
    response: str = "response",
    score: str = "score",
    group: str = "",
    missing: str = "complete",
    responses: int | str = "all",
    lower_is_better: bool = False,
    repeated: str = "error",
    min_users: int = 2,
    tie_width: float = 0.0,
    probabilities: str = "equal",
) -> Scenario:
    """Ratings, one a row: a user's score for a response to a prompt.

    Prompts, users and responses are in order of their appearance. Rows without a score say nothing, and are counted in
    the scenario's `notes`, as everything is that is left out.

    Args:
        table: a path of a `.csv`, `.tsv`, `.jsonl` or `.parquet` file, a pandas or polars frame, or a dictionary of
            columns. In jsonl, `a.b.0` names a part of an object or list.
        prompt: the column of prompts; where the table has none of this name, or it is `""`, all is one prompt.
        user: the column of whoever judges.
        response: the column of what is judged.
        score: the column of numbers; only their order for a user and prompt matters.
        group: a column of groups of users, for which scores are told apart; `""` for none.
        missing: what becomes of users who did not rate all responses to a prompt: `"complete"` leaves them out,
            `"bottom"` ties what they did not rate below the rest.
        responses: how many to keep for each prompt, those that most users rated; `"all"` keeps all.
        lower_is_better: whether a lower score is better.
        repeated: what counts where a user rated a response to a prompt twice: `"error"`, `"last"` or `"mean"`.
        min_users: prompts with fewer users are left out.
        tie_width: a user's scores that are closer than this are equal; so are those joined by a chain of such pairs.
        probabilities: how likely prompts are: `"equal"`, or as many `"users"` as they have.

    Raises:
        ValueError: if a column is missing, a cell is wrong, a rating is repeated, or nothing is left; with the place.
        TooLargeError: if the file or what it would make is too large.
    """
    rows = as_table(table)
    _checks.one_of("repeated", repeated, ("error", "last", "mean"))
    sign = -1.0 if lower_is_better else 1.0
    columns = prompt_column(rows, prompt)
    collector, blank = Collector(rows, prompt, user, response, repeated), 0
    numbers: dict[str, float] = {}  # few scores occur again and again
    for place, (who, what, value, *rest) in rows.rows(user, response, score, *columns, *[group] * bool(group)):
        said = numbers.get(value) if type(value) is str else None
        if said is None:
            said = rows.number(place, score, value)
            if type(value) is str and len(numbers) < _KNOWN:
                numbers[value] = said
        if said != said:
            blank += 1
            continue
        member = as_text(rest[-1]) if group else ""
        collector.add(place, rest[0] if columns else None, who, what, sign * said, member)
    judged = list(titled(rows, collector.judged()))
    notes = [f"{counted(blank, 'row')} without a score: left out"] * bool(blank)
    if collector.again:
        done = "the last counts" if repeated == "last" else "their mean counts"
        notes.append(f"{counted(collector.again, 'rating')} beyond a user's first of a response: {done}")
    return made(
        rows.name,
        judged,
        missing=missing,
        responses=responses,
        min_users=min_users,
        tie_width=tie_width,
        probabilities=probabilities,
        notes=notes,
    )


def prompt_column(table: Table, prompt: str) -> list[str]:
    """Returns the column of prompts, none where there is none of the usual name."""
    return [prompt] if prompt and (prompt != "prompt" or table.has("prompt")) else []


def titled(table: Table, prompts: Any) -> Any:
    """Yields prompts, of which one without a name gets the table's."""
    for judged in prompts:
        judged.prompt = judged.prompt or Path(table.name).stem
        yield judged


@checked
def read_wide_ratings(
    table: TableLike,
    *,
    user: str = "user",
    weight: str = "",
    group: str = "",
    missing: str = "complete",
    responses: int | str = "all",
    lower_is_better: bool = False,
    min_users: int = 2,
    tie_width: float = 0.0,
) -> Scenario:
    """Ratings, one user a row: a column for each response, blank or NA where she did not rate it.

    Args:
        table: a path of a `.csv`, `.tsv`, `.jsonl`, `.parquet`, `.npy` or `.npz` file, a frame, a dictionary of
            columns, or an array. A `.npy` file holds `[users, responses]` numbers; an `.npz` file these as `ratings`,
            and if it likes names as `responses` and numbers of users as `weights`.
        user: the column that names users, if there is one of this name; columns without a name are no responses.
        weight: a column of how many users a row stands for; `""` for one each.
        group: a column of groups of users, for which scores are told apart; `""` for none.
        missing: as in `read_ratings`.
        responses: as in `read_ratings`.
        lower_is_better: whether a lower score is better, as for places.
        min_users: how many there must be.
        tie_width: as in `read_ratings`.

    Raises:
        ValueError: if a cell is no number, or too few users are left; with the place.
        TooLargeError: if the file or what it would make is too large.
    """
    sign = -1.0 if lower_is_better else 1.0
    arrays = _arrays(table)
    if arrays is None:
        name, judged = _from_table(as_table(table), user, weight, group)
    else:
        if weight or group:
            raise ValueError(f"{weight or group!r} names a column, but an array has none")
        name, judged = arrays
    judged.scores = sign * judged.scores
    return made(name, [judged], missing=missing, responses=responses, min_users=min_users, tie_width=tie_width)


def _from_table(rows: Table, user: str, weight: str, group: str) -> tuple[str, Judged]:
    """Returns what the users of a table said."""
    special = [column for column in (weight, group) if column]
    names = [column for column in rows.columns if column and column not in (user, *special)]
    if not names:
        raise ValueError(f"{rows.name}: has no columns of responses, only {', '.join(rows.columns)}")
    scores, weights, groups = [], [], []
    for place, cells in rows.rows(*names, *special):
        values = zip(names, cells, strict=False)
        scores.append(np.array([rows.number(place, what, value) for what, value in values]))
        rest = list(cells[len(names) :])
        weights.append(_weight(rows, place, weight, rest.pop(0)) if weight else 1.0)
        if group:
            groups.append(as_text(rest.pop()))
    table = whole(rows.name, len(scores), len(names))
    table[:] = scores or table
    return rows.name, Judged(Path(rows.name).stem, names, table, np.array(weights), groups)


def _weight(rows: Table, place: int, column: str, cell: Any) -> float:
    found = rows.number(place, column, cell)
    if not 0 <= found < 1e15:
        raise ValueError(f"{rows.where(place)}: {column} is {cell!r:.100}, but must be a number of users")
    return found


def _arrays(table: Any) -> tuple[str, Judged] | None:
    """Returns what the users of an array said, in memory or in a file; None of what is no array."""
    path = os.fspath(table) if isinstance(table, str | os.PathLike) else ""
    ratings: Any
    names: Any = None
    weights: Any = None
    if path.lower().endswith(".npz"):
        try:
            found = unzipped(readable(path), "biufU")
        except TooLargeError:
            raise
        except (OSError, EOFError, ValueError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path}: is no file of arrays, or damaged: {error}") from None
        unknown = [name for name in found if name not in _ARRAYS]
        if unknown or "ratings" not in found:
            raise ValueError(
                f"{path}: holds {', '.join(found)}, but must hold ratings, and may hold responses, weights"
            )
        ratings, names, weights = (found.get(name) for name in _ARRAYS)
    elif path.lower().endswith(".npy"):
        try:
            ratings = np.load(readable(path), mmap_mode="r", allow_pickle=False)
        except (OSError, EOFError, ValueError) as error:
            raise ValueError(f"{path}: is no array, or damaged: {error}") from None
    elif isinstance(table, list | tuple | np.ndarray):
        ratings = table
    else:
        return None
    name = path or "table"
    found = _checks.number_array(name, ratings).astype(np.float64)
    if found.ndim != 2 or not found.size:
        raise ValueError(f"{name} has shape {found.shape}, but must be [users, responses] with at least one of each")
    if np.isinf(found).any():
        raise ValueError(f"{name} holds an infinite number, but must hold finite ones, or NaN for what is not rated")
    labels = [str(y) for y in (range(found.shape[1]) if names is None else names)]
    if len(labels) != found.shape[1]:
        raise ValueError(f"{name}: responses has {len(labels)} names, but ratings have {found.shape[1]} columns")
    counts = np.ones(len(found)) if weights is None else _checks.raw_weights(weights, len(found), "rows of users")
    return name, Judged(Path(name).stem, labels, found, np.array(counts))
