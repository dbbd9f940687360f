"""Rankings in PrefLib's format for strict and complete orders (`.soc`).

Source: N. Mattei & T. Walsh, "PrefLib: A Library for Preferences", 2013; https://www.preflib.org/format.
"""

import os
import re
from pathlib import Path

from ualign_env.scenario import Scenario
from ualign_env.sources._prompts import rotated
from ualign_env.users import Population

_HEADER = re.compile(r"#\s*([A-Z][A-Z 0-9]*?)\s*:\s*(.*)")
_ORDER = re.compile(r"(0*\d{1,15})\s*:\s*(0*\d{1,15}(?:\s*,\s*0*\d{1,15})*)", re.ASCII)


def read_soc(path: str | os.PathLike[str], *, prompts: int = 1) -> Scenario:
    """Strict and complete rankings in PrefLib's format: on each line a count and a ranking, best first.

    Args:
        path: the file. Its numbers of alternatives, voters and orders are checked against its header.
        prompts: prompts to make, with the responses in rotated order.

    Raises:
        ValueError: if the file is missing, malformed or truncated, with the file and line.
    """
    file = Path(path)
    try:
        lines = [line.rstrip("\r") for line in file.read_text(encoding="utf-8-sig").split("\n")]
    except FileNotFoundError:
        raise ValueError(f"{file}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: cannot be read as text: {error}") from None

    header: dict[str, tuple[int, str]] = {}
    counts: list[int] = []
    rankings: list[list[int]] = []
    n = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if line.startswith("#"):
            match = _HEADER.match(line)
            if match:
                header[match[1]] = (number, match[2].strip())
            continue
        if not rankings:
            n = _header_count(file, header, "NUMBER ALTERNATIVES")
        match = _ORDER.fullmatch(line.strip())
        if not match:
            raise ValueError(f"{file}:{number}: {line.strip()[:80]!r} is not of the form 'count: 3,1,2'")
        order = [int(item.strip().lstrip("0") or "0") - 1 for item in match[2].split(",")]
        if len(order) != n or sorted(order) != list(range(n)):
            raise ValueError(f"{file}:{number}: {match[2][:80]!r} does not rank each of the {n} alternatives once")
        counts.append(int(match[1].lstrip("0") or "0"))
        rankings.append(order)
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
    names = _distinct([header.get(f"ALTERNATIVE NAME {i}", (0, ""))[1] or str(i) for i in range(1, n + 1)])
    scenario = rotated(Population.from_rankings(rankings, counts, names), prompts)
    names = [file.stem, *(f"{file.stem}, rotated by {x}" for x in range(1, prompts))]
    return Scenario(scenario.populations, names)


def _distinct(names: list[str]) -> list[str]:
    """Returns names of which those that are repeated have their number added, and once more where that is a name."""
    found: dict[str, None] = {}
    for i, name in enumerate(names, start=1):
        while name in found:
            name = f"{name} ({i})"
        found[name] = None
    return list(found)


def _header_count(file: Path, header: dict[str, tuple[int, str]], key: str) -> int:
    """Returns a positive number of the header."""
    if key not in header:
        raise ValueError(f"{file}:1: has no line '# {key}: ...' before the first ranking")
    line, value = header[key]
    if not re.fullmatch("0*[1-9][0-9]{0,14}", value):
        raise ValueError(f"{file}:{line}: {key} is {value!r:.100}, but must be a positive integer")
    return int(value.lstrip("0"))
