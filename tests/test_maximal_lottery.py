import numpy as np
import pytest
import reference
from hypothesis import given

from ualign_env import Population, exploitability, load_scenario
from ualign_env.solvers.maximal_lottery import maximal_lottery


def test_weighted_cycle():
    # margins a>b 3/9, b>c 5/9, c>a 1/9: a lottery against which all margins vanish has weights 5 : 1 : 3
    population = Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 0, 1]], [4, 3, 2])
    np.testing.assert_allclose(maximal_lottery(population), [5 / 9, 1 / 9, 3 / 9], atol=1e-9)


@pytest.mark.parametrize("spec", ["german-goals", "majority-trap", "euclidean/dimensions:1/users:101"])
def test_condorcet_winners_get_everything(spec):
    population = load_scenario(spec).populations[0]
    lottery = maximal_lottery(population)
    np.testing.assert_allclose(lottery[population.condorcet_winner()], 1, atol=1e-9)


@given(reference.users(max_responses=6, max_users=6))
def test_is_an_equilibrium_for_one_sample(users):
    population = users.population()
    assert exploitability(population, maximal_lottery(population), 1) < 1e-9
