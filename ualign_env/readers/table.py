"""Tables of other people: one way to go through csv, jsonl and parquet files and frames, row by row.

A cell is a text, a number, None, or in jsonl a list or an object, of which `a.b.0` names a part.
"""

import csv
import json
import math
import numbers
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ualign_env import _checks
from ualign_env._checks import TooLargeError
from ualign_env._files import readable
from ualign_env._limits import MAX_FIELDS, MAX_FILE

#: Whatever has columns: a path, a pandas or polars frame, a dictionary of columns, or a `Table`.
TableLike = Any

_NO_NUMBER = {"", "na", "n/a", "nan", "null", "none"}
_GAPS = {"", "NA", "N/A", "NaN", "nan", "<NA>"}
_COUNTS = {"weight", "weights", "count", "counts", "n", "number", "ballots", "votes", "voters", "users", "frequency"}
_TRUTH = {"true": 1.0, "false": 0.0}  # thumbs up, and down
_HUGE = 1e15
_LOOKED_AT = 100  # rows from which the columns of jsonl are learned, and whether a column holds numbers
_OPTIONS = ("user", "response", "score", "order", "shown", "chosen", "rejected")  # that name columns called like them
_ENDINGS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")


class Table(ABC):
    """Rows with named cells, each row at a place that errors can name.

    Attributes:
        name: what errors call it.
        columns: the names of its columns.
    """

    name: str
    columns: tuple[str, ...]

    @abstractmethod
    def _rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Sequence[Any]]]:
        """Yields each row's place and its cells in some columns."""

    def where(self, place: int) -> str:
        """Returns what errors call a row."""
        return f"{self.name}:{place}"

    def find(self, column: str) -> str:
        """Returns the name of a column; `User` is found as `user`, too, where it is the only one.

        Raises:
            ValueError: if there is none.
        """
        if _checks.text("column", column) in self.columns:
            return column
        alike = [name for name in self.columns if name.casefold().strip() == column.casefold()]
        if len(alike) != 1:
            other = f"; the option {column!r} names another, as in {column}:COLUMN" if column in _OPTIONS else ""
            raise ValueError(f"{self.name}: {_checks.unknown('column', column, self.columns)}{other}")
        return alike[0]

    def has(self, column: str) -> bool:
        """Returns whether there is a column."""
        try:
            return bool(self.find(column))
        except ValueError:
            return False

    def prompt_column(self, prompt: str) -> list[str]:
        """Returns the column of prompts, none where there is none of the usual name."""
        return self.usual_column(prompt, "prompt")

    def one_prompt(self, prompt: str, used: Iterable[str]) -> list[str]:
        """Returns a note where all is one prompt for want of a column, though one that is not used may tell prompts."""
        if not prompt or self.prompt_column(prompt):
            return []
        known = {self.find(column) for column in used}
        idle = [name for name in self.columns if name not in known]
        if not idle:
            return []
        listed = ", ".join(map(repr, idle[:5])) + ", ..." * (len(idle) > 5)
        return [f"all is one prompt: no column is called {prompt!r} (the option prompt names one), not used: {listed}"]

    def usual_column(self, column: str, usual: str) -> list[str]:
        """Returns a column, none where it is not wanted or there is none of the usual name."""
        return [column] if column and (column != usual or self.has(usual)) else []

    def rows(self, *columns: str) -> Iterator[tuple[int, Sequence[Any]]]:
        """Yields each row's place and its cells in some columns, which must exist.

        Raises:
            ValueError: if a column is missing, or the file is malformed.
            TooLargeError: if there are too many cells.
        """
        names = [self.find(column) for column in columns]
        most = MAX_FIELDS // max(1, len(columns))
        for i, row in enumerate(self._rows(names)):
            if i == most:
                raise TooLargeError(
                    f"{self.name}: has more than {most:,} rows of {len(columns)} cells, and {MAX_FIELDS:,} cells are "
                    "read at most"
                )
            yield row

    def numeric(self) -> set[str]:
        """Returns the columns that hold nothing but numbers and gaps in the first rows, and not gaps alone."""
        rows = [row for _, row in islice(self._rows(self.columns), _LOOKED_AT)]
        return {
            column
            for column, cells in zip(self.columns, zip(*rows, strict=True), strict=False)
            if all(_number(cell) is not None for cell in cells) and not all(is_missing(cell) for cell in cells)
        }

    def counts(self, among: Iterable[str]) -> list[str]:
        """Returns the columns of numbers that are called as if they said how many users a row stands for."""
        found = [column for column in among if column.casefold().strip() in _COUNTS]
        numeric = self.numeric() if found else set()
        return [column for column in found if column in numeric]

    def text(self, place: int, what: str, cell: Any) -> str:
        """Returns the name that a cell holds, which must not be empty."""
        try:
            found = as_text(cell)
        except ValueError as error:
            raise ValueError(f"{self.where(place)}: {what}: {error}") from None
        if not found:
            raise ValueError(f"{self.where(place)}: {what} is {cell!r:.100}, but must be a name")
        return found

    def number(self, place: int, what: str, cell: Any, levels: Sequence[str] = ()) -> float:
        """Returns the number that a cell holds, or the place of its text among levels; NaN where it is blank or NA."""
        if levels and not is_missing(cell):
            text = as_text(cell)
            if text not in levels:
                raise ValueError(
                    f"{self.where(place)}: {what} is {cell!r:.100}, but must be one of {', '.join(levels)}"
                )
            return float(levels.index(text))
        found = _number(cell)
        if found is None:
            hint = "; decimals have a point" if re.fullmatch(r"\s*-?[0-9]+,[0-9]+\s*", str(cell)) else ""
            raise ValueError(f"{self.where(place)}: {what} is {cell!r:.100}, but must be a number, or blank{hint}")
        return found

    def weight(self, place: int, what: str, cell: Any) -> float:
        """Returns how many users a cell says that a row stands for."""
        found = self.number(place, what, cell)
        if not 0 <= found < _HUGE:
            raise ValueError(f"{self.where(place)}: {what} is {cell!r:.100}, but must be a number of users")
        return found


def is_missing(cell: Any) -> bool:
    """Returns whether a cell is blank or NA."""
    if isinstance(cell, str):
        return cell.strip().lower() in _NO_NUMBER
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)


def is_gap(cell: Any) -> bool:
    """Returns whether a cell names nothing: it is blank, or what programs write there; `None` and `Na` are names."""
    return cell.strip() in _GAPS if isinstance(cell, str) else is_missing(cell)


def as_text(cell: Any) -> str:
    """Returns a cell as a name, without blanks around it; empty where there is none."""
    if isinstance(cell, str):
        return cell.strip()
    if "bool" in type(cell).__name__:
        return str(bool(cell)).lower()
    if is_missing(cell):
        return ""
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False)
    if isinstance(cell, numbers.Integral):
        return str(int(cell))
    if isinstance(cell, float | np.floating) and float(cell).is_integer():  # of a column with gaps, for example
        if abs(cell) > 2**53:
            raise ValueError(f"{cell!r} is a number that was rounded: names of more than 15 digits must be texts")
        return str(int(cell))
    return str(cell)


def _number(cell: Any) -> float | None:
    """Returns the finite number that a cell holds, NaN where it is blank or NA, None where it is something else."""
    if is_missing(cell):
        return math.nan
    if isinstance(cell, str):
        cell = _TRUTH.get(cell.strip().lower(), cell.strip())
    try:
        found = _checks.number("cell", cell) if isinstance(cell, str) else float(cell)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def as_table(table: TableLike) -> Table:
    """Returns a table from whatever has columns.

    Raises:
        ValueError: if it is no table, or the file is missing or malformed.
        TooLargeError: if the file is too large.
    """
    if isinstance(table, Table):
        return table
    if isinstance(table, str | os.PathLike):
        file = readable(table)
        ending = file.suffix.lower()
        if ending in (".csv", ".tsv"):
            return _CsvTable(file)
        if ending in (".jsonl", ".json"):
            return _JsonTable(file)
        if ending == ".parquet":
            return _FrameTable(str(file), _parquet(file))
        raise ValueError(f"cannot read {os.fspath(table)!r} as a table: its name must end in {', '.join(_ENDINGS)}")
    if hasattr(table, "collect") and hasattr(table, "collect_schema"):  # a lazy frame
        table = table.collect()
    if isinstance(table, Mapping) or (hasattr(table, "columns") and hasattr(table, "__getitem__")):
        return _FrameTable("table", table)
    raise ValueError(f"table is {table!r:.200}, but must be a path, a frame or a dictionary of columns")


class _CsvTable(Table):
    """A file of separated values, the columns' names on its first line."""

    def __init__(self, file: Path) -> None:
        self.name, self._file = str(file), file
        with self._opened() as (reader, _):
            header = next(filter(any, reader), [])
        self.columns = tuple(cell.strip() for cell in header)
        if not any(self.columns):
            raise ValueError(f"{file}:1: has no names of columns")
        named = [column for column in self.columns if column]
        if len(set(named)) < len(named):
            twice = next(column for column in named if named.count(column) > 1)
            raise ValueError(f"{file}:1: has two columns {twice!r:.100}")

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        """Opens the file, whose errors name it."""
        reader, usual = None, csv.field_size_limit(MAX_FILE)  # answers of models can be long
        try:
            with open(self._file, encoding=_encoding(self._file), newline="") as opened:
                first = next(filter(str.strip, opened), "")
                opened.seek(0)
                delimiter = "\t" if self._file.suffix.lower() == ".tsv" else _delimiter(first)
                reader = csv.reader(opened, delimiter=delimiter, strict=True)
                yield reader, opened
        except (csv.Error, OSError, UnicodeError) as error:
            line = "" if reader is None else f":{reader.line_num + 1}"
            hint = "; it must be saved as UTF-8" if isinstance(error, UnicodeError) else ""
            raise ValueError(f"{self._file}{line}: cannot be read as a table: {error}{hint}") from None
        finally:
            csv.field_size_limit(usual)

    def _rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Sequence[Any]]]:
        at = [self.columns.index(column) for column in columns]
        with self._opened() as (reader, _):
            next(filter(any, reader), None)
            line = reader.line_num + 1
            width = len(self.columns)
            for cells in reader:
                if len(cells) == width:
                    yield line, [cells[i] for i in at]
                elif cells:  # an empty line is no row
                    raise ValueError(f"{self._file}:{line}: has {len(cells)} cells, but there are {width} columns")
                line = reader.line_num + 1


def _delimiter(header: str) -> str:
    """Returns what separates the names of columns: that of which most are left, and none with half a quotation."""
    cells = {mark: next(csv.reader([header], delimiter=mark), []) for mark in ",;\t"}
    return max(cells, key=lambda mark: 0 if '"' in "".join(cells[mark]) else len(cells[mark]))


def _encoding(file: Path) -> str:
    """Returns the encoding of a text: UTF-8, but where it begins as spreadsheets begin theirs."""
    with open(file, "rb") as opened:
        start = opened.read(2)
    return "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


class _JsonTable(Table):
    """A file with one JSON object a line, or a `.json` file with a list of objects."""

    def __init__(self, file: Path) -> None:
        self.name, self._file, self._whole = str(file), file, False
        self.columns = tuple({key: None for _, row in islice(self._objects(), _LOOKED_AT) for key in row})

    def find(self, column: str) -> str:
        for look in (False, True):
            if look and not self._whole:  # it may be first named far down
                self.columns, self._whole = tuple({key: None for _, row in self._objects() for key in row}), True
            if isinstance(column, str) and column.partition(".")[0] in self.columns:  # or a part of one
                return column
        return super().find(column)

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        line = 0
        try:
            if self._file.suffix.lower() == ".json":
                yield from self._listed()
                return
            with open(self._file, encoding="utf-8-sig") as opened:
                for line, text in enumerate(opened, start=1):
                    if text.strip():
                        found = json.loads(text)
                        if not isinstance(found, dict):
                            raise ValueError(f"{text.strip()!r:.80} is no object")
                        yield line, found
        except (OSError, ValueError, RecursionError) as error:  # of numbers with thousands of digits, too
            raise ValueError(f"{self._file}:{max(line, 1)}: cannot be read as JSON lines: {error}") from None

    def _listed(self) -> Iterator[tuple[int, dict[str, Any]]]:
        rows = json.loads(self._file.read_text(encoding="utf-8-sig"))
        for place, row in enumerate(rows if isinstance(rows, list) else [rows], start=1):
            if not isinstance(row, dict):
                raise ValueError(f"item {place}, {row!r:.80}, is no object")
            yield place, row

    def _rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Sequence[Any]]]:
        for line, row in self._objects():
            yield line, [row[column] if column in row else _part(row, column) for column in columns]


def _part(value: Any, path: str) -> Any:
    """Returns the part of nested objects and lists that a path such as `a.b.0` names, None where there is none."""
    for key in path.split("."):
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and re.fullmatch("[0-9]{1,9}", key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


class _FrameTable(Table):
    """A frame in memory."""

    def __init__(self, name: str, frame: Any) -> None:
        self.name, self._frame = name, frame
        self._names = list(frame if isinstance(frame, Mapping) else getattr(frame, "column_names", frame.columns))
        self.columns = tuple(map(str, self._names))
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"{name} has columns of the same name: {self.columns!s:.200}")

    def where(self, place: int) -> str:
        return f"{self.name}, row {place}"

    def _rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Sequence[Any]]]:
        cells = [_listed(self._frame[self._names[self.columns.index(column)]]) for column in columns]
        if len({len(column) for column in cells}) > 1:
            raise ValueError(f"{self.name}: its columns have {[len(column) for column in cells]} cells")
        yield from enumerate(zip(*cells, strict=True))


def _listed(column: Any) -> list[Any]:
    """Returns the cells of a column, whatever it is a column of."""
    for name in ("to_list", "tolist", "to_pylist"):
        if hasattr(column, name):
            column = getattr(column, name)()
            break
    return [cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in column]


def _parquet(file: Path) -> Any:
    """Returns the frame of a parquet file, whose rows and texts are counted before they are made.

    Raises:
        ValueError: if it is damaged, or what reads it is missing.
        TooLargeError: if it has too many cells.
    """
    try:
        import polars as pl
    except ImportError:
        raise ValueError(f"{file}: parquet needs polars: pip install 'ualign-env[data]'") from None
    try:
        lazy = pl.scan_parquet(file)
        columns, rows = len(lazy.collect_schema()), lazy.select(pl.len()).collect().item()
        if rows * columns > MAX_FIELDS:
            raise TooLargeError(f"{file}: has {rows * columns:,} cells, but at most {MAX_FIELDS:,} are read")
        frame = lazy.collect()
    except TooLargeError:
        raise
    except Exception as error:  # of whatever kind the library's own are
        raise ValueError(f"{file}: cannot be read as parquet: {error}") from None
    texts = frame.select(pl.col(pl.String).str.len_bytes().cast(pl.Int64).sum())
    if (size := sum(sum(row) for row in texts.fill_null(0).rows())) > MAX_FILE:
        raise TooLargeError(f"{file}: has {size:,} bytes of text, but at most {MAX_FILE:,} are read")
    return frame
