"""Files that are written whole or not at all."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO


def write_file(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Writes a file by a function that is given it open; what goes wrong leaves the file as it was before.

    Raises:
        ValueError: if it cannot be written, with the reason.
    """
    file = Path(path)
    partial = file.with_name(f".{file.name[:100]}.{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "xb") as opened:
            write(opened)
        os.replace(partial, file)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise ValueError(f"cannot write {os.fspath(path)!r}: {reason}") from None
        raise
