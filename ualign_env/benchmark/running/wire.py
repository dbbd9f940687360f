"""What runs and their agents' processes tell each other: plain JSON and arrays of numbers, nothing that is executed."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from ualign_env.benchmark.budget import Spent
from ualign_env.policies.tables import JointPolicy, Mixture, Outputs, Players, PolicyTable, SharedPolicy

_TABLES = {kind.__name__: kind for kind in (SharedPolicy, Mixture, Outputs, Players, JointPolicy)}


def packed(message: dict[str, Any]) -> bytes:
    """Returns a message as bytes."""
    arrays: list[bytes] = []

    def plain(value: Any) -> Any:
        if isinstance(value, PolicyTable):
            return {"table": type(value).__name__} | {name: plain(part) for name, part in vars(value).items()}
        if isinstance(value, Spent):
            return asdict(value)
        if isinstance(value, tuple | list) and any(isinstance(one, np.ndarray) for one in value):
            return {"list": [plain(one) for one in value]}
        if isinstance(value, np.ndarray):
            little = np.ascontiguousarray(value, "<i8" if value.dtype.kind in "iu" else "<f8")
            arrays.append(little.tobytes())
            return {"array": little.dtype.str, "shape": list(value.shape)}
        return value

    header = json.dumps({name: plain(value) for name, value in message.items()}).encode()
    return b"".join([len(header).to_bytes(8, "little"), header, *arrays])


def unpacked(data: bytes) -> dict[str, Any]:
    """Returns the message in bytes.

    Raises:
        ValueError: if there is none.
    """
    size = int.from_bytes(data[:8], "little")
    place = 8 + size

    def found(value: Any) -> Any:
        nonlocal place
        if not isinstance(value, dict):
            return value
        if "array" in value:
            kind, shape = np.dtype(value["array"]), tuple(map(int, value["shape"]))
            if kind.str not in ("<i8", "<f8") or min(shape, default=0) < 0:
                raise ValueError(f"an array of {kind} with shape {shape}")
            count = int(np.prod(shape, dtype=object))
            array = np.frombuffer(data, kind, count, place).reshape(shape)
            place += array.nbytes
            return array
        if "list" in value:
            return tuple(found(one) for one in value["list"])
        if "table" in value:
            return _TABLES[value["table"]](**{name: found(part) for name, part in value.items() if name != "table"})
        return value

    try:
        return {name: found(value) for name, value in json.loads(data[8 : 8 + size]).items()}
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"a damaged message: {error!r}") from None


def spent_in(message: dict[str, Any]) -> Spent:
    """Returns what a message says has been spent.

    Raises:
        ValueError: if these are no such numbers.
    """
    try:
        given = message["spent"]
        found = Spent(float(given["cpu"]), float(given["wall"]), int(given["steps"]), int(given["plays"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"a damaged message: {error!r}") from None
    if not (np.isfinite(found.cpu) and np.isfinite(found.wall)):
        raise ValueError("a damaged message: seconds that are no number")
    return found
