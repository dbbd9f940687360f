"""Files that are written whole or not at all, and read only where they are not too large; arrays beside JSON."""

import math
import os
import secrets
import stat
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ualign_env._checks import TooLargeError
from ualign_env._limits import MAX_FILE


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
            opened.flush()
            os.fsync(opened.fileno())  # or the name could outlive a crash, and the content not
        os.replace(partial, file)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise ValueError(f"cannot write {os.fspath(path)!r}: {reason}") from None
        raise


def as_path(path: str | os.PathLike[str]) -> Path:
    """Returns a path, which nothing else than a text or a path is."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise ValueError(f"path is {path!r:.200}, but must be a path")
    return Path(path)


def readable(path: str | os.PathLike[str]) -> Path:
    """Returns the path of a file that can be read: there is one, no device or folder, and it is not too large.

    Raises:
        ValueError: if there is none.
        TooLargeError: if it has more than 500 MB.
    """
    file = as_path(path)
    try:
        found = file.stat()
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise ValueError(f"{file}: {'no such file' if missing else f'cannot be read: {error}'}") from None
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{file}: is no file")
    if found.st_size > MAX_FILE:
        raise TooLargeError(f"{file}: has {found.st_size:,} bytes, but at most {MAX_FILE:,} are read")
    return file


def text_lines(path: str | os.PathLike[str]) -> list[str]:
    """Returns the lines of a text in UTF-8, without their ends.

    Raises:
        ValueError: if there is no such file, or it is no text.
        TooLargeError: if it has more than 500 MB.
    """
    file = readable(path)
    try:
        return [line.rstrip("\r") for line in file.read_text(encoding="utf-8-sig").split("\n")]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: cannot be read as text: {error}") from None


def unzipped(path: str | os.PathLike[str], kinds: str = "biuf") -> dict[str, npt.NDArray[Any]]:
    """Returns the arrays in an npz file, as large as the file says and no larger.

    Args:
        path: the file.
        kinds: numpy's letters for what the arrays may hold, numbers unless texts, `"U"`, are wanted too.

    Raises:
        OSError, EOFError, ValueError, zipfile.BadZipFile: if it is damaged or holds something else.
        TooLargeError: if it would unpack to more than 500 MB.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if (size := sum(member.file_size for member in members)) > MAX_FILE:
            raise TooLargeError(f"it unpacks to {size:,} bytes, but at most {MAX_FILE:,} are read")
        return {member.filename.removesuffix(".npy"): _array(archive, member, kinds) for member in members}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, kinds: str) -> npt.NDArray[Any]:
    with archive.open(member) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{member.filename} is no array of numbers")
        shape, columns_first, dtype = np.lib.format.read_array_header_1_0(file)
        if dtype.kind not in kinds:
            raise ValueError(f"{member.filename} is no array of numbers")
        return np.frombuffer(file.read(), dtype).reshape(shape, order="F" if columns_first else "C")


def without_arrays(value: Any, blobs: dict[str, list[npt.NDArray[Any]]], sizes: Counter[str]) -> Any:
    """Returns a value for JSON; its arrays go to the end of the blob of their type, of which `sizes` keeps count."""
    if isinstance(value, np.ndarray):
        flat = np.ascontiguousarray(value, value.dtype.newbyteorder("<")).ravel()
        kind = flat.dtype.str[1:]
        blobs[kind].append(flat)
        sizes[kind] += flat.size
        return {"array": kind, "first": sizes[kind] - flat.size, "shape": value.shape}
    if isinstance(value, dict):
        return {key: without_arrays(one, blobs, sizes) for key, one in value.items()}
    return [without_arrays(one, blobs, sizes) for one in value] if isinstance(value, list | tuple) else value


def with_arrays(value: Any, blobs: dict[str, npt.NDArray[Any]]) -> Any:
    """Returns a value with its arrays, from what `without_arrays` made of it."""
    if isinstance(value, dict) and value.keys() == {"array", "first", "shape"}:
        first, size = int(value["first"]), math.prod(map(int, value["shape"]))
        if not 0 <= first <= first + size <= blobs[value["array"]].size:
            raise ValueError("an array lies beyond its data")
        return blobs[value["array"]][first : first + size].reshape(value["shape"])
    if isinstance(value, dict):
        return {key: with_arrays(one, blobs) for key, one in value.items()}
    return [with_arrays(one, blobs) for one in value] if isinstance(value, list) else value
