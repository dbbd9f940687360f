"""Picks: users who were shown several responses and chose one."""

import json
from collections.abc import Iterable
from typing import Any

from ualign_env import _checks
from ualign_env._text import counted
from ualign_env.readers.arguments import checked
from ualign_env.readers.collector import Collector, Once
from ualign_env.readers.judgements import Judged, made
from ualign_env.readers.table import Table, TableLike, as_table, as_text, is_gap
from ualign_env.scenario import Scenario

_TIED = "of each user only the favourite is known; the other responses tie, which raises the win rate of every policy"


@checked
def read_picks(
    table: TableLike,
    *,
    prompt: str = "prompt",
    user: str = "user",
    shown: tuple[str, ...] = ("shown",),
    chosen: str = "chosen",
    group: str = "",
    repeated: str = "error",
    min_users: int = 2,
    probabilities: str = "equal",
) -> Scenario:
    """Picks, one a row: the responses that a user was shown, and the one that she chose; the others tie below it.

    A pick says nothing of what was not shown, so that a prompt is its text with the responses shown: where the same
    text was shown with others, it is another prompt. Nor does it say how the others compare. They count as tied, which
    flatters every policy: a user whose favourite nobody shows picks among the rest at random.

    Args:
        table: a path, a frame or a dictionary of columns, as in `read_ratings`.
        prompt: the column of prompts; where the table has none of this name, or it is `""`, only what was shown counts.
        user: the column of whoever chooses; where the table has none of this name, each row is a user.
        shown: the columns with a response shown in each, or one column of lists of them.
        chosen: the column of the chosen response: itself, or the name, or the end of the name, of its column.
        group: a column of groups of users, for which scores are told apart; `""` for none.
        repeated: what counts where a user chose twice: `"error"`, `"first"` or `"last"`.
        min_users: prompts with fewer users are left out.
        probabilities: how likely prompts are: `"equal"`, or as many `"users"` as they have.

    Raises:
        ValueError: if a column is missing, what was chosen was not shown, or nothing is left; with the place.
        TooLargeError: if the file or what it would make is too large.
    """
    rows = as_table(table)
    _checks.one_of("repeated", repeated, ("error", "first", "last"))
    if not (names := list(shown)):
        raise ValueError("shown names no column, but must name at least one")
    columns = rows.prompt_column(prompt)
    picks, blank = Once(rows, repeated), 0
    named = rows.usual_column(user, "user")
    used = [chosen, *names, *columns, *named, *[group] * bool(group)]
    for place, cells in rows.rows(*used):
        choice, *rest = cells
        if is_gap(choice):
            blank += 1
            continue
        options = _shown(rows, place, names, rest[: len(names)])
        picked = _chosen(rows, place, names, options, choice)
        title = rows.text(place, prompt, rest[len(names)]) if columns else ""
        name = rows.text(place, user, rest[len(names) + len(columns)]) if named else str(place)
        key = title, tuple(sorted(options)), name
        picks.add(key, place, (picked, as_text(rest[-1]) if group else ""), f"user {name!r:.100} chose among these")
    collector = Collector(rows, prompt, user, chosen)
    for (title, options, who), place, (picked, member) in picks.items():
        for response in options:
            collector.add(place, json.dumps([title, *options]), who, response, float(response == picked), member)

    def notes() -> list[str]:
        found = [f"{counted(blank, 'row')} without a choice: left out"] * bool(blank)
        if picks.again:
            found.append(f"{counted(picks.again, 'choice')} beyond a user's first: the {repeated} counts")
        return [*found, *rows.one_prompt(prompt, used), _TIED]

    return made(
        rows.name,
        _named(collector.judged()),
        bottom=False,
        min_users=min_users,
        probabilities=probabilities,
        notes=notes,
    )


def _named(prompts: Iterable[Judged]) -> Iterable[Judged]:
    """Yields prompts by their texts, without what was shown."""
    for judged in prompts:
        judged.prompt = json.loads(judged.prompt)[0]
        yield judged


def _shown(rows: Table, place: int, names: list[str], cells: list[Any]) -> dict[str, str]:
    """Returns the responses shown, each with the name of its column."""
    if len(names) > 1:
        found = {rows.text(place, name, cell): name for name, cell in zip(names, cells, strict=True)}
        if len(found) < len(names):
            raise ValueError(f"{rows.where(place)}: shows the same response twice")
        return found
    listed = cells[0]
    if isinstance(listed, str):
        try:
            listed = json.loads(listed)
        except (ValueError, RecursionError):
            listed = listed.split(";")
    options = [as_text(one) for one in listed] if isinstance(listed, list | tuple) else []
    if not options or not all(options) or len(set(options)) < len(options):
        raise ValueError(
            f"{rows.where(place)}: {names[0]} is {cells[0]!r:.100}, but must be a list of different responses"
        )
    return dict.fromkeys(options, "")


def _chosen(rows: Table, place: int, names: list[str], options: dict[str, str], choice: Any) -> str:
    """Returns the response that was chosen."""
    text = as_text(choice)
    if text in options:
        return text
    fitting = [response for response, column in options.items() if len(names) > 1 and column.endswith(text)]
    if len(fitting) != 1:
        raise ValueError(
            f"{rows.where(place)}: {text!r:.100} was chosen, but shown were {list(options)!s:.200}; a choice is a "
            "response or the name of its column"
        )
    return fitting[0]
