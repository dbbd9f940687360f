from itertools import islice

import numpy as np
import pytest

from ualign_env import Population, Scenario, exploitability, load_scenario
from ualign_env.solvers.mirror_descent import self_play


def last(scenario, k, steps, step=1.0):
    return list(islice(self_play(scenario, k, step), steps + 1))[-1]


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
    np.testing.assert_array_equal(first, [[0.5, 0.5]])
    np.testing.assert_allclose(second[0, 0] / second[0, 1], np.exp(0.5))


def test_prompts_with_fewer_responses_stay_padded():
    scenario = Scenario([Population.from_rankings([[0, 1, 2]]), Population.from_rankings([[0, 1]])])
    for policy in islice(self_play(scenario, 2), 50):
        assert policy[1, 2] == 0
        np.testing.assert_allclose(policy.sum(axis=1), 1)


@pytest.mark.parametrize("step", [0, -1, np.nan, np.inf])
def test_bad_steps(step):
    with pytest.raises(ValueError, match=r"step is .*, but must be positive and finite"):
        next(self_play(load_scenario("cycle"), 2, step))
