"""Start-up time of the package and of the command line. Target: 1.5 s each."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "arguments", [["-c", "import ualign_env"], ["-m", "ualign_env", "--help"], ["-c", "import pyspiel"]], ids=" ".join
)
def test_start(benchmark, arguments):
    benchmark.group = "start-up"
    benchmark.pedantic(
        subprocess.run,
        ([sys.executable, *arguments],),
        {"check": True, "capture_output": True},
        rounds=5,
        warmup_rounds=1,
    )
