import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from ualign_env import Population
from ualign_env.users.rankings import loops


@given(reference.users(max_responses=5), st.sampled_from([1, 2, 3, 13, 14, 15, 64]), st.data())
def test_the_jacobian_is_the_derivative(users, k, data):
    population = users.population()
    n = population.n_responses
    policy = np.array(data.draw(st.lists(st.floats(0.05, 1), min_size=n, max_size=n)))
    policy /= policy.sum()

    def payoffs(values):
        return loops.deviation_payoffs(population.ranks, population.weights, values[None], np.ones(1), k)

    jacobian = loops.deviation_jacobian(population.ranks, population.weights, policy, k)
    step = 1e-6
    for z in range(n):
        along = step * np.eye(n)[z]
        difference = (payoffs(policy + along) - payoffs(policy - along)) / (2 * step)
        np.testing.assert_allclose(jacobian[:, z], difference, atol=1e-6 * k)


@given(reference.users(max_responses=5), st.sampled_from([1, 2, 3, 13, 14, 64, 1000]), st.data())
def test_derivatives_of_policies_that_never_show_a_response(users, k, data):
    # payoffs are homogeneous of degree k, and the policy's own payoff is sum(policy)^(k + 1) / (k + 1)
    policy = data.draw(reference.distributions(users.n_responses))
    population = users.population()
    payoffs, jacobian = population.payoffs(policy, k), population.jacobian(policy, k)
    np.testing.assert_allclose(jacobian @ policy, k * payoffs, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(payoffs + policy @ jacobian, 1, rtol=1e-14 * (k + 100))
    assert (jacobian >= 0).all()


def test_the_derivative_check_rejects_the_wrong_power():
    population = Population.from_rankings([[0, 1, 2]])
    policy = np.array([0.2, 0.3, 0.5])
    right, wrong = (loops.deviation_jacobian(population.ranks, population.weights, policy, k) for k in (3, 4))
    assert np.abs(right - wrong).max() > 1e-2


@pytest.mark.parametrize(
    "p", [Fraction(0), Fraction(1, 10**40), Fraction(1, 10**12), Fraction(1, 10**4), Fraction(1, 3)]
)
@pytest.mark.parametrize("k", [1, 2, 13, 14, 50])
def test_the_jacobian_of_tiny_probabilities(p, k):
    # response 1 is preferred to response 0, which has F = 1 - p: the integral of (F + t p)^k has the derivatives
    # (A^k - F^k) / p and (A^k - g) / p with A = 1, by F and by p; k and k / 2 where p is 0
    below = 1 - p
    by_worse, by_tied = Fraction(k), Fraction(k, 2)
    if p:
        payoff = (1 - below ** (k + 1)) / ((k + 1) * p)
        by_worse, by_tied = (1 - below**k) / p, (1 - payoff) / p
    population = Population.from_rankings([[1, 0]])
    jacobian = loops.deviation_jacobian(population.ranks, population.weights, np.array([1 - p, p], float), k)
    np.testing.assert_allclose(jacobian[1], [float(by_worse), float(by_tied)], rtol=1e-14 * (k + 1))


MANY = Population.from_scores(
    np.random.default_rng(0).integers(0, 8, (1_300, 7)), np.random.default_rng(1).random(1_300) + 0.1
)


def below_and_tied(policy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns `[U, N]` how likely a response of the policy is worse than each response, and how likely it is tied."""
    worse, tied = (
        compare(MANY.ranks[:, None, :], MANY.ranks[:, :, None]).astype(float) for compare in (np.greater, np.equal)
    )
    return worse @ policy, tied @ policy


def test_many_users_in_ranges_are_all_counted():
    # users are added up in ranges of 512, and the last of three is not full
    assert MANY.n_types > 1_100
    assert MANY.n_types % 512
    one, two, three = np.random.default_rng(2).dirichlet(np.ones(7), 3)
    below, tied = below_and_tied(one)
    payoffs = (below**3 + 1.5 * below**2 * tied + below * tied**2 + tied**3 / 4, (below + tied / 2))
    for k, chances in zip((3, 1), payoffs, strict=True):
        np.testing.assert_allclose(MANY.payoffs(one, k), MANY.weights @ chances, rtol=1e-12)
    upper = below + tied
    quotient = (upper**21 - below**21) / (21 * tied)
    np.testing.assert_allclose(MANY.payoffs(one, 20), MANY.weights @ quotient, rtol=1e-11)
    mixed = MANY.against_samples(np.array([one, two]), np.array([0.3, 0.7]), 3).payoffs()
    np.testing.assert_allclose(mixed, 0.3 * MANY.payoffs(one, 3) + 0.7 * MANY.payoffs(two, 3), rtol=1e-12)

    other_below, other_tied = below_and_tied(two)
    pair = below * other_below + (below * other_tied + tied * other_below) / 2 + tied * other_tied / 3
    np.testing.assert_allclose(
        MANY.leave_one_out_payoffs(np.array([one, three, two]))[1], MANY.weights @ pair, rtol=1e-12
    )

    worse = MANY.ranks[:, None, :] > MANY.ranks[:, :, None]
    same = MANY.ranks[:, None, :] == MANY.ranks[:, :, None]
    np.testing.assert_allclose(MANY.pairwise(), np.tensordot(MANY.weights, worse + 0.5 * same, axes=1), rtol=1e-12)
    for k, chances in ((1, below + tied / 2), (3, payoffs[0]), (20, quotient)):
        by_worse, by_tied = (upper**k - below**k) / tied, (upper**k - chances) / tied
        each = worse * by_worse[:, :, None] + same * by_tied[:, :, None]
        np.testing.assert_allclose(MANY.jacobian(one, k), np.tensordot(MANY.weights, each, axes=1), rtol=1e-10)


def test_many_users_choose_among_some_responses():
    kept = [5, 0, 3]
    expected = [np.unique(row, return_inverse=True)[1] for row in MANY.ranks[:, kept]]
    np.testing.assert_array_equal(MANY.among(np.array(kept)).ranks, expected)


def test_the_package_works_where_nothing_can_be_cached(tmp_path):
    code = (
        "import numba.core.caching as c; c.CacheImpl._locator_classes = []\n"
        "import ualign_env as ua; print(ua.robust_win_rate('cycle', [1/3] * 3, 2))"
    )
    environment = os.environ | {"HOME": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) == pytest.approx(2 / 3)
