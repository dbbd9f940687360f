"""Which reader takes a file: by its ending, and a table by its columns, of which exactly one reader must make sense."""

import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ualign_env import _checks, _options
from ualign_env._summaries import first_line
from ualign_env.readers import FOLDER, READERS
from ualign_env.readers.arrays import load_array
from ualign_env.readers.choosing import CERTAIN
from ualign_env.readers.orders import rank_columns
from ualign_env.readers.pairwise import POOLED
from ualign_env.readers.polis import VOTES
from ualign_env.readers.presets import PRESETS, Preset, unfolded
from ualign_env.readers.table import Table, as_table
from ualign_env.scenario import Scenario

#: The endings of files that are read.
ENDINGS = tuple(dict.fromkeys(ending for one in READERS.values() for ending in one.endings if ending != FOLDER))

_ARGUABLE = {
    "unranked": ("bottom", "drop"),
    "missing": ("complete", "bottom"),
    "rule": ("bradley-terry", "copeland", "win-share"),
}


@dataclass(frozen=True)
class Choice:
    """A reader for a file, with the options that it takes.

    Attributes:
        source: the path, or the table that was made of it to look at its columns.
        function: the reader.
        preset: what is known of the data set.
        defaults: its options, by their keys.
    """

    source: Any
    function: Callable[..., Scenario]
    preset: Preset | None
    defaults: dict[str, Any]

    def read(self, given: Mapping[str, str]) -> Scenario:
        """Reads a file with options in texts."""
        values = _options.parsed(given, self.defaults)
        if self.preset is None:
            return self.function(self.source, **values)
        chosen = {}
        for name, known in self.preset.choices.items():
            chosen[name] = _checks.one_of(name, values.pop(name, known[0]), known)
        fixed = {name: _filled(value, chosen) for name, value in self.preset.options.items()}
        return self.function(unfolded(self.source) if self.preset.unfolded else self.source, **(fixed | values))


def choose(path: str, given: Mapping[str, str]) -> Choice:
    """Returns the reader that takes a file, or a folder.

    Args:
        path: the file.
        given: options in texts; `reader` and `format` name the reader or the data set.

    Raises:
        ValueError: if none fits, or several do, with what each would need.
    """
    reader, preset = given.get("reader"), given.get("format")
    if preset is not None:
        _checks.one_of("format", preset, PRESETS)
        return _choice(path, PRESETS[preset].reader, PRESETS[preset])
    if reader is not None:
        return _choice(path, _checks.one_of("reader", reader, READERS))
    fitting = [name for name, one in READERS.items() if _ending(path) in one.endings]
    if not fitting:
        if os.path.isdir(path):
            raise ValueError(f"{path!r} is a folder without {VOTES}: ualign convert makes one scenario of its files")
        raise ValueError(f"cannot read {path!r}: only files that end in {', '.join(ENDINGS)} are read")
    if len(fitting) == 1:
        return _choice(path, fitting[0])
    if _ending(path) in (".npy", ".npz"):
        return _choice(path, _by_array(path))
    return _by_columns(as_table(path), given, fitting)


def _choice(source: Any, reader: str, preset: Preset | None = None) -> Choice:
    defaults = _defaults(reader)
    if preset is not None:
        defaults |= {_options.hyphened(name): value for name, value in preset.options.items()}
        defaults |= {name: known[0] for name, known in preset.choices.items()}
    return Choice(source, _function(reader), preset, defaults)


def _function(reader: str) -> Callable[..., Scenario]:
    module, attribute = READERS[reader].function.split(":")
    return getattr(import_module(module), attribute)


def _defaults(reader: str) -> dict[str, Any]:
    return _options.options(_function(reader))


def _filled(value: Any, chosen: Mapping[str, str]) -> Any:
    """Returns an option of a preset in which the choices stand."""
    if isinstance(value, tuple):
        return tuple(_filled(one, chosen) for one in value)
    return value.format(**chosen) if isinstance(value, str) else value


def _ending(path: str) -> str:
    """Returns a file's ending, and what stands for it where a folder is a conversation."""
    if os.path.isdir(path):
        return FOLDER if os.path.isfile(os.path.join(path, VOTES)) else ""
    return Path(path).suffix.lower()


def _by_array(path: str) -> str:
    """Returns the reader of an array: what is square and adds up to 1 with its transpose are preferences."""
    if _ending(path) == ".npy":
        array = load_array(path)
        square = array.ndim == 2 and array.shape[0] == array.shape[1] and array.dtype.kind == "f"
        return "preferences" if square and np.abs(array + array.T - 1).max(initial=0) < 1e-6 else "wide-ratings"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return "saved"  # which says what is wrong with it
    known = {"ratings.npy": "wide-ratings", "preferences.npy": "preferences"}
    return next((reader for name, reader in known.items() if name in names), "saved")


def _by_columns(table: Table, given: Mapping[str, str], readers: list[str]) -> Choice:
    """Returns the only reader whose columns a table has."""
    known = [name for name, preset in PRESETS.items() if set(preset.marks) <= set(table.columns)]
    if len(known) == 1:
        return _choice(table, PRESETS[known[0]].reader, PRESETS[known[0]])
    needs = {name: _needed(name, given) for name in readers if READERS[name].columns}
    for column in {column for options in needs.values() for column, named in options.items() if named}:
        table.find(column)  # a name that was given must be there
    fitting = [name for name, columns in needs.items() if all(map(table.has, columns))]
    if rank_columns(table, _value("ballots", "rank", given)):
        fitting.append("ballots")
    if not fitting and _is_wide(table, given, {column for columns in needs.values() for column in columns}):
        fitting.append("wide-ratings")
    if len(fitting) == 1:
        return _choice(table, fitting[0])
    if fitting:
        raise ValueError(f"{table.name}: {' and '.join(fitting)} fit its columns: choose by reader:{fitting[0]}")
    wanted = "; ".join(f"{name}: {', '.join(columns)}" for name, columns in needs.items())
    raise ValueError(
        f"{table.name}: has columns {', '.join(table.columns)!s:.300}, which fit no reader ({wanted}; ballots: rank1, "
        "rank2, ...; wide-ratings: user, and numbers). "
        "Name columns, as in --user COLUMN (in specs user:COLUMN), or choose by --reader NAME"
    )


def _is_wide(table: Table, given: Mapping[str, str], roles: set[str]) -> bool:
    """Returns whether a table has the column of users, no other column with a role, and numbers everywhere else."""
    user = _value("wide-ratings", "user", given)
    if not table.has(user) or any(map(table.has, roles - {user})):
        return False
    named = _value("wide-ratings", "columns", given)
    rest = set(named or filter(None, table.columns)) - {table.find(user)}
    rest -= {_value("wide-ratings", option, given) for option in ("weight", "group")}
    return len(rest) > 1 and (rest <= table.numeric() or "levels" in given)


def _value(reader: str, option: str, given: Mapping[str, str]) -> Any:
    """Returns what an option would be."""
    defaults = _defaults(reader)
    if option not in given:
        return defaults[option]
    return _options.parsed({option: given[option]}, defaults)[option.replace("-", "_")]


def _needed(reader: str, given: Mapping[str, str]) -> dict[str, bool]:
    """Returns the columns that a reader would look for, and whether their names were given."""
    found = {}
    for option in READERS[reader].columns:
        value = _value(reader, option, given)
        found |= dict.fromkeys(value if isinstance(value, tuple) else [value], option in given)
    return found


def other_readings(path: str, given: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Returns the options of a file with another answer to what is arguable in its reading, each by its `key:value`."""
    choice = choose(path, given)
    found: dict[str, dict[str, str]] = {}
    if given.get("rule") == POOLED:
        return found
    noisy = given.get("users", CERTAIN) != CERTAIN  # by utilities, of which all must be known
    for key, values in _ARGUABLE.items():
        if key in choice.defaults and not noisy:
            used = _options.decoded(given[key]) if key in given else choice.defaults[key]
            found |= {f"{key}:{value}": {**given, key: value} for value in values if value != used}
    return found


def describe_readers() -> list[tuple[str, str, str]]:
    """Returns every reader and known data set: its name, a spec with all options at their defaults, what it reads."""
    rows = []
    for name, one in READERS.items():
        what = "FOLDER" if one.endings == (FOLDER,) else f"FILE{'|'.join(one.endings)}"
        rows.append((name, _options.described(what, _defaults(name)), first_line(one.function)))
    for name, preset in PRESETS.items():
        choices = [f"{key}:{'|'.join(known)}" for key, known in preset.choices.items()]
        rows.append((name, "/".join([f"FILE/format:{name}", *choices]), preset.summary))
    return rows


def reader_options() -> dict[str, Any]:
    """Returns the options of all readers and data sets, each with a default."""
    found: dict[str, Any] = {"reader": "", "format": ""}
    for name in READERS:
        found |= _defaults(name)
    for preset in PRESETS.values():
        found |= {name: known[0] for name, known in preset.choices.items()}
    return found


def files_in(folder: str | os.PathLike[str]) -> list[Path]:
    """Returns the files in a folder that are read, and the conversations of Polis.

    Raises:
        ValueError: if there is none, or it is no folder.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ValueError(f"{path}: is no folder")
    found = [file for file in sorted(path.iterdir()) if file.suffix.lower() in ENDINGS or (file / VOTES).exists()]
    if not found:
        raise ValueError(f"{os.fspath(folder)!r} has no files that end in {', '.join(ENDINGS)}")
    return found
