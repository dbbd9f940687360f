"""Every example runs; those that take long, or need a model, have tests of their own."""

import subprocess
from pathlib import Path

import pytest
from strict import PYTHON

FOLDER = Path(__file__).parents[1] / "examples"
ELSEWHERE = {"open_spiel_algorithms.py", "own_model.py"}
EXAMPLES = sorted(path for path in FOLDER.glob("*.py") if path.name not in ELSEWHERE)


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


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_examples_are_short(path):
    most = 250 if path.name == "open_spiel_algorithms.py" else 80  # which is a table of all of them
    assert len(path.read_text(encoding="utf-8").splitlines()) < most
