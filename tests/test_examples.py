"""Every example runs; the one that runs OpenSpiel's algorithms has a test of its own."""

import subprocess
from pathlib import Path

import pytest
from strict import PYTHON

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(path for path in FOLDER.glob("*.py") if path.name != "open_spiel_algorithms.py")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_runs(path):
    needed = (
        ("supersuit", "sb3"),
        ("torchrl", "torchrl"),
        ("trl", "trl_grpo"),
        ("trl", "picked_finetuning"),
        ("torch", "generalisation"),
        ("torch", "cleanrl"),
        ("tianshou", "tianshou"),
        ("ray.rllib", "rllib"),
    )
    for module, example in needed:
        if path.name.startswith(example):
            pytest.importorskip(module)
    result = subprocess.run([*PYTHON, str(path)], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout
    assert len(path.read_text(encoding="utf-8").splitlines()) < 80
