"""Each in a process of its own with a cache of its own: what is compiled once stays compiled."""

import os
import subprocess
import sys

import pytest

LOOP = """
from ualign_env._compile import compiled

@compiled
def double(x):
    return 2 * x

@compiled
def triple(x):
    return 3 * x
"""


@pytest.fixture
def run(tmp_path):
    """Calls two loops, and returns what was said meanwhile."""
    (tmp_path / "loops.py").write_text(LOOP)

    def call(before=""):
        result = subprocess.run(
            [sys.executable, "-c", f"{before}import loops; print(loops.double(3), loops.triple(3))"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        )
        assert result.stdout == "6 9\n", result.stderr
        return result.stderr

    return call


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("size", [0, 100])
def test_damaged_caches_are_replaced_and_mentioned_once(run, tmp_path, ending, size):
    assert run() == ""
    files = sorted(tmp_path.rglob(f"*.{ending}"))
    assert len(files) == 2
    for file in files:
        os.truncate(file, size)
    assert run().count("cannot be read") == 1
    assert run() == ""
    assert all(file.stat().st_size > 100 for file in files)


def test_full_disks_are_mentioned_once(run, tmp_path):
    full = (
        "from numba.core.caching import IndexDataCacheFile\n"
        "def save(*_): raise OSError(28, 'No space left on device')\n"
        "IndexDataCacheFile.save = save\n"
    )
    assert run(full).count("cannot be written (OSError: [Errno 28] No space left on device)") == 1
    assert not list(tmp_path.rglob("*.nb?"))
