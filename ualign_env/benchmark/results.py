"""Results on disk."""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ualign_env.benchmark.runner import Result


class ResultsFile:
    """A JSON file of results, complete after every `write`, and never one that was there before."""

    def __init__(self, folder: str | os.PathLike[str], settings: dict[str, Any]) -> None:
        """Chooses a new file in a folder.

        Args:
            folder: where the file goes; made where it is missing.
            settings: how the results were produced; stored with them.

        Raises:
            ValueError: if the folder cannot be made.
        """
        self._settings = settings
        self._created = datetime.now(UTC)
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"cannot make the output folder {os.fspath(folder)!r}: {error.strerror}") from None
        stem = f"bench-{self._created:%Y%m%d-%H%M%S}"
        names = (f"{stem}{suffix}.json" for suffix in ("", *(f"-{i}" for i in range(2, 1000))))
        self.path = next(path for name in names if not (path := Path(folder) / name).exists())

    def write(self, results: Sequence[Result]) -> None:
        """Writes all results so far; an interruption leaves the file as it was before."""
        content = {
            "created": self._created.isoformat(timespec="seconds"),
            "settings": self._settings,
            "results": [result.to_dict() for result in results],
        }
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        partial.replace(self.path)
