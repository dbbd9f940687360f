"""What the README shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ualign_env import load_scenario, robust_win_rate
from ualign_env.benchmark import agents
from ualign_env.solvers.baselines import baseline

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_python_examples_print_what_they_are_said_to_print(code, output):
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == (output, "")


def test_every_python_block_is_an_example_with_output():
    assert README.count("```python") == len(EXAMPLES) >= 1


def test_results_are_those_of_the_german_goals():
    rates = dict(re.findall(r"^([a-z-]+) +3 +(0\.\d{6}) ", README, re.MULTILINE))
    assert sorted(rates) == agents.list_agents()
    for agent, policy in (
        ("nlhf", "nlhf"),
        ("borda", "borda"),
        ("uniform", "uniform"),
        ("random-dictatorship", "random-dictatorship"),
    ):
        rate = robust_win_rate("german-goals", baseline(load_scenario("german-goals"), policy), 3)
        assert rates[agent] == f"{rate:.6f}"


def test_nothing_is_left_to_fill_in():
    assert not re.search(r"^[A-Z_]{4,}$", README, re.MULTILINE)
    for picture in re.findall(r"\]\((examples/[^)]+)\)", README):
        assert (Path(__file__).parents[1] / picture).exists()
