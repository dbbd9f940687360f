"""What tests of readers share: files, and users in words."""

import subprocess
import sys
from pathlib import Path
from typing import Any


def write(path: Path, text: str) -> Path:
    """Writes a file and returns where."""
    path.write_text(text, encoding="utf-8")
    return path


def orders(users: Any) -> dict[str, float]:
    """Returns the order of each type in words, and how many users have it."""
    return {users.describe(t): round(float(users.weights[t] * users.n_users), 9) for t in range(users.n_types)}


def ualign(*arguments: Any) -> subprocess.CompletedProcess[str]:
    """Runs the command line."""
    command = [sys.executable, "-m", "ualign_env", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
