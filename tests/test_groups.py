"""Rewards of groups: the definition by enumeration, their sum, their mean, and what is refused."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ualign_env import Population, deviation_payoffs, group_rewards

SCORES = [[3.0, 1.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0], [1.0, 2.0, 3.0, 3.0]]


def enumerated(scores, k, weights, ties="random"):
    """Returns the rewards of a group by looking at all subsets; of those tied one is picked at random, or the first."""
    users, size = scores.shape
    rewards = np.zeros(size)
    for i in range(size):
        subsets = list(combinations([j for j in range(size) if j != i], k))
        for subset, user in product(subsets, range(users)):
            met = scores[user, list(subset)]
            if scores[user, i] >= met.max():
                tied = [i, *(j for j in subset if scores[user, j] == scores[user, i])]
                picked = 1 / len(tied) if ties == "random" else float(i == min(tied))
                rewards[i] += weights[user] * picked / len(subsets)
    return rewards


@st.composite
def groups(draw):
    users, size = draw(st.integers(1, 3)), draw(st.integers(2, 7))
    scores = draw(arrays(np.float64, (users, size), elements=st.integers(-2, 2).map(float)))
    weights = draw(arrays(np.float64, users, elements=st.floats(0.1, 1)))
    return scores, draw(st.integers(1, size - 1)), weights


@given(groups())
def test_rewards_are_what_enumeration_gives(group):
    scores, k, weights = group
    found = group_rewards(scores, k, weights)
    np.testing.assert_allclose(found, enumerated(scores, k, weights / weights.sum()), atol=1e-12)
    assert found.sum() == pytest.approx(scores.shape[1] / (k + 1), abs=1e-12)


def test_enumeration_tells_wrong_rewards_apart():
    scores, third = np.array(SCORES), np.full(3, 1 / 3)
    found = group_rewards(scores, 2)
    np.testing.assert_allclose(found, enumerated(scores, 2, third))
    assert abs(found - enumerated(scores, 2, third, ties="first")).max() > 0.1
    assert abs(found - enumerated(scores, 1, third)).max() > 0.1
    again = Population.from_scores(scores)  # with replacement, and against itself too
    assert abs(found - deviation_payoffs(again, np.full(4, 1 / 4), 2)).max() > 0.01


@pytest.mark.parametrize("k", [1, 2, 3])
def test_on_average_over_groups_a_response_earns_its_payoff(k):
    """All groups of k + 2 draws from a policy, each with its chance: no sampling."""
    utilities, policy = np.array([[2, 1, 0], [0, 1, 1], [0, 0, 3]]), np.array([0.5, 0.2, 0.3])
    weights, size = [0.5, 0.3, 0.2], k + 2
    earned = np.zeros(3)
    for group in product(range(3), repeat=size):
        chance = policy[list(group[1:])].prod()
        earned[group[0]] += chance * group_rewards(utilities[:, group], k, weights)[0]
    users = Population.from_scores(utilities, weights)
    np.testing.assert_allclose(earned, deviation_payoffs(users, policy, k), atol=1e-12)


def test_a_whole_group_is_the_pick_itself():
    rewards = group_rewards([[0.1, 0.9, 0.3]], 2)
    assert rewards.tolist() == [0, 1, 0]
    assert group_rewards([[1, 1, 0]], 2).tolist() == [0.5, 0.5, 0]


@pytest.mark.parametrize("k", [1, 16, 2000, 4095])
def test_groups_of_thousands_are_stable(k):
    scores = np.random.default_rng(k).integers(0, 3000, (20, 4096))
    rewards = group_rewards(scores, k)
    assert rewards.sum() == pytest.approx(4096 / (k + 1), rel=1e-12)
    assert rewards.min() >= 0
    best = group_rewards(np.arange(4096)[None, :], k)
    assert best[-1] == 1
    assert best[k] == pytest.approx(math.exp(-math.log(math.comb(4095, k))), rel=1e-9)  # beats just k of the others


def test_groups_do_not_mix():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (5, 3, 6))
    together = group_rewards(scores, 2)
    assert together.shape == (5, 6)
    np.testing.assert_array_equal(together, [group_rewards(one, 2) for one in scores])
    shifted = group_rewards(scores + 1000 * np.arange(5)[:, None, None], 2)
    np.testing.assert_array_equal(together, shifted)  # comparing across prompts, the last would win everywhere


def test_users_who_judged_only_part():
    scores = np.array([[3, 1, np.nan], [0, 1, 2]])
    assert group_rewards(scores, 1).tolist() == group_rewards(scores[1:], 1).tolist()
    worst = group_rewards(scores, 1, missing="worst")
    np.testing.assert_allclose(worst, group_rewards([[3, 1, 0], [0, 1, 2]], 1))
    assert np.isnan(scores[0, 2])
    assert group_rewards([[np.nan, np.nan, 1]], 1, missing="worst").tolist() == [0.25, 0.25, 1]
    two = group_rewards([[[1, 0, 0], [0, 0, 1]], [[np.nan, 0, 1], [0, 0, 1]]], 1, [3, 1])
    np.testing.assert_allclose(two[0], group_rewards([[1, 0, 0], [0, 0, 1]], 1, [3, 1]))
    np.testing.assert_allclose(two[1], group_rewards([[0, 0, 1]], 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 4}, "k is 4, but must be below the size of a group, which is 4"),
        ({"k": 0}, "k is 0, but must be an integer of at least 1"),
        ({"k": 1.5}, "k is 1.5"),
        ({"scores": [1, 2, 3]}, r"scores have shape \(3,\)"),
        ({"scores": np.zeros((2, 0))}, r"scores have shape \(2, 0\)"),
        ({"scores": [[1, np.inf]], "k": 1}, r"scores\[0, 1\] is inf"),
        ({"scores": [[[1, 2], [1, -np.inf]]], "k": 1}, r"scores\[0, 1, 1\] is -inf"),
        ({"weights": [1, 1]}, "weights has 2 entries, but there are 3 users"),
        ({"weights": [1, -1, 1]}, "must not be negative"),
        ({"missing": "mean"}, "unknown way to treat missing scores 'mean'"),
        ({"scores": [[np.nan, 1]], "k": 1}, "no user has judged all 2 completions of group 0"),
        ({"scores": [[[1, 2], [1, 2]], [[1, np.nan], [3, 4]]], "k": 1, "weights": [1, 0]}, "of group 1"),
    ],
)
def test_what_makes_no_group_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        group_rewards(**({"scores": SCORES, "k": 2} | change))
