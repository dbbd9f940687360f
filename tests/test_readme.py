"""What the README shows is what happens, and its tables have the columns and rows that the commands print."""

import re
import subprocess
import sys
from pathlib import Path

import pettingzoo
import pytest
from benchmarks import test_environment_speed

from ualign_env import specs
from ualign_env.benchmark.agents import describe_agent, list_agents
from ualign_env.benchmark.suite import load_suite

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)


def table_after(text: str) -> list[str]:
    """Returns the lines of the first text block that comes after a text."""
    return README.split(text)[1].split("```text\n")[1].split("```")[0].splitlines()


def columns(line: str) -> list[str]:
    return re.split(r" {2,}", line.strip())


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


def rows_after(text: str) -> dict[str, list[str]]:
    """Returns the cells of the leaderboards that come after a text, by agent."""
    lines = [columns(line) for line in table_after(text) if "  " in line]
    return {cells[0]: cells for cells in lines if cells[0] != "agent"}


BOARDS = [
    (["--suite", "quick"], "runs the suite `quick`"),
    (["--k", "3", "--l", "2"], "`ualign bench --k 3 --l 2` lets"),
]


@pytest.mark.parametrize(("options", "where"), BOARDS)
def test_leaderboards_are_those_that_bench_prints(tmp_path, options, where):
    """Their titles and columns, and the figures of agents whose time is of no matter."""
    shown = table_after(where)
    known = rows_after(where)
    suite = options[0] == "--suite"
    if suite:
        assert set(known) == set(load_suite("quick").agents or ())
    chosen = [f"--agent={name}" for name in known if not suite or name in ("nlhf", "rlhf", "pairs-borda", "cfr-plus")]
    command = [sys.executable, "-m", "ualign_env", "bench", *options, *chosen, "--out", tmp_path, "--seconds", "0.3"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    titles = {line.partition(" (")[0] for line in printed if "task" in line}
    assert titles <= {line.partition(" (")[0] for line in shown}
    assert {tuple(columns(line)) for line in printed if line.startswith("agent ")} <= {
        tuple(columns(line)) for line in shown if line.startswith("agent ")
    }
    found = {columns(line)[0]: columns(line) for line in printed if "  " in line}
    for name in ("nlhf", "rlhf", "pairs-borda"):
        if name in found:
            tasks = 4 if suite else 1
            assert found[name][-tasks:] == known[name][-tasks:]


def test_the_leaderboard_is_of_a_suite_as_it_is():
    """Every agent of its classes, its number of tasks and its budget."""
    suite, shown = load_suite("core"), table_after("`ualign bench --suite core --seeds 3")
    known = [describe_agent(name) for name in list_agents()]
    expected = {one.name for one in known if one.declared.information in suite.classes and not one.declared.joint}
    assert set(rows_after("`ualign bench --suite core --seeds 3")) == expected
    titles = [line for line in shown if "task" in line]
    assert len(titles) == len(suite.classes)
    for title in titles:
        assert title.endswith(f"({len(suite.tasks)} tasks, {suite.seconds:g} seconds of CPU)")


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
