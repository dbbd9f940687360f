"""A folder of results: one file a run, written whole or not at all, so that whatever is finished stays finished."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import ndiff
from pathlib import Path
from typing import Any

from ualign_env import _checks
from ualign_env._files import as_path, write_file
from ualign_env.benchmark.machine import machine
from ualign_env.benchmark.plan import Run
from ualign_env.benchmark.results import SCHEMA, RunResult, line_of

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_RESULTS = "results"
_LINES = 6  # of a difference between suites that are shown
_GOOD = ("learned", "unsupported")


@dataclass
class Found:
    """What a folder holds.

    Attributes:
        results: by the name of their file.
        damaged: files that are no results, with the reason.
        old: files of agents' other versions than the one that was run last; they are not among the results.
    """

    results: dict[str, RunResult] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    old: list[str] = field(default_factory=list)

    def leave_out_old(self) -> None:
        """Leaves out results of other versions of an agent than the one that was run last."""
        last: dict[str, RunResult] = {}
        for result in self.results.values():
            if result.agent not in last or result.finished > last[result.agent].finished:
                last[result.agent] = result
        self.old = [name for name, one in self.results.items() if _version(one) != _version(last[one.agent])]
        for name in self.old:
            del self.results[name]


def _version(result: RunResult) -> tuple[Any, ...]:
    return result.version, result.information, result.random, result.joint


class Store:
    """A folder of results."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Takes the folder; it is made when it is first written to."""
        self.folder = as_path(folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other runners out of the folder.

        The system lifts the lock of a process that is killed; where there are no such locks, a file is one, and stays
        behind.

        Raises:
            ValueError: if another runner holds it, or the folder cannot be written to.
        """
        path, alone = self.folder / ".lock", fcntl is None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | (os.O_EXCL if alone else 0), 0o644)
        except FileExistsError:
            raise ValueError(f"{self._held}; if there is none, remove {str(path)!r}") from None
        except OSError as error:
            raise ValueError(f"cannot write results to {str(self.folder)!r}: {error.strerror}") from None
        try:
            if fcntl is not None:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise ValueError(self._held) from None
                except OSError as error:
                    raise ValueError(f"cannot lock {str(self.folder)!r}: {error.strerror}") from None
            yield
        finally:
            os.close(handle)
            if alone:
                path.unlink(missing_ok=True)

    @property
    def _held(self) -> str:
        return f"another runner holds {str(self.folder)!r}: wait, or choose another"

    def describe(self, suite: str) -> None:
        """Writes what the results are of: the suite, as text, and the machine.

        Raises:
            ValueError: if the folder holds results of another suite, or cannot be written to.
        """
        known = self.suite()
        if known is not None and known != suite:
            lines = [line for line in ndiff(known.splitlines(), suite.splitlines()) if line[0] in "-+"]
            raise ValueError(
                f"{str(self.folder)!r} holds results of another suite, version or budget, which differs in\n  "
                + "\n  ".join(lines[:_LINES])
                + f"\nchoose another folder, or remove {str(self.folder / 'suite.toml')!r} and its results"
            )
        write_file(self.folder / "suite.toml", lambda file: file.write(suite.encode()))
        about = json.dumps(machine(), indent=1) + "\n"
        write_file(self.folder / "machine.json", lambda file: file.write(about.encode()))

    def suite(self) -> str | None:
        """Returns the suite that the results are of, None where there is none."""
        try:
            return (self.folder / "suite.toml").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def read(self) -> Found:
        """Returns what is there; what is damaged, half-written, of another schema or of old versions is named."""
        found = Found()
        for path in sorted((self.folder / _RESULTS).glob("*/*.json")):
            name = f"{path.parent.name}/{path.name}"
            try:
                found.results[name] = RunResult.from_dict(json.loads(path.read_bytes()))
            except (OSError, ValueError) as error:
                found.damaged[name] = str(error)
        found.leave_out_old()
        return found

    def path(self, name: str) -> Path:
        """Returns where the result of a run with a file name is kept."""
        return self.folder / _RESULTS / name

    def finished(self, runs: Iterable[Run], *, retry_failed: bool = False) -> list[Run]:
        """Returns the runs whose results are there, by a glance at their files.

        Args:
            runs: all runs.
            retry_failed: whether those that failed, timed out or died count as not finished.
        """
        return [run for run in runs if self._is_there(run, retry_failed)]

    def _is_there(self, run: Run, retry_failed: bool) -> bool:
        try:
            data = self.path(run.file).read_bytes()
        except OSError:
            return False
        whole = data.startswith(f'{{"schema":{SCHEMA},'.encode()) and data.endswith(b"}\n")
        good = not retry_failed or any(f'"status":"{status}"'.encode() in data for status in _GOOD)
        return whole and good and f'"digest":"{run.digest}"'.encode() in data

    def result(self, run: Run) -> RunResult | None:
        """Returns the result of a run, None where there is none, or it is damaged."""
        try:
            found = RunResult.from_dict(json.loads(self.path(run.file).read_bytes()))
        except (OSError, ValueError):
            return None
        return found if found.digest == run.digest else None

    def write(self, name: str, result: RunResult) -> None:
        """Writes the result of a run.

        Raises:
            ValueError: if it cannot be written.
        """
        path = self.path(name)
        text = line_of(result.to_dict())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"cannot write {str(path)!r}: {error.strerror}") from None
        write_file(path, lambda file: file.write(text.encode()))


def shard(runs: list[Run], part: int, parts: int) -> list[Run]:
    """Returns a part of the runs, of `parts` that together are all: each takes every so many-th."""
    return runs[_checks.count("part", part, 1, _checks.count("parts", parts, 1)) - 1 :: parts]
