"""What the README shows is what happens, and its tables have the columns and rows that the commands print."""

import re
import subprocess
import sys
from pathlib import Path

import pettingzoo
import pytest
from benchmarks import test_environment_speed

from ualign_env import robust_win_rate, specs
from ualign_env.benchmark import agents
from ualign_env.solvers.baselines import BASELINES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)


def table_after(text: str) -> list[str]:
    """Returns the lines of the first text block that comes after a text."""
    return README.split(text)[1].split("```text\n")[1].split("```")[0].splitlines()


def columns(line: str) -> list[str]:
    return re.split(r" {2,}", line.strip())


def printed_by_bench(tmp_path: Path, *options: str) -> list[str]:
    """Returns the table that `ualign bench` prints in hardly any time."""
    names = [part for name in ("nlhf", "uniform", "mirror-descent") for part in ("--agent", name)]
    command = [sys.executable, "-m", "ualign_env", "bench", *options, *names, "--seconds", "0.01", "--out", tmp_path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_python_examples_print_what_they_are_said_to_print(code, output):
    if "pettingzoo.make" in code and not hasattr(pettingzoo, "make"):
        pytest.skip("PettingZoo has a registry since 1.27")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == (output, "")


def test_every_python_block_is_an_example_with_output():
    assert README.count("```python") == len(EXAMPLES) >= 1


def test_scenarios_are_those_that_list_prints():
    rows = specs.describe_scenarios()[: len(specs.SOURCES)]
    width = max(len(spec) for spec, _ in rows)
    shown = table_after("`ualign list` prints all scenarios")
    assert shown
    assert set(shown) <= {f"{spec:<{width}}  {what}" for spec, what in rows}


@pytest.mark.parametrize(
    ("options", "where"), [(["--k=3"], "## Results"), (["--k=3", "--l=2"], "`ualign versus --k 3")]
)
def test_tables_of_results_have_the_columns_and_agents_of_bench(tmp_path, options, where):
    shown, printed = table_after(where), printed_by_bench(tmp_path, *options)
    assert columns(shown[0]) == columns(printed[0])
    rows = {line.split()[0]: columns(line) for line in shown[1:]}
    joint = agents.list_agents(agents.JOINT_GROUP) if len(options) > 1 else []
    assert sorted(rows) == sorted([*agents.list_agents(), *joint])
    assert {len(row) for row in rows.values()} == {len(columns(shown[0]))}
    for line in printed[1:3]:  # nothing to learn: all but the time is the same
        cells = columns(line)
        if cells[0] in BASELINES:
            assert rows[cells[0]][:-1] == cells[:-1]


@pytest.mark.parametrize(("l", "where"), [(1, "## Results"), (2, "`ualign versus --k 3")])
def test_results_are_those_of_the_german_goals(l, where):
    shown = table_after(where)
    place = columns(shown[0]).index("robust win rate" if l == 1 else "win rate")
    rates = {line.split()[0]: columns(line)[place] for line in shown[1:]}
    for name in BASELINES:
        assert rates[name] == f"{robust_win_rate('german-goals', name, 3, l):.6f}"
    numbers = [float(rate) for rate in rates.values()]
    assert numbers == sorted(numbers, reverse=True)


def test_tables_of_speeds_have_the_rows_of_their_benchmarks():
    environments = test_environment_speed
    measured = [*environments.ONE_AT_A_TIME, *environments.SEATS, *environments.EXPLOITERS]
    rows = [re.split(r" {2,}(?=[\d,]+$)", line) for line in table_after("games per second with 4 players")]
    assert [row[0] for row in rows] == measured
    source = (ROOT / "tests" / "benchmarks" / "side_by_side.py").read_text(encoding="utf-8")
    for name in {line.split()[0] for line in table_after("side_by_side.py`") if line.startswith("  ")}:
        assert f'"{name}"' in source


def test_nothing_is_left_to_fill_in():
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"^[A-Z_]{4,}$", text, re.MULTILINE)
        for link in re.findall(r"\]\(([^):]+)\)", text):
            assert (ROOT / link).exists(), link
