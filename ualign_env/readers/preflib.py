"""Rankings in PrefLib's format: strict and complete (`.soc`), incomplete (`.soi`), with ties (`.toc`), both (`.toi`).

Source: N. Mattei & T. Walsh, "PrefLib: A Library for Preferences", 2013; https://www.preflib.org/format.
"""

import os
import re
from pathlib import Path

import numpy as np

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._files import as_path, text_lines
from ualign_env._limits import MAX_NUMBERS
from ualign_env._text import counted
from ualign_env.readers.arguments import checked
from ualign_env.readers.judgements import distinct
from ualign_env.scenario import Scenario
from ualign_env.users import Population

_HEADER = re.compile(r"#\s*([A-Z][A-Z 0-9]*?)\s*:\s*(.*)")
_ITEM = r"\s*0*\d{1,15}\s*"
_GROUP = rf"(?:{_ITEM}|\s*\{{{_ITEM}(?:,{_ITEM})*\}}\s*)"
_ORDER = re.compile(rf"(0*\d{{1,15}})\s*:({_GROUP}(?:,{_GROUP})*)", re.ASCII)
_GROUPS = re.compile(r"\{([^}]*)\}|([^,{}]+)")


@checked
def read_preflib(path: str | os.PathLike[str], *, unranked: str = "bottom") -> Scenario:
    """Rankings in PrefLib's format, truncated or with ties too: on each line a count and a ranking, best first.

    Args:
        path: the file. Its numbers of alternatives, voters and orders are checked against its header.
        unranked: what becomes of alternatives that voters left out: `"bottom"` ties them below the others, `"drop"`
            leaves out these voters. Where a single one was left out, the ranking is complete.

    Raises:
        ValueError: if the file is missing, malformed or truncated, with the file and line.
        TooLargeError: if it has too many alternatives and lines.
    """
    _checks.one_of("unranked", unranked, ("bottom", "drop"))
    file = as_path(path)
    lines = text_lines(file)
    ending = file.suffix.lower()
    strict, complete = ending.startswith(".so"), ending.endswith("c")
    header: dict[str, tuple[int, str]] = {}
    counts: list[int] = []
    orders: list[list[list[int]]] = []
    n = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if line.startswith("#"):
            match = _HEADER.match(line)
            if match:
                header[match[1]] = (number, match[2].strip())
            continue
        if not orders:
            n = _header_count(file, header, "NUMBER ALTERNATIVES")
            if n * len(lines) > MAX_NUMBERS:
                raise TooLargeError(
                    f"{file}: {n:,} alternatives on {len(lines):,} lines are more than the {MAX_NUMBERS:,} ranks that "
                    "are read"
                )
        match = _ORDER.fullmatch(line.strip())
        if not match or (strict and "{" in line):
            form = "'count: 3,1,2'" if strict else "'count: 3,{1,2},4'"
            raise ValueError(f"{file}:{number}: {line.strip()[:80]!r} is not of the form {form}")
        groups = [[_integer(item) - 1 for item in group.split(",")] for group in _groups(match[2])]
        ranked = [item for group in groups for item in group]
        least = n - 1 if complete else 1
        if len(ranked) < least or min(ranked) < 0 or max(ranked) >= n or len(set(ranked)) < len(ranked):
            some = "each" if complete else "some"
            raise ValueError(
                f"{file}:{number}: {match[2].strip()[:80]!r} does not rank {some} of the {n} alternatives once"
            )
        counts.append(_integer(match[1]))
        orders.append(groups)
    while lines and not lines[-1].strip():
        lines.pop()
    if not sum(counts):
        raise ValueError(f"{file}:{max(len(lines), 1)}: ends before the first ranking with a voter")
    for key, found in (("NUMBER VOTERS", sum(counts)), ("NUMBER UNIQUE ORDERS", len(counts))):
        if key in header and (expected := _header_count(file, header, key)) != found:
            raise ValueError(
                f"{file}:{len(lines)}: ends with {key.lower()} at {found}, but line {header[key][0]} says {expected}; "
                "is the file truncated?"
            )
    names = distinct([header.get(f"ALTERNATIVE NAME {i}", (0, ""))[1] or str(i) for i in range(1, n + 1)])
    users, notes = _population(orders, counts, names, unranked, file)
    return Scenario([users], [file.stem], notes=notes)


def _population(
    orders: list[list[list[int]]], counts: list[int], names: list[str], unranked: str, file: Path
) -> tuple[Population, list[str]]:
    """Returns the users, and what became of voters who did not rank everything."""
    n, weights = len(names), np.array(counts, np.float64)
    places = np.full((len(orders), n), n, np.int32)  # what is unranked is at the bottom
    for row, groups in enumerate(orders):
        for place, group in enumerate(groups):
            places[row, group] = place
    incomplete = (places == n).sum(axis=1) > 1
    voters, total = int(weights[incomplete].sum()), sum(counts)
    notes = []
    if (idle := counts.count(0)) > 0:
        notes.append(f"{counted(idle, 'line')} without a voter: left out")
    if voters:
        done = "left out" if unranked == "drop" else "those that they left out tie at the bottom"
        notes.append(f"{voters:,} of {total:,} voters ranked some of the {n} alternatives: {done}")
    if unranked == "drop":
        if voters == total:
            raise ValueError(f"{file}: no voter ranked all {n} alternatives, and unranked 'drop' leaves out the others")
        places, weights = places[~incomplete], weights[~incomplete]
    return Population.from_ranks(places, weights, names), notes


def _groups(order: str) -> list[str]:
    """Returns the groups of a ranking, best first, such as `3` and `1,2` of `3,{1,2}`."""
    found = (tied or one for tied, one in _GROUPS.findall(order))
    return [group for group in found if group.strip()]


def _integer(text: str) -> int:
    return int(text.strip().lstrip("0") or "0")


def _header_count(file: Path, header: dict[str, tuple[int, str]], key: str) -> int:
    """Returns a positive number of the header."""
    if key not in header:
        raise ValueError(f"{file}:1: has no line '# {key}: ...' before the first ranking")
    line, value = header[key]
    if not re.fullmatch("0*[1-9][0-9]{0,14}", value):
        raise ValueError(f"{file}:{line}: {key} is {value!r:.100}, but must be a positive integer")
    return _integer(value)
