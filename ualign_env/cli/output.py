"""Where the command line writes: results to stdout, notes to stderr, whatever these are."""

import json
import sys
from contextlib import suppress
from typing import Any

from ualign_env._result import plain
from ualign_env._text import printable


def emit(text: str) -> None:
    """Writes a line, or several, of a result."""
    if sys.stdout is not None:  # closed by whoever started us
        sys.stdout.write(printable(text) + "\n")


def emit_json(value: Any) -> None:
    """Writes plain values as JSON, with no regard to a terminal."""
    if sys.stdout is not None:
        sys.stdout.write(json.dumps(plain(value), indent=1, allow_nan=False) + "\n")


def note(text: str) -> None:
    """Tells something that is no result; where that fails, nothing is lost."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(printable(text) + "\n")
        sys.stderr.flush()
