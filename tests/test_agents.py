"""Every installed agent, on small games, for a number of steps, through the runner that the benchmark uses."""

import io
import sys
from contextlib import redirect_stdout
from importlib.metadata import EntryPoint, entry_points
from itertools import islice

import numpy as np
import pytest
from learning import installed, learn

from ualign_agents import mirror_descent, psro
from ualign_env import Mixture, Task, load_scenario, payoff_tensor, run, score, solve_versus
from ualign_env.benchmark import agents
from ualign_env.solvers.baselines import BASELINES
from ualign_env.solvers.mirror_descent import self_play

# how many steps each learns, and how far from the optimum it may then be on german-goals, and on other prompts
LEARNERS = {
    "adidas": (10, 0.01, 0.05),
    "cfr": (1000, 1e-4, 0.02),
    "cfr-plus": (500, 1e-4, 0.02),
    "dcfr": (60, 0.02, 0.05),
    "deep-cfr": (2, 0.3, 0.4),
    "es-mccfr": (200, 5e-3, 0.02),
    "exp3": (1000, 5e-3, 0.02),
    "distillation": (16, 0.005, 0.05),
    "exploitability-descent": (16, 0.01, 0.05),
    "extragradient": (500, 1e-4, 0.02),
    "fictitious-play": (60, 5e-3, 0.02),
    "kernel-ridge": (1, 1e-9, 0.3),  # of prompts that look alike, which these do not
    "linear-cfr": (60, 0.02, 0.05),
    "mirror-descent": (2000, 1e-4, 0.02),
    "mirror-descent-average": (5000, 1e-3, 0.02),
    "mirror-descent-mixture": (5000, 1e-3, 0.02),
    "nash-md": (2000, 1e-4, 0.02),
    "nearest-neighbours": (1, 1e-9, 0.3),  # of prompts that look alike, which these do not
    "network-policy-gradient": (150, 0.02, 0.05),
    "nfsp": (20, 0.3, 0.4),
    "optimistic-mirror-descent": (500, 1e-4, 0.02),
    "os-mccfr": (400, 0.01, 0.02),
    "policy-gradient": (2000, 5e-3, 0.02),
    "ppo": (40, 0.02, 0.02),
    "prompt-blind": (500, 5e-3, 0.3),
    "projected-replicator": (10, 0.02, 0.05),
    "psro": (20, 1e-4, 0.02),
    "q-learning": (2000, 0.01, 0.02),
    "regret-matching": (11, 0.02, 0.05),
    "replicator": (500, 1e-4, 0.02),
    "solve": (1, 1e-11, 1e-9),
    "transformer": (15, 0.04, 0.04),
    "winner-distillation": (2000, 5e-3, 0.02),
    "wolf-phc": (2000, 0.02, 0.03),
}
# with so many steps
SLOW = (
    "adidas", "deep-cfr", "distillation", "exploitability-descent", "network-policy-gradient", "nfsp",
    "regret-matching", "projected-replicator", "transformer",
)  # fmt: skip
# what is fixed, or learns something else than equilibria for k above 1
FIXED = ["nlhf", "random-dictatorship", "borda", "plurality", "uniform", "nash-welfare", "rlhf", "ipo"]
PAIRS = ["pairs-nlhf", "pairs-borda", "pairs-sppo", "pairs-nash-md", "pairs-dpo"]
JOINT = {
    "joint-cfr-plus": (1000, 1e-4),
    "joint-es-mccfr": (200, 5e-3),
    "joint-psro": (20, 1e-8),
    "double-oracle": (20, 1e-8),
}


@pytest.mark.parametrize("name", JOINT)
@pytest.mark.parametrize(("k", "l"), [(2, 1), (2, 2), (3, 2)])
def test_joint_agents_reach_the_value(name, k, l):
    scenario = load_scenario("german-goals")
    value = solve_versus(scenario.populations[0], k, l).value
    steps, tolerance = JOINT[name]
    result = learn(name, Task(scenario, k, l=l), steps)
    assert (result.status, result.error, result.l) == ("learned", None, l)
    assert result.scorecard is not None
    assert value - tolerance < result.scorecard["robust_win_rate"] < value + 1e-9
    assert result.optimum == pytest.approx(value, abs=1e-8)
    assert -1e-8 < result.shortfall < tolerance + 1e-8
    assert result.scorecard["nash_conv"] is None


@pytest.mark.parametrize("name", JOINT)
def test_joint_agents_learn_prompts_with_different_numbers_of_responses(name, unequal_scenario):
    values = [solve_versus(population, 2, 2).value for population in unequal_scenario.populations]
    result = learn(name, Task(unequal_scenario, 2, l=2), JOINT[name][0])
    assert result.error is None
    assert result.scorecard is not None
    assert result.scorecard["robust_win_rate"] == pytest.approx(unequal_scenario.probabilities @ values, abs=2e-2)
    assert result.policy is not None
    np.testing.assert_allclose(np.sum(result.policy, axis=1), 1, rtol=1e-9)


def test_samples_are_scored_against_several_responses():
    result = learn("cfr-plus", Task(load_scenario("german-goals"), 3, l=2), 500)
    assert result.scorecard is not None
    assert result.scorecard["l"] == 2
    assert result.scorecard["robust_win_rate"] == pytest.approx(0.531749, abs=1e-4)
    assert result.optimum == pytest.approx(0.58863837, abs=1e-8)


def test_joint_agents_refuse_games_too_large_for_a_tree():
    for name in ("joint-cfr-plus", "joint-es-mccfr", "joint-psro"):
        result = learn(name, Task(load_scenario("impartial/responses:30"), 5, l=2), 1)
        assert result.status == "unsupported"


def test_all_agents_are_installed():
    assert agents.list_agents() == sorted([*LEARNERS, *FIXED, *PAIRS, *JOINT])


@pytest.mark.parametrize("name", [*LEARNERS, *FIXED, *PAIRS, *JOINT])
def test_agents_say_what_they_are(name):
    """What is read from the source is what the function says itself."""
    agent, described = installed(name), agents.describe_agent(name)
    assert described.summary == (agent.__doc__ or "").split("\n")[0] != ""
    if name not in BASELINES:
        assert getattr(agent, "__ualign__", agents.Declaration()) == described.declared
    assert described.declared.joint == (name in JOINT)
    assert (described.declared.information == "pairs") == (name in PAIRS)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("k", [2, 3])
def test_learners_reach_the_optimal_rate_on_german_goals(name, k):
    steps, tolerance, _ = LEARNERS[name]
    result = learn(name, Task(load_scenario("german-goals"), k), steps)
    assert result.status == "learned", result.error
    assert abs(result.shortfall) < tolerance


@pytest.mark.parametrize("k", [2, 3])
def test_nlhf_is_stuck_on_german_goals(k):
    result = learn("nlhf", Task(load_scenario("german-goals"), k), 2)
    assert result.steps == 1
    assert result.scorecard is not None
    assert round(result.scorecard["robust_win_rate"], 4) == 0.5318


@pytest.mark.parametrize("name", [*LEARNERS, *FIXED, *PAIRS])
def test_agents_learn_prompts_with_different_numbers_of_responses(name, unequal_scenario):
    steps, _, tolerance = LEARNERS.get(name, (20, 0, 1))
    result = learn(name, Task(unequal_scenario, 2), steps)
    assert result.error is None
    assert -1e-9 < result.shortfall < tolerance


@pytest.mark.parametrize("name", ["cfr", "cfr-plus", "es-mccfr", "os-mccfr", "fictitious-play", "psro", "linear-cfr"])
def test_agents_that_need_a_tree_refuse_games_too_large_for_one(name):
    result = learn(name, Task(load_scenario("german-goals"), 64), 1)
    assert (result.status, result.scorecard, result.steps) == ("unsupported", None, 0)
    assert result.error is not None
    assert "the tree of 65 players would have" in result.error


@pytest.mark.parametrize("name", [*LEARNERS, *PAIRS, *JOINT])
def test_agents_follow_their_seed_where_they_say_that_they_have_one(name):
    def after_some_steps(seed):
        task = Task(load_scenario("two-groups/responses:4/majority:0.51"), 2, seed, 2 if name in JOINT else 1)
        return learn(name, task, 2 if name in SLOW else 40)

    one, same = (after_some_steps(1).policy_digest for _ in range(2))
    assert one == same
    others = (after_some_steps(seed).policy_digest for seed in range(2, 12))  # of the policies of some there are few
    if agents.describe_agent(name).declared.random:
        assert any(other != one for other in others)
    else:
        assert next(others) == one


def test_the_mixture_weighs_every_iterate_and_keeps_few():
    """It is nearly as good as the mixture of all of them, and never better by leaving out the first, worst ones."""
    task = Task(load_scenario("impartial/responses:5/users:9"), 1)
    *_, last = islice(mirror_descent.mixture(task), 3000)
    iterates = [iterate.policy for iterate in islice(self_play(task.scenario, 1), 3000)]
    policies, weights = np.asarray(last.policies), np.asarray(last.weights)
    assert weights.sum() == 3000
    assert len(policies) < 80
    places = np.cumsum([0, *weights[:-1]]).astype(int)
    np.testing.assert_array_equal(policies, np.array(iterates)[places])
    np.testing.assert_array_equal(places[:10], np.arange(10))
    whole = score(task.scenario, Mixture(iterates, np.ones(3000)), 1).shortfall
    assert 0.9 * whole < score(task.scenario, last, 1).shortfall < 1.3 * whole


def test_psro_computes_the_exact_empirical_game():
    task = Task(load_scenario("german-goals"), 2)
    with redirect_stdout(io.StringIO()):
        solver = psro._ExactPSRO(task)
    while solver.can_grow():
        solver.iteration()
    tables = [solver._table(policy)[0] for policy in solver.get_policies()[0]]
    assert len({table.tobytes() for table in tables}) == len(tables)
    place = [i for i, table in enumerate(tables) if table.max() == 1]
    responses = [int(tables[i].argmax()) for i in place]
    assert len(place) >= 2
    expected = payoff_tensor(task.scenario.populations[0], 3)
    for player, game in enumerate(solver.get_meta_game()):
        own = expected[player][np.ix_(responses, responses, responses)]
        np.testing.assert_allclose(game[np.ix_(place, place, place)], own, atol=1e-12)


def test_unknown_agents():
    with pytest.raises(ValueError, match="unknown agent 'cfr-pluss'; did you mean 'cfr-plus'"):
        agents.load_agent("cfr-pluss")


def test_other_packages_can_add_agents(monkeypatch):
    entry = EntryPoint("mine", "ualign_agents.cfr:cfr_plus", agents.GROUP)
    monkeypatch.setattr(agents, "entry_points", lambda group: [entry] if group == agents.GROUP else [])
    assert agents.list_agents() == sorted(["mine", *BASELINES])
    assert callable(agents.load_agent("mine"))


def test_every_baseline_competes():
    task = Task(load_scenario("mallows/prompts:2"), 2)
    for name, one in BASELINES.items():
        agent = agents.load_agent(name)
        assert agent.__doc__ == one.summary
        found = run(name, task).scorecard
        assert found is not None
        assert found["robust_win_rate"] == pytest.approx(score(task.scenario, name, 2).robust_win_rate, abs=1e-12)


def test_agents_that_need_an_extra_say_how_to_install_it(monkeypatch):
    (ppo,) = (entry for entry in entry_points(group=agents.GROUP) if entry.name == "ppo")
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "ualign_agents.ppo", raising=False)
    with pytest.raises(agents.MissingExtraError, match=r"'ppo' needs torch: pip install 'ualign-env\[sb3\]'"):
        agents.load_agent("ppo")
    # without an extra in the entry point, a missing module is a broken agent
    plain = EntryPoint("plain", ppo.module + ":ppo", agents.GROUP)
    monkeypatch.setattr(agents, "entry_points", lambda group: [plain] if group == agents.GROUP else [])
    with pytest.raises(ValueError, match="agent 'plain' cannot be loaded"):
        agents.load_agent("plain")


def test_agents_that_clash_or_cannot_be_imported(monkeypatch):
    broken = EntryPoint("broken", "no_such_module:agent", agents.GROUP)
    twice = [EntryPoint("twice", f"ualign_agents.{name}:{name}", agents.GROUP) for name in ("cfr_plus", "psro")]
    usurper = EntryPoint("borda", "ualign_agents.psro:psro", agents.GROUP)
    found = [broken, *twice, usurper]
    monkeypatch.setattr(agents, "entry_points", lambda group: found if group == agents.GROUP else [])
    with pytest.raises(ValueError, match="agent 'broken' cannot be loaded from 'no_such_module:agent': ModuleNotFound"):
        agents.load_agent("broken")
    with pytest.raises(
        ValueError, match=r"agent 'twice' is offered several times, by ualign_agents\.cfr_plus:cfr_plus, u"
    ):
        agents.load_agent("twice")
    with pytest.raises(ValueError, match=r"agent 'borda' is offered several times, by .*psro, the baselines"):
        agents.load_agent("borda")
