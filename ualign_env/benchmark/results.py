"""Results on disk."""

import itertools
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ualign_env.benchmark.runner import RunResult


class ResultsFile:
    """A JSON file of results, complete after every `write`, and never one that was there before."""

    def __init__(self, folder: str | os.PathLike[str], settings: dict[str, Any]) -> None:
        """Chooses a new file in a folder.

        Args:
            folder: where the file goes; made where it is missing.
            settings: how the results were produced; stored with them.

        Raises:
            ValueError: if the folder cannot be made or written to.
        """
        self._settings = settings
        self._created = datetime.now(UTC)
        stem = f"bench-{self._created:%Y%m%d-%H%M%S}"
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.path = _new_file(Path(folder), stem)
        except OSError as error:
            raise ValueError(f"cannot write results to {os.fspath(folder)!r}: {error.strerror}") from None

    def write(self, results: Sequence[RunResult]) -> None:
        """Writes all results so far; an interruption leaves the file as it was before."""
        content = {
            "created": self._created.isoformat(timespec="seconds"),
            "settings": self._settings,
            "results": [result.to_dict() for result in results],
        }
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        partial.replace(self.path)


def _new_file(folder: Path, stem: str) -> Path:
    """Makes an empty file that was not there before, also where others do the same at the same time."""
    for attempt in itertools.count(1):
        path = folder / (f"{stem}.json" if attempt == 1 else f"{stem}-{attempt}.json")
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            continue
        return path
    raise AssertionError("unreachable")
