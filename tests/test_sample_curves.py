"""Models known by single samples: unbiased for every k, intervals that cover, and what is refused."""

from itertools import product

import numpy as np
import pytest

from ualign_env import Population, Scenario, load_scenario, robust_win_rate, sample_curve, solve, win_rate_curve
from ualign_env.users.base import Users

TIED = Population.from_scores([[2, 1, 0], [0, 1, 1], [0, 0, 3], [1, 1, 1]], [4, 3, 2, 1])
USERS = load_scenario("impartial/responses:5/users:40").populations[0]


def said(policy, m, seed=0):
    return np.random.default_rng(seed).choice(len(policy), m, p=policy)


def test_every_k_is_unbiased():
    """The mean over all 4-tuples of samples, each with its chance, is what the policy itself loses to each opponent."""
    policy = np.array([0.5, 0.2, 0.3])
    mean = np.zeros((4, 3))
    for samples in product(range(3), repeat=4):
        mean += policy[list(samples)].prod() * sample_curve(TIED, samples, n_bootstrap=1, rng=0).losses[0]
    exact = [TIED.payoffs(policy, k) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(mean, exact, atol=1e-12)
    # its broken twin, drawn with replacement, is not
    biased = np.zeros(3)
    for samples in product(range(3), repeat=4):
        biased += policy[list(samples)].prod() * TIED.payoffs(np.bincount(samples, minlength=3) / 4, 3)
    assert abs(biased - exact[2]).max() > 0.01


@pytest.mark.parametrize("users", [TIED, USERS, Population.from_scores([[1.0]])], ids=repr)
def test_pools_are_what_enumeration_gives(users):
    rng = np.random.default_rng(1)
    pools = rng.multinomial(6, np.full(users.n_responses, 1 / users.n_responses), size=4)
    sizes = np.array([1, 2, 5, 6])
    np.testing.assert_allclose(users.pool_payoffs(pools, sizes), Users.pool_payoffs(users, pools, sizes), atol=1e-14)


def test_many_samples_come_close_to_the_curve():
    policy = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    curve = sample_curve(USERS, said(policy, 4000), [1, 2, 8, 32], rng=0, n_bootstrap=50)
    exact = [robust_win_rate(USERS, policy, k) for k in (1, 2, 8, 32)]
    np.testing.assert_allclose(curve.robust_win_rates, exact, atol=0.01)
    np.testing.assert_allclose(curve.split_half_rates, exact, atol=0.01)
    assert curve.optimum == pytest.approx([1 / 2, 2 / 3, 8 / 9, 32 / 33])
    assert (curve.sizes, curve.n_samples, curve.pools) == ((1, 2, 8, 32), (4000,), ((0, 1, 2, 3, 4),))


@pytest.mark.parametrize("spec", ["impartial/responses:5/users:40", "german-goals", "cycle/responses:20"])
def test_intervals_cover_what_they_should_and_halves_are_not_below(spec):
    users = load_scenario(spec).populations[0]
    policy, sizes = np.full(users.n_responses, 1 / users.n_responses), [1, 2, 4, 8, 16]
    exact = np.array([robust_win_rate(users, policy, k) for k in sizes])
    found = [sample_curve(users, said(policy, 20, s), sizes, n_bootstrap=200, rng=s) for s in range(100)]
    covered = np.array([(c.intervals[:, 0] <= exact + 1e-9) & (exact <= c.intervals[:, 1] + 1e-9) for c in found])
    assert (covered.mean(axis=0) > 0.85).all()
    halves = np.mean([c.split_half_rates[:4] for c in found], axis=0)
    assert (halves > exact[:4] - 0.01).all()
    assert (np.mean([c.robust_win_rates[:4] for c in found], axis=0) <= halves + 1e-12).all()


def test_intervals_of_a_model_that_nearly_always_says_the_same_cover():
    """Some responses are never among its samples: a bootstrap alone covers 0.76 of the time."""
    users = load_scenario("german-goals").populations[0]
    policy = 0.97 * np.eye(4)[users.favourites().argmax()] + 0.03 / 4
    exact = np.array([robust_win_rate(users, policy, k) for k in (1, 2, 4, 8)])
    samples = [said(policy, 64, s) for s in range(60)]
    ends = [sample_curve(users, row, [1, 2, 4, 8], n_bootstrap=200, rng=s).intervals for s, row in enumerate(samples)]
    low, high = np.moveaxis(np.array(ends), 2, 0)
    assert (((low <= exact) & (exact <= high)).mean(axis=0) > 0.9).all()
    scattered = [np.unique(row).size > 1 for row in samples]  # of the others nothing but a share is known
    assert (high - low)[scattered].mean(axis=0)[-1] < 0.2


@pytest.mark.parametrize("spec", ["german-goals", "impartial/responses:5/users:40", "cycle/responses:20"])
def test_no_policy_is_excluded_that_easily_says_the_same_twelve_times(spec):
    """A share of 0.26 for all else, on one response or spread over many, is not seen among 12 samples by chance."""
    users, sizes, rng = load_scenario(spec).populations[0], [1, 2, 4], np.random.default_rng(0)
    low, high = sample_curve(users, [0] * 12, sizes, rng=0, n_bootstrap=50).intervals.T
    share, n = 1 - 0.025 ** (1 / 12), users.n_responses
    others = [*np.eye(n - 1), np.full(n - 1, 1 / (n - 1)), *rng.dirichlet(np.full(n - 1, 0.3), 100)]
    for row in others:
        rates = [robust_win_rate(users, np.concatenate([[1 - share], share * row]), k) for k in sizes]
        assert (low - 1e-9 <= rates).all(), row
        assert (rates <= high + 1e-9).all(), row


def test_intervals_of_prompts_with_few_and_many_samples_cover():
    """What a prompt of which there are few samples never said is not excluded by those of another."""
    users = load_scenario("german-goals").populations[0]
    scenario = Scenario([users, users], probabilities=[0.9, 0.1])
    policy = 0.9 * np.eye(4)[users.favourites().argmax()] + 0.1 / 4
    exact = [0.9 * robust_win_rate(users, policy, k) + 0.1 * robust_win_rate(users, [0.25] * 4, k) for k in (1, 2, 4)]
    covered = []
    for seed in range(60):
        samples = [said(policy, 10, seed), said([0.25] * 4, 1000, seed)]
        low, high = sample_curve(scenario, samples, [1, 2, 4], n_bootstrap=200, rng=seed).intervals.T
        covered.append((low <= exact) & (exact <= high))
    assert (np.mean(covered, axis=0) > 0.9).all()


def test_intervals_of_many_prompts_cover_and_are_not_much_too_wide():
    """Prompts are drawn from many, with few samples each; the opponent is given, so that no maximum is taken."""
    many, k = load_scenario("impartial/responses:5/users:20/prompts:300").populations, 2
    policy = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    exact = np.array([1 - users.payoffs(policy, k)[0] for users in many])
    covered, widths, rates = [], [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        chosen = rng.integers(0, 300, 30)
        scenario = Scenario([many[i] for i in chosen])
        samples = [rng.choice(5, 4, p=policy) for _ in chosen]
        curve = sample_curve(scenario, samples, [k], pool=[0], n_bootstrap=200, rng=seed)
        low, high = curve.intervals[0]
        covered.append(low <= exact.mean() <= high)
        widths.append(high - low)
        rates.append(curve.robust_win_rates[0])
    assert np.mean(covered) > 0.9
    assert np.mean(widths) < 1.4 * 3.92 * np.std(rates)


def test_one_sample_of_each_of_many_prompts_says_how_prompts_scatter():
    many = load_scenario("impartial/responses:5/users:20/prompts:200").populations
    exact = np.array([1 - users.payoffs(np.full(5, 0.2), 1)[0] for users in many])
    covered = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        chosen = rng.integers(0, 200, 12)
        samples = rng.integers(0, 5, (12, 1))
        curve = sample_curve(Scenario([many[i] for i in chosen]), samples, pool=[0], n_bootstrap=200, rng=seed)
        covered.append(curve.intervals[0, 0] <= exact.mean() <= curve.intervals[0, 1])
    assert np.mean(covered) > 0.88


def test_no_interval_exceeds_the_bound_or_says_more_than_its_samples():
    equilibrium = solve("german-goals", 2).policy[0]
    for seed in range(20):
        curve = sample_curve("german-goals", said(equilibrium, 8, seed), [1, 2, 4], rng=seed, n_bootstrap=50)
        assert (curve.intervals[:, 1] <= curve.optimum).all()
    same = sample_curve("german-goals", [0] * 12, [1, 2, 4], rng=0, n_bootstrap=50)
    assert (same.intervals[:, 1] - same.intervals[:, 0] > 0.1).all()
    assert same.advice is None


def test_large_samples_take_little_memory_and_powers_of_two():
    curve = sample_curve(USERS, said(np.full(5, 0.2), 1000), rng=0, n_bootstrap=20)
    assert curve.sizes == (*range(1, 65), 128, 256, 512, 1000)


def test_pools_that_loops_cannot_survive_are_refused():
    for pools, sizes in (
        ([[1, 0, 0, 0, 0], [400, 0, 0, 0, 0]], [1]),
        ([[1, 1, 0, 0, 0]], [5]),
        ([[1, 1, 0, 0, 0]], [0]),
        ([[2, -1, 0, 0, 0]], [1]),
    ):
        with pytest.raises(IndexError):
            USERS.pool_payoffs(np.array(pools), np.array(sizes))
    with pytest.raises(IndexError):
        USERS.pool_values(np.array([1, 0, 0, 0, 0]), np.array([3, 0, 0, 0, 0]), np.array([2]))


def test_the_worst_opponent_is_one_of_a_pool():
    samples = [0, 0, 1, 2, 2, 4]
    everyone, few = (sample_curve(USERS, samples, rng=0, pool=pool) for pool in (None, [3, 1, 3]))
    assert few.pools == ((1, 3),)
    np.testing.assert_array_equal(few.losses[0], everyone.losses[0][:, [1, 3]])
    np.testing.assert_allclose(few.robust_win_rates, 1 - few.losses[0].max(axis=1))
    assert (few.robust_win_rates >= everyone.robust_win_rates).all()


def test_prompts_may_be_ragged_and_count_by_their_probability():
    scenario = Scenario([USERS, TIED], probabilities=[0.25, 0.75])
    samples = [[0, 1, 2, 3, 4, 4], np.array([0, 2, 2, 1])]
    curve = sample_curve(scenario, samples, rng=0)
    assert (curve.sizes, curve.n_samples) == ((1, 2, 3, 4), (6, 4))
    alone = [
        sample_curve(users, row, [1, 2, 3, 4], rng=0).robust_win_rates
        for users, row in zip(scenario.populations, samples, strict=True)
    ]
    np.testing.assert_allclose(curve.robust_win_rates, 0.25 * alone[0] + 0.75 * alone[1])
    assert [one.shape for one in curve.losses] == [(4, 5), (4, 3)]


def test_samples_of_equal_seeds_are_equal_and_few_samples_say_so():
    first, again = (sample_curve(USERS, [0, 1, 1, 2], rng=3) for _ in range(2))
    np.testing.assert_array_equal(first.intervals, again.intervals)
    assert np.isnan(first.split_half_rates).tolist() == [False, False, True, True]
    assert first.intervals[2:, 1].tolist() == pytest.approx([3 / 4, 4 / 5])  # nothing is known but the bound
    assert first.to_dict()["split_half_rates"][2:] == [None, None]
    one = sample_curve(USERS, [2], rng=0)
    assert one.sizes == (1,)
    assert "from 1 sample of each prompt" in one.summary()
    assert "rough" in (one.advice or "")
    assert one.intervals[0, 0] < 0.1  # one sample says little
    assert one.intervals[0, 1] == 1 / 2


def test_the_summary_shows_powers_of_two_of_many():
    lines = sample_curve(USERS, said(np.full(5, 0.2), 50), rng=0, n_bootstrap=20).summary().splitlines()
    assert [line.split()[0] for line in lines] == ["k", "1", "2", "4", "8", "16", "32", "50", "from"]


def test_the_curve_of_the_equilibrium_is_that_of_its_samples():
    exact = win_rate_curve("german-goals", [2]).equilibria[0]
    found = sample_curve("german-goals", said(solve("german-goals", 2).policy[0], 2000), [2], rng=0)
    assert found.robust_win_rates[0] == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": [0, 5]}, "samples of 'prompt 0' hold 5, but it has 5 responses"),
        ({"samples": [0, -1]}, "samples of 'prompt 0' hold -1"),
        ({"samples": [0.5, 1]}, "must be at least one index of a response"),
        ({"samples": []}, "samples are of 0 prompts, but"),
        ({"samples": [[]]}, "must be at least one index"),
        ({"samples": [[0, 1], [1, 2]]}, "samples are of 2 prompts, but"),
        ({"samples": 3}, "samples is 3, but must be several"),
        ({"sizes": [0]}, "k is 0, but must be an integer of at least 1"),
        ({"sizes": [1, 4]}, "sizes are .1, 4., but must be from 1 to 3, the fewest samples of a prompt"),
        ({"sizes": []}, "sizes are .., but must be from 1 to 3"),
        ({"pool": [9]}, "pool of 'prompt 0' hold 9"),
        ({"confidence": 95}, "confidence is 95"),
        ({"n_bootstrap": 0}, "n_bootstrap is 0"),
        ({"rng": "a"}, "rng is 'a'"),
    ],
)
def test_what_makes_no_curve_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        sample_curve(**({"scenario": USERS, "samples": [0, 1, 2]} | change))
