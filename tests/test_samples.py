"""Models known by their samples: the empirical rate, its interval, and the estimate by halves."""

import numpy as np
import pytest
from scipy.stats import binom

from ualign_env import Population, Scenario, TooLargeError, choice_shares, load_scenario, robust_win_rate, score_samples

USERS = load_scenario("impartial/responses:5/users:40").populations[0]


def drawn(policy, runs, k, seed=0):
    return np.random.default_rng(seed).choice(len(policy), (runs, k), p=policy)


def test_the_rate_is_that_of_the_empirical_distribution():
    shown = drawn([0.4, 0.3, 0.1, 0.1, 0.1], 60, 2)
    found = score_samples(USERS, shown, l=2, rng=0)
    pairs = [(y, z) for y in range(5) for z in range(y, 5)]
    lost = [np.mean([choice_shares(USERS, [*row, *pair])[2:].sum() for row in shown]) for pair in pairs]
    assert found.robust_win_rate == pytest.approx(1 - max(lost))
    assert found.best_responses == (pairs[int(np.argmax(lost))],)
    assert found.interval[0] <= found.robust_win_rate <= found.interval[1]
    assert (found.k, found.l, found.n_samples) == (2, 2, 60)


def test_many_samples_come_close_to_the_policy_and_the_interval_narrows():
    policy = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    exact = robust_win_rate(USERS, policy, 3)
    widths = []
    for runs in (100, 10_000):
        found = score_samples(USERS, drawn(policy, runs, 3), rng=1)
        assert abs(found.robust_win_rate - exact) < 3 * (found.interval[1] - found.interval[0])
        widths.append(found.interval[1] - found.interval[0])
    assert abs(found.robust_win_rate - exact) < 0.01
    assert 5 < widths[0] / widths[1] < 20  # as one over the square root of 100


def test_intervals_cover_what_they_should_and_halves_are_not_below():
    policy = np.full(5, 0.2)
    exact = robust_win_rate(USERS, policy, 2)
    found = [score_samples(USERS, drawn(policy, 200, 2, seed), n_bootstrap=200, rng=seed) for seed in range(100)]
    covered = np.mean([card.interval[0] <= exact <= card.interval[1] for card in found])
    assert 0.9 < covered <= 1
    plain = np.mean([card.robust_win_rate for card in found])
    halves = np.mean([card.split_half_rate for card in found])
    assert plain < halves
    assert halves > exact - 0.005


def test_intervals_cover_where_many_opponents_are_equally_good():
    """The uniform policy is the equilibrium of the cycle, against which all hundred responses do equally well."""
    users = load_scenario("cycle/responses:100").populations[0]
    samples = [drawn(np.full(100, 0.01), 20, 2, seed) for seed in range(100)]
    found = [score_samples(users, shown, n_bootstrap=200, rng=seed) for seed, shown in enumerate(samples)]
    assert np.mean([card.interval[0] <= 2 / 3 <= card.interval[1] for card in found]) > 0.9
    for card in found:
        assert card.interval[0] <= card.robust_win_rate <= card.interval[1]
    # the ordinary interval is the broken twin: its upper end is too low
    highs = [card.interval[1] - (card.split_half_rate - card.robust_win_rate) for card in found]
    assert np.mean([card.interval[0] <= 2 / 3 <= high for card, high in zip(found, highs, strict=True)]) < 0.85


def test_the_minimum_over_opponents_is_biased_where_all_are_equally_good():
    """All responses do equally well against the uniform policy: any excess is luck."""
    users = load_scenario("cycle/responses:30").populations[0]
    shown = drawn(np.full(30, 1 / 30), 40, 2)
    found = score_samples(users, shown, rng=0)
    assert found.robust_win_rate < 2 / 3 - 0.01
    assert found.split_half_rate > found.robust_win_rate + 0.02


def test_correlated_outputs_are_seen():
    """Showing order and prices together reaches 0.734, more than any two independent samples."""
    found = score_samples("german-goals", [[0, 2]] * 10, rng=0)
    assert found.robust_win_rate == pytest.approx(0.7340848806366047)
    assert found.robust_win_rate > 2 / 3
    assert found.interval == pytest.approx((found.robust_win_rate,) * 2)
    assert found.split_half_rate == pytest.approx(found.robust_win_rate)


def test_prompts_are_averaged_by_their_probability(unequal_scenario):
    shown = np.zeros((3, 4, 2), int)
    found = score_samples(unequal_scenario, shown, rng=0)
    assert found.robust_win_rate == pytest.approx(unequal_scenario.probabilities @ found.prompt_win_rates)
    alone = [score_samples(population, shown[0]).robust_win_rate for population in unequal_scenario.populations]
    np.testing.assert_allclose(found.prompt_win_rates, alone, rtol=1e-12)


# two prompts of chances 1/4 and 3/4: the cycle, and halves with opposite rankings
TWO_PROMPTS = Scenario(
    [Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 0, 1]]), Population.from_rankings([[0, 1], [1, 0]])],
    probabilities=[0.25, 0.75],
)


def test_unequal_prompts_by_hand():
    # always 0 and 1: of the cycle's three users 2 wins one and 0 half of two; of the halves both win half of one
    found = score_samples(TWO_PROMPTS, [[[0, 1]] * 4] * 2, rng=0)
    rate = 0.25 * (2 / 3) + 0.75 * (3 / 4)
    np.testing.assert_allclose(found.prompt_win_rates, [2 / 3, 3 / 4])
    for same in (found.robust_win_rate, found.split_half_rate, *found.interval):
        assert same == pytest.approx(rate)


def test_halves_of_odd_size_by_hand():
    # The cycle's responses once each, so that every split is like {0} and {1, 2}. Against {0}, 2 earns most, and from
    # {1, 2} it earns (1/3 + 1/2) / 2; against {1, 2}, 1 earns most, (1/2 + 2/3) / 2, and from {0} it earns 1/3.
    shown = [[[0], [1], [2]], [[0]] * 3]
    halves = 1 - (5 / 12 + 1 / 3) / 2
    assert score_samples(TWO_PROMPTS.populations[0], shown[0], rng=0).split_half_rate == pytest.approx(halves)
    found = score_samples(TWO_PROMPTS, shown, rng=0)
    assert found.split_half_rate == pytest.approx(0.25 * halves + 0.75 * 0.5)


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_intervals_are_those_of_the_binomial_distribution(confidence):
    # A user who prefers 0 to 1 is won from 1 always and from 0 half of the time, by 0: the rate is half the share of
    # runs that show 0, here 20 of 100.
    shown = [[0]] * 20 + [[1]] * 80
    users = Population.from_rankings([[0, 1]])
    found = score_samples(users, shown, confidence=confidence, n_bootstrap=20_000, rng=0)
    high, low = binom.ppf([(1 + confidence) / 2, (1 - confidence) / 2], 100, 0.2) / 200
    np.testing.assert_allclose(found.interval, [0.2 - high, 0.2 - low], rtol=0, atol=0.0051)
    assert found.split_half_rate == pytest.approx(0.1)


def test_seeds():
    shown = drawn(np.full(5, 0.2), 50, 2)
    one, same, other = (score_samples(USERS, shown, rng=seed) for seed in (1, np.random.default_rng(1), 2))
    assert one == same != other


@pytest.mark.parametrize(
    ("samples", "settings", "message"),
    [
        ([[0, 5], [0, 1]], {}, "samples hold response 5 to 'prompt 0', but it has 5 responses"),
        ([[0, -1], [0, 1]], {}, "samples hold response -1"),
        ([[0, 1]], {}, r"shape \(1, 1, 2\), but must be at least two times at least one"),
        ([0, 1], {}, r"samples are int64 of shape \(2,\), but must be integers of shape \[P, M, k\] with P = 1"),
        ([[0.0, 1.0], [0.0, 1.0]], {}, "samples are float64"),
        ([[0, 1], [0]], {}, "samples must be a rectangular array"),
        ([[0, 1], [0, 1]], {"l": 0}, "l is 0"),
        ([[0, 1], [0, 1]], {"confidence": 1.5}, "confidence is 1.5"),
        ([[0, 1], [0, 1]], {"n_bootstrap": 0}, "n_bootstrap is 0"),
    ],
)
def test_wrong_arguments(samples, settings, message):
    with pytest.raises(ValueError, match=message):
        score_samples(USERS, samples, **settings)


def test_too_many_opponents():
    users = Population.from_rankings([range(200)])
    with pytest.raises(TooLargeError, match=r"the opponent has 6\.87e7 multisets of 4 responses, too many to look at"):
        score_samples(users, np.zeros((2, 1), int), l=4)
