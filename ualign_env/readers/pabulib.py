"""Votes of participatory budgeting in Pabulib's format: sections META, PROJECTS and VOTES, cells separated by `;`.

Source: P. Faliszewski et al., "Participatory Budgeting: Data, Tools and Analysis", 2023; https://pabulib.org/format.
"""

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ualign_env import _checks
from ualign_env._files import as_path, text_lines
from ualign_env._types import Floats
from ualign_env.readers.arguments import checked
from ualign_env.readers.judgements import Judged, distinct, made, whole
from ualign_env.readers.orders import closed
from ualign_env.scenario import Scenario

_SECTIONS = ("META", "PROJECTS", "VOTES")
_TYPES = ("ordinal", "cumulative", "scoring", "approval", "choose-1")
_Row = tuple[int, dict[str, str]]


@checked
def read_pabulib(path: str | os.PathLike[str], *, unranked: str = "bottom", min_users: int = 1) -> Scenario:
    """Votes of participatory budgeting in Pabulib's format: ordinal, cumulative, scoring, approval or choose-1.

    Responses are the projects; what they cost, and how much money there is, is ignored.

    Args:
        path: the file. Its numbers of projects and votes are checked against its META section.
        unranked: of ordinal votes, what becomes of projects that a voter did not order: `"bottom"` ties them below the
            rest, `"drop"` leaves out such voters. Where she ordered all but one, that one is the last. In all other
            votes, a project that is not named has no points, or the file's `default_score`.
        min_users: how many voters there must be.

    Raises:
        ValueError: if the file is missing, malformed or truncated, with the file and line.
        TooLargeError: if it has too many projects and voters.
    """
    file = as_path(path)
    _checks.one_of("unranked", unranked, ("bottom", "drop"))
    meta, projects, votes = _sections(file)
    kind = meta.get("vote_type", (0, ""))[1].lower()
    if kind not in _TYPES:
        line = meta.get("vote_type", (1, ""))[0]
        raise ValueError(f"{file}:{line}: vote_type is {kind!r:.100}, but must be one of {', '.join(_TYPES)}")
    for key, rows in (("num_projects", projects), ("num_votes", votes)):
        if key in meta and meta[key][1] != str(len(rows)):
            raise ValueError(
                f"{file}:{meta[key][0]}: {key} is {meta[key][1]!r:.100}, but there are {len(rows):,}; is the file "
                "truncated?"
            )
    index = {row.get("project_id", ""): i for i, (_, row) in enumerate(projects)}
    if len(index) < len(projects) or "" in index:
        raise ValueError(f"{file}:{projects[0][0]}: projects must have a project_id each, different from the others")
    table = whole(str(file), len(votes), len(projects))
    line, points = meta.get("default_score", (0, "0"))
    default = _number(f"{file}:{line}", points)
    for scores, (line, row) in zip(table, votes, strict=True):
        _read_vote(scores, index, kind, row, f"{file}:{line}", default)
    names = distinct([" ".join(row.get("name", "").split()) or row["project_id"] for _, row in projects])
    judged = Judged(file.stem, names, table, np.ones(len(table)))
    notes = ["what projects cost: ignored"]
    if kind == "ordinal":
        judged = closed(judged)
    else:
        notes.append(f"{kind} votes: the projects that a voter did not name tie")
    return made(str(file), [judged], bottom=unranked == "bottom", min_users=min_users, notes=lambda: notes)


def _read_vote(
    scores: Floats, index: dict[str, int], kind: str, row: dict[str, str], where: str, default: float
) -> None:
    """Enters one voter's scores, `[N]`, if she named a project; those that she did not name have the default's."""
    named = [name.strip() for name in row.get("vote", "").split(",") if name.strip()]
    unknown = [name for name in named if name not in index]
    if unknown or len(set(named)) < len(named):
        raise ValueError(f"{where}: vote is {row['vote']!r:.100}, but must name different projects by their project_id")
    if not named:
        return
    points = -np.arange(float(len(named))) if kind == "ordinal" else np.ones(len(named))
    if kind in ("cumulative", "scoring"):
        given = [part.strip() for part in row.get("points", "").split(",") if part.strip()]
        if len(given) != len(named):
            raise ValueError(f"{where}: points are {row.get('points', '')!r:.100}, but {len(named)} projects are named")
        points = np.array([_number(where, part) for part in given])
    if kind != "ordinal":
        scores[:] = default if kind == "scoring" else 0.0
    scores[[index[name] for name in named]] = points


def _number(where: str, text: str) -> float:
    try:
        return _checks.number("points", text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _sections(file: Path) -> tuple[dict[str, tuple[int, str]], list[_Row], list[_Row]]:
    """Returns the META section by key, and the rows of the others, each with its line."""
    sections = {name: list[_Row]() for name in _SECTIONS}
    current, header = "", None
    for line, cells in _records(file):
        if len(cells) == 1 and cells[0].upper() in _SECTIONS:
            current, header = cells[0].upper(), None
        elif not current:
            raise ValueError(f"{file}:{line}: begins with {';'.join(cells)!r:.80}, but must begin with META")
        elif header is None:
            header = cells
        else:
            if len(cells) > len(header):
                raise ValueError(f"{file}:{line}: has {len(cells)} cells, but {current} has {len(header)} columns")
            sections[current].append((line, dict(zip(header, cells, strict=False))))
    for name in _SECTIONS:
        if not sections[name]:
            raise ValueError(f"{file}: has no rows in its section {name}")
    meta = {row.get("key", ""): (line, row.get("value", "")) for line, row in sections["META"]}
    return meta, sections["PROJECTS"], sections["VOTES"]


def _records(file: Path) -> Iterator[tuple[int, list[str]]]:
    for line, text in enumerate(text_lines(file), start=1):
        if not text.strip():
            continue
        # quoted cells may hold a separator; stray quotes within a cell are its own
        cells = next(csv.reader([text], delimiter=";")) if re.search(r'(^|;)"', text) else text.split(";")
        yield line, [cell.strip() for cell in cells]
