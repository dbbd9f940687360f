"""Tables that pages show have the columns and rows that the commands print."""

import re
import subprocess
import sys

import pytest
from benchmarks import test_environment_speed
from doc_pages import PAGES, ROOT, table_after

from ualign_env.benchmark.agents import describe_agent, list_agents
from ualign_env.benchmark.reporting.unseen import COLUMNS
from ualign_env.benchmark.suite import load_suite


def columns(line: str) -> list[str]:
    return re.split(r" {2,}", line.strip())


def rows_after(text: str) -> dict[str, list[str]]:
    """Returns the cells of the leaderboards that come after a text, by agent."""
    lines = [columns(line) for line in table_after(text) if "  " in line]
    return {cells[0]: cells for cells in lines if cells[0] != "agent"}


BOARDS = [
    (["--suite", "quick"], "runs the suite [`quick`]"),
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


def test_the_leaderboard_of_prompts_held_out_has_its_columns_and_agents():
    suite, where = load_suite("generalise"), "`ualign bench --suite generalise --out"
    assert set(rows_after(where)) == set(suite.agents or ())
    heads = [columns(line) for line in table_after(where) if line.startswith("agent ")]
    assert len(heads) == len(suite.classes)
    for head in heads:
        assert set(COLUMNS) <= set(head)
        assert head[-len(suite.tasks) :] == sorted(f"{named.name} k={named.task.k}" for named in suite.tasks)


def test_tables_of_speeds_have_the_rows_of_their_benchmarks():
    environments = test_environment_speed
    measured = [*environments.ONE_AT_A_TIME, *environments.SEATS, *environments.EXPLOITERS]
    rows = [re.split(r" {2,}(?=[\d,]+$)", line) for line in table_after("games per second with 4 players")]
    assert [row[0] for row in rows] == measured
    source = (ROOT / "tests" / "benchmarks" / "side_by_side.py").read_text(encoding="utf-8")
    for name in {line.split()[0] for line in table_after("side_by_side.py`") if line.startswith("  ")}:
        assert f'"{name}"' in source


def test_nothing_is_left_to_fill_in():
    for name, text in PAGES.items():
        assert not re.search(r"^[A-Z_]{4,}$", text, re.MULTILINE), name
