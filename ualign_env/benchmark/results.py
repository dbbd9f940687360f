"""Results on disk."""

import json
import os
import secrets
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ualign_env._files import write_file
from ualign_env.benchmark.runner import RunResult


class ResultsFile:
    """A JSON file of results, complete after every `write`, and never one that was there before."""

    def __init__(self, folder: str | os.PathLike[str], settings: dict[str, Any]) -> None:
        """Chooses a new file in a folder; there is none before there are results.

        Args:
            folder: where the file goes; made where it is missing.
            settings: how the results were produced; stored with them.

        Raises:
            ValueError: if the folder cannot be made or written to.
        """
        self._settings = settings
        self._created = datetime.now(UTC)
        self.path = Path(folder) / f"bench-{self._created:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}.json"
        self._make_folder()

    def write(self, results: Sequence[RunResult]) -> None:
        """Writes all results so far; an interruption leaves the file as it was before.

        Raises:
            ValueError: if it cannot be written.
        """
        content = {
            "created": self._created.isoformat(timespec="seconds"),
            "settings": self._settings,
            "results": [result.to_dict() for result in results],
        }
        text = json.dumps(content, indent=1) + "\n"
        self._make_folder()
        write_file(self.path, lambda file: file.write(text.encode()))

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path.parent):
                pass
        except OSError as error:
            raise ValueError(f"cannot write results to {str(self.path.parent)!r}: {error.strerror}") from None
