from itertools import islice

import numpy as np
import pytest

from ualign_env import Population, Scenario, exploitability, load_scenario, mirror_descent
from ualign_env.solvers.mirror_descent import record, self_play


def last(scenario, k, steps, step=1.0):
    return mirror_descent(scenario, k, steps=steps, step=step).last


@pytest.mark.parametrize("k", [2, 3, 8, 64])
@pytest.mark.parametrize(
    "spec", ["german-goals", "mallows/prompts:2", "euclidean", "majority-trap", "cycle/responses:5"]
)
def test_self_play_reaches_the_equilibrium(spec, k):
    scenario = load_scenario(spec)
    assert exploitability(scenario, last(scenario, k, 3000), k) < 1e-6


def test_larger_steps_cycle():
    # the check above can fail: with a step of 20, self-play overshoots for ever
    scenario = load_scenario("german-goals")
    assert exploitability(scenario, last(scenario, 8, 3000, step=20), 8) > 1e-2


def test_german_goals_equilibria():
    scenario = load_scenario("german-goals")
    np.testing.assert_allclose(last(scenario, 3, 2000)[0], [0.4442, 0, 0.5558, 0], atol=5e-5)
    np.testing.assert_allclose(last(scenario, 8, 2000)[0], [0.4317, 0.0954, 0.4728, 0], atol=5e-5)


def test_one_step_by_hand():
    # Opposite groups of 3 : 1, k = 1: against the uniform policy the majority's response earns 3/4 (1/2 + 1/4)
    # + 1/4 * 1/4 = 5/8, the other 3/8. With step 1 the weights become exp(2 * 5/8) : exp(2 * 3/8) = exp(1/2) : 1.
    scenario = Scenario([Population.from_rankings([[0, 1], [1, 0]], [3, 1])])
    first, second = islice(self_play(scenario, 1), 2)
    np.testing.assert_array_equal(first.policy, [[0.5, 0.5]])
    np.testing.assert_allclose(first.payoffs, [[5 / 8, 3 / 8]])
    np.testing.assert_allclose(second.policy[0, 0] / second.policy[0, 1], np.exp(0.5))


def test_prompts_with_fewer_responses_stay_padded():
    scenario = Scenario([Population.from_rankings([[0, 1, 2]]), Population.from_rankings([[0, 1]])])
    for iterate in islice(self_play(scenario, 2), 50):
        assert iterate.policy[1, 2] == 0
        np.testing.assert_allclose(iterate.policy.sum(axis=1), 1)


@pytest.mark.parametrize("step", [0, -1, np.nan, np.inf, 1e308, 1e-320])
def test_bad_steps(step):
    with pytest.raises(ValueError, match=r"step is .*, but must be a number from 1e-100 to 1e\+100"):
        next(self_play(load_scenario("cycle"), 2, step))


@pytest.mark.parametrize(
    "spec", ["german-goals", "cycle/responses:5", "mallows/prompts:2", "impartial/responses:8/users:9"]
)
@pytest.mark.parametrize("k", [1, 2, 8])
@pytest.mark.parametrize("steps", [1, 30, 1000])
def test_the_regret_bound_holds_along_runs(spec, k, steps):
    run = mirror_descent(spec, k, steps=steps, step=None)
    n = load_scenario(spec).n_responses
    np.testing.assert_allclose(run.regret_bound[-1], np.sqrt(np.log(n) / (2 * steps)))
    assert (run.mixture_exploitability <= run.regret_bound + 1e-12).all()
    # by convexity the average policy is at least as good
    assert (run.average_exploitability <= run.mixture_exploitability + 1e-12).all()


def test_a_dynamic_that_learns_nothing_breaks_the_bound():
    # the check above can fail: the uniform policy for ever is no regret minimiser
    scenario = load_scenario("german-goals")
    first = next(self_play(scenario, 3))
    run = record(iter([first] * 1000), scenario, 3, 1000)
    assert run.mixture_exploitability[-1] > np.sqrt(np.log(4) / 2000)


def test_records_are_what_they_say():
    scenario = load_scenario("german-goals")
    run = mirror_descent(scenario, 2, steps=100, step=0.3)
    assert run.steps[0] == 1
    assert run.steps[-1] == 100
    assert run.last_exploitability[-1] == pytest.approx(exploitability(scenario, run.last, 2), abs=1e-14)
    assert run.average_exploitability[-1] == pytest.approx(exploitability(scenario, run.average, 2), abs=1e-14)
    assert run.mixture_exploitability[-1] == pytest.approx(exploitability(scenario, run.mixture, 2), abs=1e-14)


def test_optimism_makes_the_last_iterate_converge_for_one_sample():
    population = Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 0, 1]], [4, 3, 2])  # a weighted cycle
    plain, optimistic = (mirror_descent(population, 1, steps=30_000, step=1, optimistic=o) for o in (False, True))
    assert plain.last_exploitability[-1] > 1e-2
    assert optimistic.last_exploitability[-1] < 1e-6
    np.testing.assert_allclose(optimistic.last[0], [5 / 9, 1 / 9, 3 / 9], atol=1e-5)
    assert np.isnan(optimistic.regret_bound).all()


@pytest.mark.parametrize("steps", [0, 1.5])
def test_bad_numbers_of_steps(steps):
    with pytest.raises(ValueError, match="steps is"):
        mirror_descent("cycle", 2, steps=steps)
