import numpy as np
import pytest

from ualign_env import Population, load_scenario, mirror_descent, proximal, solve
from ualign_env.solvers.proximal import magnetic_self_play

WEIGHTED_CYCLE = Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 0, 1]], [4, 3, 2])


def test_the_last_iterate_reaches_the_equilibrium_where_mirror_descent_circles():
    learned = proximal(WEIGHTED_CYCLE, 1, steps=5000)
    assert learned.last_exploitability[-1] < 1e-8
    np.testing.assert_allclose(learned.last[0], [5 / 9, 1 / 9, 3 / 9], atol=1e-6)
    assert mirror_descent(WEIGHTED_CYCLE, 1, steps=5000).last_exploitability[-1] > 1e-2


def test_a_magnet_that_stays_leads_to_the_regularised_equilibrium():
    learned = proximal("german-goals", 3, steps=2000, temperature=0.1, magnet_every=None)
    np.testing.assert_allclose(learned.last, solve("german-goals", 3, temperature=0.1).policy, atol=1e-5)
    assert learned.last_exploitability[-1] > 1e-2


def test_one_step_by_hand():
    # opposite groups of 3 : 1, k = 1: payoffs 5/8 and 3/8, eta = 2, pull = 2 * 0.5 = 1: log-ratio 2 (5/8 - 3/8) / 2
    population = Population.from_rankings([[0, 1], [1, 0]], [3, 1])
    second = proximal(population, 1, steps=2, temperature=0.5, magnet_every=None).last[0]
    np.testing.assert_allclose(second[0] / second[1], np.exp(0.25))
    # with step 1/2, eta = 1 and pull = 1/2: (5/8 - 3/8) / (3/2)
    second = proximal(population, 1, steps=2, step=0.5, temperature=0.5, magnet_every=None).last[0]
    np.testing.assert_allclose(second[0] / second[1], np.exp(1 / 6))


def test_runs_begin_with_the_uniform_policy():
    learned = proximal(WEIGHTED_CYCLE, 1, steps=1)
    np.testing.assert_allclose(learned.last, [[1 / 3] * 3])
    assert learned.steps.tolist() == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0}, "temperature is 0, but must be a number from 1e-100"),
        ({"step": -1}, "step is -1"),
        ({"magnet_every": 0}, "magnet_every is 0"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        next(magnetic_self_play(load_scenario("cycle"), 1, **options))
