"""Orders: users who put responses in an order, as a text, a list, or ballots with a column for each place."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ualign_env import _checks
from ualign_env._text import counted
from ualign_env.readers.arguments import checked
from ualign_env.readers.collector import Collector, Numbered, Once
from ualign_env.readers.judgements import Judged, made, whole
from ualign_env.readers.table import Table, TableLike, as_table, as_text, is_gap
from ualign_env.scenario import Scenario


@checked
def read_orders(
    table: TableLike,
    *,
    prompt: str = "prompt",
    user: str = "user",
    order: str = "order",
    separator: str = ">",
    weight: str = "",
    group: str = "",
    unranked: str = "bottom",
    repeated: str = "error",
    min_users: int = 2,
    probabilities: str = "equal",
) -> Scenario:
    """Orders, one a row: a user's `A > B = C > D` of the responses to a prompt.

    Args:
        table: a path, a frame or a dictionary of columns, as in `read_ratings`.
        prompt: the column of prompts; where the table has none of this name, or it is `""`, all is one prompt.
        user: the column of whoever judges; where the table has none of this name, each row is a user.
        order: the column of orders, best first: a text of names joined by `>` and, where they are tied, `=`; or a list
            of names, with lists in it of those that are tied.
        separator: what joins names in their order instead of `>`.
        weight: a column of how many users a row stands for; `""` for one each.
        group: a column of groups of users, for which scores are told apart; `""` for none.
        unranked: what becomes of responses to a prompt that a user left out and others did not: `"bottom"` ties them
            below the rest, `"drop"` leaves out such users. Where a single one was left out, it is the last.
        repeated: what counts where a user ordered the responses to a prompt twice: `"error"`, `"first"` or `"last"`.
        min_users: prompts with fewer users are left out.
        probabilities: how likely prompts are: `"equal"`, or as many `"users"` as they have.

    Raises:
        ValueError: if a column is missing, an order malformed or repeated, or nothing is left; with the place.
        TooLargeError: if the file or what it would make is too large.
    """
    rows = as_table(table)
    _checks.one_of("repeated", repeated, ("error", "first", "last"))
    _checks.one_of("unranked", unranked, ("bottom", "drop"))
    columns = {"prompt": prompt} if rows.prompt_column(prompt) else {}
    columns |= {"user": user} if rows.usual_column(user, "user") else {}
    columns |= {name: column for name, column in (("weight", weight), ("group", group)) if column}
    orders, blank, longest = Once(rows, repeated), 0, 0
    for place, (text, *cells) in rows.rows(order, *columns.values()):
        row = dict(zip(columns, cells, strict=True))
        if not isinstance(text, list | tuple) and is_gap(text):
            blank += 1
            continue
        title = rows.text(place, prompt, row["prompt"]) if "prompt" in row else ""
        name = rows.text(place, user, row["user"]) if "user" in row else str(place)
        many = rows.weight(place, weight, row["weight"]) if weight else 1.0
        found = _groups(rows, place, order, text, separator)
        longest = max(longest, sum(map(len, found)))
        kept = found, many, as_text(row.get("group", ""))
        orders.add((title, name), place, kept, f"user {name!r:.100} ordered the responses to prompt {title!r:.100}")
    if orders.items() and longest < 2:
        raise ValueError(
            f"{rows.name}: no {order} has two names, which {separator!r} joins, and '=' where they are tied; separator "
            "says what does"
        )
    collector = Collector(rows, columns.get("prompt", ""), user, order)
    for (title, who), place, (found, many, member) in orders.items():
        for below, tied in enumerate(found):
            for response in tied:
                collector.add(place, title, who, response, -float(below), member, many)

    def notes() -> list[str]:
        found = [f"{counted(blank, 'row')} without an order: left out"] * bool(blank)
        if orders.again:
            found.append(f"{counted(orders.again, 'order')} beyond a user's first of a prompt: the {repeated} counts")
        used = [order, *columns.values()]
        return found + not_counted(rows, weight, used) + rows.one_prompt(prompt, used)

    return made(
        rows.name,
        map(closed, collector.judged()),
        bottom=unranked == "bottom",
        min_users=min_users,
        probabilities=probabilities,
        notes=notes,
    )


def closed(judged: Judged) -> Judged:
    """Returns orders in which a single response that was left out is the last."""
    unknown = np.isnan(judged.scores)
    single = unknown.sum(axis=1) == 1
    if judged.scores.shape[1] > 1:
        judged.scores[single[:, None] & unknown] = -float(judged.scores.shape[1])
    return judged


def _groups(rows: Table, place: int, column: str, order: Any, separator: str) -> list[list[str]]:
    """Returns the groups of tied responses of an order, best first."""
    listed = order
    if isinstance(order, str) and order.lstrip().startswith("["):
        try:
            listed = json.loads(order)
        except (ValueError, RecursionError):
            listed = order
    if isinstance(listed, str):
        groups = listed.strip().removesuffix(separator).split(separator)
        found = [[name.strip() for name in group.split("=")] for group in groups]
    elif hasattr(listed, "__iter__"):
        found = [[as_text(one) for one in (group if isinstance(group, list | tuple) else [group])] for group in listed]
    else:
        found = [[as_text(listed)]]
    names = [name for group in found for name in group]
    if not names or not all(names) or len(set(names)) < len(names):
        raise ValueError(
            f"{rows.where(place)}: {column} is {order!r:.100}, but must be names joined by {separator!r} and '=', each "
            "once"
        )
    return found


@checked
def read_ballots(
    table: TableLike,
    *,
    rank: tuple[str, ...] = ("rank", "choice"),
    weight: str = "",
    group: str = "",
    blank: tuple[str, ...] = ("undervote", "overvote", "skipped", ""),
    unranked: str = "bottom",
    min_users: int = 2,
) -> Scenario:
    """Ballots, one a row: columns rank1, rank2, ... with the names of responses, as cast-vote records have them.

    A name that occurs again counts once, at its best place; places that were skipped close up; ballots without any
    name are left out, and counted.

    Args:
        table: a path, a frame or a dictionary of columns, as in `read_ratings`.
        rank: the columns, best first; or what they are called beside the place, of which the first that there is
            counts: `rank1`, `rank_1`, `Rank 1`, `1st rank` and `1ST RANK MAYOR` are the same.
        weight: a column of how many ballots a row stands for; `""` for one each.
        group: a column of groups of users, for which scores are told apart; `""` for none.
        blank: cells that name nobody, in whatever case; `NA` and `NaN`, as programs write them, never do.
        unranked: what becomes of responses that a ballot does not name: `"bottom"` ties them below the rest, `"drop"`
            leaves out such ballots. Where a single one was left out, it is the last.
        min_users: how many there must be.

    Raises:
        ValueError: if there are no such columns, or too few ballots are left; with the place.
        TooLargeError: if the file or what it would make is too large.
    """
    rows = as_table(table)
    _checks.one_of("unranked", unranked, ("bottom", "drop"))
    columns = rank_columns(rows, rank)
    if not columns:
        wanted = ", ".join(f"{name}1, {name}2, ..." for name in rank) or "that rank names"
        raise ValueError(f"{rows.name}: has no columns {wanted}, only {', '.join(rows.columns)!s:.200}")
    nobody = {word.strip().lower() for word in blank}
    responses, ballots, weights, groups = Numbered(), [], [], []
    idle = again = skipped = 0.0
    for place, cells in rows.rows(*columns, *[column for column in (weight, group) if column]):
        rest = list(cells[len(columns) :])
        count = rows.weight(place, weight, rest.pop(0)) if weight else 1.0
        named = [as_text(cell) for cell in cells[: len(columns)]]
        ranked = [name for name in named if name.lower() not in nobody and not is_gap(name)]
        once = list(dict.fromkeys(ranked))
        if not once:
            idle += count
            continue
        again += count * (len(once) < len(ranked))
        last = max(i for i, name in enumerate(named) if name in once)
        skipped += count * any(name not in once for name in named[:last])
        ballots.append([responses[name] for name in once])
        weights.append(count)
        groups.append(as_text(rest.pop()) if group else "")
    table = whole(rows.name, len(ballots), len(responses))
    for scores, ballot in zip(table, ballots, strict=True):
        scores[ballot] = -np.arange(float(len(ballot)))
    notes = [
        f"{counted(number, 'ballot')} {what}"
        for number, what in (
            (idle, "without a name: left out"),
            (again, "with a name that occurs again: its best place counts"),
            (skipped, "with a place skipped: closed up"),
        )
        if number
    ]
    notes += not_counted(rows, weight, columns)
    judged = closed(Judged(Path(rows.name).stem, list(map(str, responses)), table, np.array(weights), groups))
    return made(rows.name, [judged], bottom=unranked == "bottom", min_users=min_users, notes=lambda: notes)


def not_counted(rows: Table, weight: str, used: Iterable[str]) -> list[str]:
    """Returns a note on each column that may say how many users a row stands for, where none is named."""
    idle = [] if weight else rows.counts([column for column in rows.columns if column not in used])
    return [f"column {column!r} is not used: as the weight, it says how many users a row stands for" for column in idle]


def rank_columns(table: Table, rank: tuple[str, ...]) -> list[str]:
    """Returns the columns of places, in their order."""
    if len(rank) > 1 and all(map(table.has, rank)):
        return [table.find(name) for name in rank]
    for name in map(re.escape, rank):
        after, before = rf"{name}[ _-]?0*([1-9][0-9]?)", rf"([1-9][0-9]?)(?:st|nd|rd|th)[ _-]?{name}\b.*"
        pattern = re.compile(rf"{after}|{before}", re.IGNORECASE)
        places = {int(match[1] or match[2]): one for one in table.columns if (match := pattern.fullmatch(one.strip()))}
        if places:
            return [places[place] for place in sorted(places)]
    return []
