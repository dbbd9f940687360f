"""Every installed agent, on small games, through the runner that the benchmark uses."""

from importlib.metadata import EntryPoint

import pytest

from ualign_env import load_scenario
from ualign_env.benchmark import agents
from ualign_env.benchmark.runner import run
from ualign_env.benchmark.tasks import Task

LEARNERS = {
    "cfr-plus": 1e-4,
    "es-mccfr": 5e-3,
    "fictitious-play": 5e-3,
    "psro": 1e-4,
    "mirror-descent": 1e-4,
    "mirror-descent-average": 1e-3,
    "mirror-descent-mixture": 1e-3,
}
FIXED = ["nlhf", "random-dictatorship", "borda", "uniform"]


def test_all_agents_are_installed_and_say_what_they_are():
    assert sorted(agents.list_agents()) == sorted([*LEARNERS, *FIXED])
    for name in agents.list_agents():
        assert agents.load_agent(name).__doc__


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("k", [2, 3])
def test_learners_reach_the_optimal_rate_on_german_goals(name, k):
    result = run(name, agents.load_agent(name), Task(load_scenario("german-goals"), k), seconds=1.0)
    assert result.status == "learned"
    assert result.scorecard is not None
    assert abs(result.scorecard.gap) < LEARNERS[name]


@pytest.mark.parametrize("k", [2, 3])
def test_nlhf_is_stuck_on_german_goals(k):
    result = run("nlhf", agents.load_agent("nlhf"), Task(load_scenario("german-goals"), k), seconds=1.0)
    assert result.scorecard is not None
    assert round(result.scorecard.robust_win_rate, 4) == 0.5318


@pytest.mark.parametrize("name", [*LEARNERS, *FIXED])
def test_agents_learn_prompts_with_different_numbers_of_responses(name, unequal_scenario):
    result = run(name, agents.load_agent(name), Task(unequal_scenario, 2), seconds=0.3)
    assert result.error is None
    assert result.scorecard is not None
    assert result.scorecard.gap > -1e-9
    if name in LEARNERS:
        assert result.scorecard.gap < 0.02


@pytest.mark.parametrize("name", ["cfr-plus", "es-mccfr", "fictitious-play", "psro"])
def test_agents_that_need_a_tree_refuse_games_too_large_for_one(name):
    result = run(name, agents.load_agent(name), Task(load_scenario("german-goals"), 64), seconds=0.1)
    assert (result.status, result.scorecard, result.steps) == ("unsupported", None, 0)
    assert result.error is not None
    assert "the tree of 65 players would have" in result.error


@pytest.mark.parametrize("name", ["es-mccfr", "psro", "mirror-descent-mixture"])
def test_agents_follow_their_seed(name):
    def after_two_steps(seed):
        learning = agents.load_agent(name)(Task(load_scenario("impartial/responses:4/users:5"), 2, seed))
        next(learning)
        return run(name, lambda _: iter([next(learning)]), Task(load_scenario("impartial/responses:4/users:5"), 2), 1)

    one, same, other = (after_two_steps(seed).scorecard for seed in (1, 1, 2))
    assert one == same
    assert (one != other) == (name == "es-mccfr")


def test_unknown_agents():
    with pytest.raises(ValueError, match="unknown agent 'cfr-pluss'; did you mean 'cfr-plus'"):
        agents.load_agent("cfr-pluss")


def test_other_packages_can_add_agents(monkeypatch):
    entry = EntryPoint("mine", "ualign_agents.uniform:uniform", agents.GROUP)
    monkeypatch.setattr(agents, "entry_points", lambda group: [entry] if group == agents.GROUP else [])
    assert agents.list_agents() == ["mine"]
    assert callable(agents.load_agent("mine"))
