"""Polis conversations: participants who agree with statements, pass, or disagree.

Source: C. Small et al., "Polis: Scaling Deliberation by Mapping High Dimensional Opinion Spaces", 2021; exports as on
https://github.com/compdemocracy/openData.
"""

import os

import numpy as np

from ualign_env import _checks
from ualign_env._files import as_path
from ualign_env._text import counted
from ualign_env.readers.arguments import checked
from ualign_env.readers.judgements import Judged, distinct, made, whole
from ualign_env.readers.table import Table, as_table, as_text
from ualign_env.scenario import Scenario

VOTES, COMMENTS = "participants-votes.csv", "comments.csv"
_REJECTED = "-1"  # what moderators did not let through


@checked
def read_polis(
    path: str | os.PathLike[str],
    *,
    responses: int | str = 8,
    moderated: bool = False,
    agree: int = 1,
    group: str = "group-id",
    missing: str = "complete",
    min_users: int = 2,
) -> Scenario:
    """A Polis conversation: its most voted statements as responses, agreement above passing above disagreement.

    Args:
        path: the folder of an export, with `participants-votes.csv` and `comments.csv`.
        responses: how many statements to keep, those that most participants voted on; `"all"` keeps all.
        moderated: whether to leave out statements that moderators rejected.
        agree: the vote that means agreement, 1 or -1; exports and Polis's own database differ. It is checked against
            the numbers of agreements in `comments.csv`.
        group: the column of the participants' groups, for which scores are told apart; `""` for none.
        missing: what becomes of participants who did not vote on all of these: `"complete"` leaves them out, `"bottom"`
            ties those statements below the rest.
        min_users: how many must be left.

    Raises:
        ValueError: if a file is missing or malformed, or `agree` is the wrong way round.
        TooLargeError: if a file or what it would make is too large.
    """
    folder = as_path(path)
    _checks.one_of("missing", missing, ("complete", "bottom"))
    if agree not in (1, -1):
        raise ValueError(f"agree is {agree!r:.100}, but must be 1 or -1")
    votes, comments = as_table(folder / VOTES), as_table(folder / COMMENTS)
    texts, rejected, agreements = _comments(comments)
    # whatever is no number of a statement describes the participant
    statements = [column for column in votes.columns if column.isdecimal()]
    if not statements:
        raise ValueError(f"{votes.name}: has no columns of statements, only {', '.join(votes.columns)!s:.200}")
    grouped = votes.usual_column(group, "group-id")
    chosen = [one for one in statements if not (moderated and one in rejected)]
    scores, groups = [], []
    for place, cells in votes.rows(*chosen, *grouped):
        row = [votes.number(place, f"statement {one}", cell) for one, cell in zip(chosen, cells, strict=False)]
        wrong = next((vote for vote in row if vote not in (-1, 0, 1) and vote == vote), None)
        if wrong is not None:
            raise ValueError(f"{votes.where(place)}: a vote is {wrong:g}, but must be -1, 0, 1 or blank")
        scores.append(np.array(row, np.float32))
        groups.append(as_text(cells[-1]) if grouped else "")
    table = whole(votes.name, len(scores), len(chosen))
    table[:] = scores or table
    _check_sign(votes, table, chosen, agreements, agree)
    names = [texts.get(one, one) or one for one in chosen]
    notes = []
    if len(chosen) < len(statements):
        notes.append(f"{counted(len(statements) - len(chosen), 'statement')} that moderators rejected: left out")
    judged = Judged(folder.resolve().name or "polis", distinct(names), agree * table, np.ones(len(table)), groups)
    return made(
        str(folder),
        [judged],
        bottom=missing == "bottom",
        responses=responses,
        min_users=min_users,
        notes=lambda: notes,
    )


def _comments(comments: Table) -> tuple[dict[str, str], set[str], dict[str, tuple[float, float]]]:
    """Returns the statements' texts, those that were rejected, and how many agreed and disagreed, by their numbers."""
    texts, rejected, agreements = {}, set(), {}
    columns = "comment-id", "comment-body", "moderated", "agrees", "disagrees"
    for place, (number, body, moderated, agrees, disagrees) in comments.rows(*columns):
        one = comments.text(place, "comment-id", number)
        texts[one] = as_text(body)
        if as_text(moderated) == _REJECTED:
            rejected.add(one)
        agreements[one] = comments.number(place, "agrees", agrees), comments.number(place, "disagrees", disagrees)
    return texts, rejected, agreements


def _check_sign(
    votes: Table, table: np.ndarray, chosen: list[str], agreements: dict[str, tuple[float, float]], agree: int
) -> None:
    """Raises an error where the other sign would come nearer to the numbers of agreements and disagreements."""
    known = [(column, agreements[one]) for column, one in enumerate(chosen) if one in agreements]
    expected = np.array([counts for _, counts in known]).reshape(-1, 2)
    columns = table[:, [column for column, _ in known]]
    counted = np.stack([(columns == 1).sum(axis=0), (columns == -1).sum(axis=0)], axis=1)
    misses = {sign: np.nansum(np.abs(counted[:, ::sign] - expected)) for sign in (1, -1)}
    if misses[-agree] < misses[agree]:
        raise ValueError(
            f"{votes.name}: with agree:{agree}, agreements differ from those in {COMMENTS} by {misses[agree]:g} in "
            f"all, and with agree:{-agree} by {misses[-agree]:g}"
        )
