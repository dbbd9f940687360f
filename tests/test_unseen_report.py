"""What reports say of prompts held out: rates on both parts, and how far it is from not looking at the prompt."""

import tomllib

import pytest
from suite_facts import with_facts

import ualign_env as ua
from ualign_env.benchmark.reporting.standings import boards, cells_of
from ualign_env.benchmark.reporting.unseen import COLUMNS, blind_rates, on_tasks, told
from ualign_env.benchmark.reporting.write import write_report
from ualign_env.benchmark.store import Store

SPEC = "moving-opinions/prompts:30/held-out:20/users:20/responses:6/features:4/nuisance:0"
SUITE = f"""
name = "small"
version = 1
title = "for tests"
agents = ["prompt-blind", "nearest-neighbours", "solve"]

[[task]]
name = "moving"
scenario = "{SPEC}"
k = [2, 3]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("results")
    (place / "small.toml").write_text(with_facts(SUITE))
    ua.Benchmark(str(place / "small.toml"), steps=100).run(out=place / "out")
    return place / "out"


@pytest.fixture(scope="module")
def results(folder):
    return list(Store(folder).read().results.values())


def test_rates_are_those_of_the_parts(results):
    scenario = ua.load_scenario(SPEC)
    assert scenario.held_out is not None
    blind = blind_rates(results)
    assert set(blind) == {("moving", 2, 1), ("moving", 3, 1)}
    for k in (2, 3):
        tables = {one.agent: one.policy for one in results if one.k == k}
        neighbours = on_tasks([one for one in results if one.agent == "nearest-neighbours"], blind)["moving", k, 1]
        assert neighbours.learned_on == pytest.approx(
            ua.robust_win_rate(scenario, tables["nearest-neighbours"], k), abs=1e-9
        )
        # prompt-blind shows the same on every prompt, so that its rate on others needs nothing that was kept
        one_policy = [tables["prompt-blind"][0]] * 20
        assert blind["moving", k, 1] == pytest.approx(ua.robust_win_rate(scenario.held_out, one_policy, k), abs=1e-9)
        optimum = k / (k + 1)
        left = (optimum - neighbours.held_out) / (optimum - blind["moving", k, 1])
        assert neighbours.way == pytest.approx(1 - left)
        assert neighbours.learned_on is not None
        assert neighbours.gap == neighbours.learned_on - neighbours.held_out


def test_who_has_nothing_to_say_of_others_is_behind_who_does_not_look(results):
    solved = on_tasks([one for one in results if one.agent == "solve"], blind_rates(results))["moving", 3, 1]
    assert solved.learned_on == pytest.approx(0.75, abs=1e-9)
    assert solved.held_out == 0
    assert solved.way is not None
    assert solved.way < -1


def test_boards_have_columns_for_them_only_where_prompts_are_held_out(results):
    (board,) = boards(results)
    assert board.columns[-4:] == COLUMNS
    rows = {row.agent: cells_of(row, board)[-4:] for row in board.standings}
    assert rows["prompt-blind"][-1] == "0.0%"
    without = [one for one in results if one.agent != "prompt-blind"]
    assert {cells_of(row, board)[-1] for row in boards(without)[0].standings} == {""}
    seen = ua.Benchmark([ua.Task("cycle", 2)], ["solve"], steps=1).run().results
    (board,) = boards(seen)
    assert board.columns[-1] == "started"


def test_baselines_that_are_told_the_users_stand_below_the_agents(folder, results):
    text = (folder / "suite.toml").read_text()
    facts = tomllib.loads(text)["task"][0]["facts"]
    references = told(text, blind_rates(results))
    scenario = ua.load_scenario(SPEC)
    assert scenario.held_out is not None
    assert references["nlhf"]["moving", 3, 1].held_out == facts["held-out-nlhf"][1]
    assert facts["held-out-nlhf"][1] == pytest.approx(ua.robust_win_rate(scenario.held_out, "nlhf", 3), abs=1e-9)
    assert told("", {}) == {}
    page = write_report(folder).page.read_text()
    assert "Prompts held out" in page
    assert "told the users" in page
    assert "of the way" in (folder / "leaderboard.md").read_text()
