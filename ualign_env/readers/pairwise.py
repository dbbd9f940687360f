"""Comparisons of two responses: a user's own, made an order by a rule, or pooled, for one sample alone.

Axes of one user: N responses.
"""

from collections import defaultdict
from typing import Any

import numpy as np
from scipy.sparse.csgraph import connected_components

from ualign_env import _checks
from ualign_env._types import Floats
from ualign_env.readers.arguments import checked
from ualign_env.readers.collector import Numbered
from ualign_env.readers.judgements import Judged, counted, distinct, made, whole
from ualign_env.readers.ratings import prompt_column, titled
from ualign_env.readers.table import TableLike, as_table, as_text, is_missing
from ualign_env.scenario import Scenario
from ualign_env.users import PairwiseUsers

RULES = ("bradley-terry", "copeland", "win-share", "pooled")
_TIED = 1e-7  # strengths that differ by less are equal: Newton's method stops far below
_STEPS = 200


@checked
def read_pairwise(
    table: TableLike,
    *,
    rule: str = "",
    prompt: str = "prompt",
    user: str = "user",
    chosen: str = "chosen",
    rejected: str = "rejected",
    tie: str = "",
    group: str = "",
    prior: float = 0.0,
    missing: str = "complete",
    min_users: int = 2,
    probabilities: str = "equal",
) -> Scenario:
    """Comparisons, one a row: a user chose one response to a prompt and rejected another.

    The rule that makes a user's order of her comparisons has no default, since answers depend on it. Single comparisons
    say nothing of what a user would choose among three, so that nothing follows from pooled ones for k above 1.

    Args:
        table: a path, a frame or a dictionary of columns, as in `read_ratings`.
        rule: how a user's comparisons become an order: `"bradley-terry"`, by the strengths that make them likeliest;
            `"copeland"`, by the number of responses that each beat more often than not, less those that it lost to;
            `"win-share"`, by the share of its comparisons that each won. Or `"pooled"`: whoever made them, only the
            share of comparisons that each response won against each other is kept.
        prompt: the column of prompts; where the table has none of this name, or it is `""`, all is one prompt.
        user: the column of whoever compares; not needed for pooled comparisons.
        chosen: the column of what was chosen.
        rejected: the column of what was not.
        tie: a column that says where neither was better: true, 1, yes or tie; `""` for none. A tie is half a win.
        group: a column of groups of users, for which scores are told apart; `""` for none.
        prior: for Bradley-Terry, comparisons that each response won, and as many that it lost, against one of mean
            strength. At 0 a user needs a chain of wins from each response to each other.
        missing: what becomes of users who did not compare all responses to a prompt: `"complete"` leaves them out,
            `"bottom"` ties what they did not compare below the rest.
        min_users: prompts with fewer users are left out.
        probabilities: how likely prompts are: `"equal"`, or as many `"users"` as they have.

    Raises:
        ValueError: if no rule is given, a column is missing, strengths are infinite, or nothing is left.
        TooLargeError: if the file or what it would make is too large.
    """
    rows = as_table(table)
    if rule not in RULES:
        raise ValueError(
            f"{rows.name}: rule is {rule!r:.100}, but must be chosen, since answers depend on it: {', '.join(RULES)}"
        )
    _checks.scale("prior", prior, high=1e6, zero=True)
    pooled = rule == "pooled"
    names = prompt_column(rows, prompt)
    columns = [chosen, rejected, *[user] * (not pooled), *names, *[tie] * bool(tie), *[group] * bool(group)]
    prompts: dict[str, Numbered] = defaultdict(Numbered)
    wins: dict[str, dict[str, dict[tuple[int, int], float]]] = defaultdict(lambda: defaultdict(dict))
    groups: dict[tuple[str, str], str] = {}
    blank = 0
    for place, cells in rows.rows(*columns):
        cell = dict(zip(columns, cells, strict=True))
        if is_missing(cell[chosen]) or is_missing(cell[rejected]):
            blank += 1
            continue
        title = rows.text(place, prompt, cell[prompt]) if names else ""
        who = "" if pooled else rows.text(place, user, cell[user])
        better, worse = (prompts[title][rows.text(place, column, cell[column])] for column in (chosen, rejected))
        if better == worse:
            raise ValueError(f"{rows.where(place)}: compares {as_text(cell[chosen])!r:.100} with itself")
        share = 0.5 if tie and as_text(cell[tie]).lower() in ("1", "true", "yes", "tie") else 1.0
        for pair, won in (((better, worse), share), ((worse, better), 1 - share)):
            wins[title][who][pair] = wins[title][who].get(pair, 0.0) + won
        if group:
            groups[title, who] = as_text(cell[group])
    notes = [f"{counted(blank, 'row')} without two responses: left out"] * bool(blank)
    tables = {
        title: {who: _table(won, len(prompts[title])) for who, won in users.items()} for title, users in wins.items()
    }
    if pooled:
        return _pooled(rows.name, prompts, tables, notes)
    judged = []
    cyclic = compared = users = 0
    for title, of_users in tables.items():
        scores = whole(rows.name, len(of_users), len(prompts[title]))
        for row, (who, won) in zip(scores, of_users.items(), strict=True):
            seen = (won + won.T).any(axis=1)
            what = f"{rows.name}: user {who!r:.100}, prompt {title!r:.100}"
            row[seen] = _scores(won[np.ix_(seen, seen)], rule, prior, what)
            net = won > won.T
            cyclic += _has_cycle(net)
            compared += int(np.triu(won + won.T > 0).sum())
            users += 1
        named = [groups.get((title, who), "") for who in of_users]
        judged.append(Judged(title, list(map(str, prompts[title])), scores, np.ones(len(scores)), named))
    notes.append(f"orders by {rule}{f' with a prior of {prior:g}' if prior else ''}: another rule may give others")
    if users:
        notes.append(
            f"{compared / users:.1f} pairs a user on the mean; {cyclic:,} of {users:,} users contradict themselves"
        )
    return made(
        rows.name,
        titled(rows, judged),
        missing=missing,
        min_users=min_users,
        tie_width=_TIED,
        probabilities=probabilities,
        notes=notes,
    )


def _table(won: dict[tuple[int, int], float], n: int) -> Floats:
    """Returns `[N, N]`: how often the row was chosen over the column."""
    table = np.zeros((n, n))
    for pair, times in won.items():
        table[pair] = times
    return table


def _pooled(
    name: str, prompts: dict[str, Numbered], tables: dict[str, dict[str, Floats]], notes: list[str]
) -> Scenario:
    """Returns users of whom pairwise preferences alone are known."""
    if not tables:
        raise ValueError(f"{name}: has no comparisons{''.join(f'; {note}' for note in notes)}")
    populations, never = [], 0
    for title, of_users in tables.items():
        (won,) = of_users.values()
        total = won + won.T
        shares = np.divide(won, total, out=np.full(won.shape, 0.5), where=total > 0)
        never += int((total[np.triu_indices(len(won), 1)] == 0).sum())
        populations.append(PairwiseUsers(shares, distinct(list(map(str, prompts[title]))), round(total.sum() / 2)))
    notes = [*notes, *[f"{counted(never, 'pair')} of responses that nobody compared: counted as tied"] * bool(never)]
    notes.append("pooled comparisons: they determine payoffs for k = 1 alone")
    titles = [title or "comparisons" for title in tables]
    return Scenario(populations, titles, notes=notes)


def _scores(won: Floats, rule: str, prior: float, what: str) -> Floats:
    """Returns `[N]` scores of responses that a user compared, by a rule."""
    if rule == "copeland":
        return np.sign(won - won.T).sum(axis=1)
    if rule == "win-share":
        return won.sum(axis=1) / (won + won.T).sum(axis=1)
    return bradley_terry(won, prior, what)


def bradley_terry(won: Floats, prior: float, what: str) -> Floats:
    """Returns `[N]` log strengths that make wins likeliest, by Newton's method.

    Args:
        won: `[N, N]` how often the row was chosen over the column.
        prior: wins, and as many losses, of each response against one of strength 0.
        what: what errors call the comparisons.

    Raises:
        ValueError: if there are no finite strengths.

    Source: R. A. Bradley & M. E. Terry, Biometrika 1952; existence: L. R. Ford, 1957.
    """
    if not prior and connected_components(won > 0, connection="strong")[0] > 1:
        raise ValueError(
            f"{what}: has no finite Bradley-Terry strengths, since some responses never lost to some others; a prior "
            "such as prior:0.1, or another rule, gives an order"
        )
    n = len(won)
    times, strengths = won + won.T, np.zeros(n)
    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
        alone = 1 / (1 + np.exp(-strengths))
        gradient = won.sum(axis=1) + prior - (times * chances).sum(axis=1) - 2 * prior * alone
        curvature = times * chances * chances.T
        hessian = np.diag(curvature.sum(axis=1) + 2 * prior * alone * (1 - alone)) - curvature
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        # a bound on the step keeps Newton's method from overshooting where it starts far off
        strengths = strengths + step / max(1.0, np.abs(step).max())
        if np.abs(step).max() < 1e-12 * (1 + np.abs(strengths).max()):
            break
    return strengths


def _has_cycle(beats: Any) -> bool:
    """Returns whether there is a cycle of responses of which each was chosen over the next more often than not."""
    return connected_components(beats, connection="strong")[0] < len(beats)
