import os
import subprocess
import sys
import threading
from fractions import Fraction

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from reference import ATOL

from ualign_env import (
    Mixture,
    Outputs,
    Population,
    TooLargeError,
    choice_shares,
    deviation_payoffs,
    exploitability,
    leave_one_out_payoffs,
    load_scenario,
    payoff_tensor,
    robust_win_rate,
)

GERMAN_GOALS = load_scenario("german-goals").populations[0]


@st.composite
def users_and_policies(draw, n_policies, **limits):
    users = draw(reference.users(**limits))
    return users, [draw(reference.distributions(users.n_responses)) for _ in range(n_policies)]


@given(users_and_policies(1), st.integers(1, 4))
def test_samples_of_one_policy_equal_brute_force(given_, k):
    users, (policy,) = given_
    np.testing.assert_allclose(
        deviation_payoffs(users.population(), policy, k), reference.deviation_payoffs(users, [policy] * k), atol=ATOL
    )


@given(users_and_policies(4), st.integers(1, 4))
def test_profiles_equal_brute_force(given_, k):
    users, policies = given_
    profile = policies[:k]
    population = users.population()
    np.testing.assert_allclose(
        deviation_payoffs(population, Outputs(profile), k), reference.deviation_payoffs(users, profile), atol=ATOL
    )
    if k > 1:
        for i, payoffs in enumerate(leave_one_out_payoffs(population, profile)):
            others = profile[:i] + profile[i + 1 :]
            np.testing.assert_allclose(payoffs, reference.deviation_payoffs(users, others), atol=ATOL)


@given(users_and_policies(3), st.integers(1, 3), st.lists(st.floats(0.1, 1), min_size=3, max_size=3))
def test_mixtures_equal_brute_force(given_, k, weights):
    users, policies = given_
    expected = sum(
        w * reference.deviation_payoffs(users, [policy] * k) for w, policy in zip(weights, policies, strict=True)
    )
    np.testing.assert_allclose(
        deviation_payoffs(users.population(), Mixture(policies, weights), k), expected / sum(weights), atol=ATOL
    )


def test_brute_force_tells_a_wrong_choice_rule():
    # the comparisons above must be able to fail: with the first of tied slots winning, they do
    users = reference.Users(((1, 1, 0), (0, 1, 2)), (0.5, 0.5))
    policy = np.array([0.2, 0.3, 0.5])
    right = deviation_payoffs(users.population(), policy, 2)
    wrong = reference.deviation_payoffs(users, [policy] * 2, rule=reference.shares_first_wins)
    assert np.abs(right - wrong).max() > 0.05


@given(users_and_policies(1, max_responses=8), st.sampled_from([1, 2, 5, 13, 14, 64, 1000, 10_000, 1_000_000]))
def test_identity_every_policy_earns_its_share_against_itself(given_, k):
    users, (policy,) = given_
    payoffs = deviation_payoffs(users.population(), policy, k)
    # A^k has the relative error of k roundings of A
    np.testing.assert_allclose(policy @ payoffs, 1 / (k + 1), rtol=1e-14 * (k + 10))


@given(users_and_policies(2, max_responses=6), st.sampled_from([1, 2, 3, 8, 50]), st.floats(0, 1))
def test_payoffs_and_exploitability_are_convex_in_the_policy(given_, k, share):
    users, (one, two) = given_
    population = users.population()
    average = share * one + (1 - share) * two
    between = deviation_payoffs(population, average, k)
    chord = share * deviation_payoffs(population, one, k) + (1 - share) * deviation_payoffs(population, two, k)
    assert (between <= chord + ATOL).all()
    errors = [exploitability(population, policy, k) for policy in (average, one, two)]
    assert errors[0] <= share * errors[1] + (1 - share) * errors[2] + ATOL


@given(users_and_policies(2, max_responses=6), st.sampled_from([1, 2, 3, 8, 50]))
def test_the_game_is_monotone(given_, k):
    users, (one, two) = given_
    population = users.population()
    change = deviation_payoffs(population, one, k) - deviation_payoffs(population, two, k)
    assert (one - two) @ change <= ATOL


def test_the_monotonicity_check_rejects_a_game_that_is_not():
    # payoffs that grow with a response's own probability, as where users like what everybody says
    one, two = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    population = Population.from_scores([[1, 1]])
    herding = [deviation_payoffs(population, policy, 2) + 0.1 * policy for policy in (one, two)]
    assert (one - two) @ (herding[0] - herding[1]) > 0.01


@pytest.mark.parametrize("p", [0.0, 5e-324, 1e-300, 1e-16, 1e-8, 1e-3, 0.3, 1.0])
@pytest.mark.parametrize("k", [1, 2, 13, 14, 64, 4096, 10_000])
def test_tiny_probabilities_are_exact(p, k):
    # Users prefer 1 to 0 and the rest of the policy is on 0: against k samples, response 1 is picked with probability
    # integral_0^1 ((1 - p) + t p)^k dt = (1 - (1 - p)^(k+1)) / ((k+1) p), here by expm1 and log1p
    population = Population.from_rankings([[1, 0]])
    expected = 1.0
    if 0 < p < 1:
        expected = -np.expm1((k + 1) * np.log1p(-p)) / ((k + 1) * p) if p > 1e-290 else 1.0
    elif p == 1:
        expected = 1 / (k + 1)
    np.testing.assert_allclose(deviation_payoffs(population, [1 - p, p], k)[1], expected, rtol=1e-15 * (k + 10))
    # and response 0, below which nothing lies: integral_0^1 (t (1 - p))^k dt
    expected = np.exp(k * np.log1p(-p)) / (k + 1) if p < 1 else 0.0
    np.testing.assert_allclose(deviation_payoffs(population, [1 - p, p], k)[0], expected, rtol=1e-14 * k, atol=1e-300)


@pytest.mark.parametrize("k", [14, 20, 64])
@pytest.mark.parametrize("ratio", [0.01, 0.1, 0.5, 0.99, 1.01, 2, 10])
def test_both_sides_of_the_branch_are_exact(k, ratio):
    # F lies below a response and p on it, k p / (F + p/2) = ratio; in rational arithmetic nothing cancels
    below = Fraction(1, 3)
    p = Fraction(ratio) * below / (k - Fraction(ratio) / 2)
    assert below + p < 1
    expected = ((below + p) ** (k + 1) - below ** (k + 1)) / ((k + 1) * p)
    policy = [float(below), float(p), float(1 - below - p)]
    population = Population.from_rankings([[2, 1, 0]])
    np.testing.assert_allclose(deviation_payoffs(population, policy, k)[1], float(expected), rtol=2e-15 * (k + 10))


@given(users_and_policies(1, min_responses=2), st.integers(14, 60))
def test_quotient_and_series_agree_with_quadrature(given_, k):
    users, (policy,) = given_
    population = users.population()
    # a profile of k equal policies goes through Gauss-Legendre quadrature instead
    quadrature = deviation_payoffs(population, Outputs(np.array([policy] * k)), k)
    np.testing.assert_allclose(deviation_payoffs(population, policy, k), quadrature, rtol=1e-12, atol=1e-15)


@given(users_and_policies(1, max_responses=5), st.randoms())
def test_neutral_responses_can_be_renamed(given_, random):
    users, (policy,) = given_
    order = random.sample(range(users.n_responses), users.n_responses)
    renamed = deviation_payoffs(users.population().restricted(order), policy[order], 3)
    np.testing.assert_allclose(renamed, deviation_payoffs(users.population(), policy, 3)[order], atol=ATOL)


# Check values, exact unless a tolerance is given


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("k", [1, 2, 3, 8, 64, 10_000])
def test_uniform_policy_is_optimal_on_the_cycle(n, k):
    # by symmetry all responses earn the same, and their mean is 1 / (k + 1)
    population = load_scenario(f"cycle/responses:{n}").populations[0]
    np.testing.assert_allclose(deviation_payoffs(population, np.full(n, 1 / n), k), 1 / (k + 1), rtol=1e-13 * k)


@pytest.mark.parametrize(("w", "p"), [(0.2, 0), (1 / 3, 0), (0.4, 0.2), (0.5, 0.5), (0.6, 0.8), (2 / 3, 1), (0.9, 1)])
def test_two_groups_equilibrium_for_two_samples(w, p):
    # The majority's response earns w (1 - (1-p)^3) / (3p) + (1-w) p^2 / 3, which is 1/3 where
    # p^2 - 3wp + 3w - 1 = (p - 1)(p + 1 - 3w) = 0: at p = 3w - 1, cut off at 0 and 1.
    population = load_scenario(f"two-groups/majority:{w}").populations[0]
    np.testing.assert_allclose(deviation_payoffs(population, [p, 1 - p], 2).max(), 1 / 3, atol=ATOL)


def test_random_dictatorship_of_two_groups():
    # users like 0 : 1 as 0.6 : 0.4; against two samples of (0.6, 0.4), response 0 is picked by the 60% with
    # probability (1 - 0.4^3) / (3 * 0.6) = 0.52 and by the 40% with 0.6^2 / 3 = 0.12: 0.6 * 0.52 + 0.4 * 0.12 = 0.36
    population = load_scenario("two-groups/majority:0.6").populations[0]
    np.testing.assert_allclose(robust_win_rate(population, [0.6, 0.4], 2), 0.64, atol=ATOL)


@pytest.mark.parametrize("k", [2, 3, 8, 64, 10_000])
def test_german_goals_nlhf(k):
    # prices is the Condorcet winner; order is preferred to it by 46.82 %, however many copies are shown
    np.testing.assert_allclose(robust_win_rate(GERMAN_GOALS, [0, 0, 1, 0], k), 0.5318, atol=5e-5)


@pytest.mark.parametrize(
    ("policy", "k", "rate"),
    [
        ([0.4442, 0, 0.5558, 0], 3, 0.75),
        ([0.4317, 0.0954, 0.4728, 0], 8, 8 / 9),
        (GERMAN_GOALS.favourites(), 3, 0.7141),
        ([0.25] * 4, 3, 0.6293),
    ],
)
def test_german_goals_rates(policy, k, rate):
    np.testing.assert_allclose(robust_win_rate(GERMAN_GOALS, np.array(policy) / np.sum(policy), k), rate, atol=5e-5)


# Shares and tensors


@given(reference.users(), st.data())
def test_shares_equal_the_definition_and_sum_to_exactly_one(users, data):
    slots = data.draw(st.lists(st.integers(0, users.n_responses - 1), min_size=1, max_size=6))
    shares = choice_shares(users.population(), slots)
    np.testing.assert_allclose(shares, reference.shares(users, slots), atol=ATOL)
    assert sum(shares.tolist()) == 1.0
    assert sum(shares.tolist()[::-1]) == 1.0
    assert (shares >= 0).all()


def test_shares_are_on_their_grid_by_hand():
    # 2^52 = 3 * 1501199875790165 + 1 = 11 * 409418147942772 + 4: the first of the largest takes the rest
    indifferent = Population.from_scores([[1]])
    shares_of_three = [1501199875790166, 1501199875790165, 1501199875790165]
    for slots, share, rest in ((3, 1501199875790165, 1), (11, 409418147942772, 4)):
        shares = choice_shares(indifferent, [0] * slots) * 2**52
        assert shares.tolist() == [share + rest] + [share] * (slots - 1)
    three = Population.from_rankings([[1, 0, 2, 3], [2, 0, 1, 3], [3, 2, 1, 0]])
    assert (choice_shares(three, [0, 1, 2, 3]) * 2**52).tolist() == [0, *shares_of_three]


def test_shares_keep_leading_axes():
    shares = choice_shares(GERMAN_GOALS, np.zeros((2, 5, 3), np.int8))
    assert shares.shape == (2, 5, 3)
    np.testing.assert_allclose(shares, 1 / 3)


@given(users_and_policies(3))
def test_payoff_tensor_contracts_to_payoffs(given_):
    users, (one, two, three) = given_
    population = users.population()
    tensor = payoff_tensor(population, 3)
    np.testing.assert_array_equal(tensor.sum(axis=0), 1.0)
    payoffs = leave_one_out_payoffs(population, [one, two, three])
    np.testing.assert_allclose(np.einsum("abc,b,c->a", tensor[0], two, three), payoffs[0], atol=ATOL)
    np.testing.assert_allclose(np.einsum("abc,a,c->b", tensor[1], one, three), payoffs[1], atol=ATOL)
    np.testing.assert_allclose(np.einsum("abc,a,b->c", tensor[2], one, two), payoffs[2], atol=ATOL)


# Threads and processes

_LARGE = """
import numpy as np
from ualign_env import load_scenario, deviation_payoffs, leave_one_out_payoffs, solve
population = load_scenario("euclidean/responses:40/users:12000").populations[0]
policy = np.random.default_rng(0).dirichlet(np.ones(40))
total = deviation_payoffs(population, policy, 20).tobytes() + population.pairwise().tobytes()
total += population.jacobian(policy, 20).tobytes()
total += population.restricted(range(9, 30)).ranks.tobytes()
total += solve(population, 8).policy.tobytes() + solve(population, 8, method="active-set").policy.tobytes()
print((total + leave_one_out_payoffs(population, [policy] * 4).tobytes()).hex())
"""


def test_results_do_not_depend_on_the_number_of_threads():
    outputs = [
        subprocess.run(
            [sys.executable, "-c", _LARGE],
            env=os.environ | {"NUMBA_NUM_THREADS": threads},
            capture_output=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "3")
    ]
    assert len(outputs[0]) > 1000
    assert outputs[0] == outputs[1] == outputs[2]


def test_callers_in_several_threads():
    population = load_scenario("euclidean/responses:40/users:12000").populations[0]
    policy = np.full(40, 1 / 40)
    expected = deviation_payoffs(population, policy, 9)
    results = [np.empty(0)] * 4

    def call(i):
        results[i] = deviation_payoffs(population, policy, 9)

    callers = [threading.Thread(target=call, args=(i,)) for i in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
def test_forked_processes_go_on_computing():
    code = _LARGE + "import os, sys\npid = os.fork()\nif pid == 0:\n    deviation_payoffs(population, policy, 20)\n"
    code += "    os._exit(0)\nsys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


# Bad input


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (np.full(5, 0.2), "policy has 5 entries, but the scenario has 4 responses"),
        ([[1, 0, 0]], r"policy has shape \(1, 3\), but the scenario has 1 prompt and 4 responses: expected shape"),
        ([0.5, 0.5, 0.5, -0.5], r"policy\[3\] is -0.5, but probabilities must not be negative"),
        ([0.5, 0.5, 0, 2e-6], "policy sums to 1.000002, but must sum to 1"),
        ([0, 0, 0, 0], "policy sums to 0"),
        ([np.nan, 1, 0, 0], r"policy\[0\] is nan"),
        ("unifrom", "unknown policy 'unifrom'; did you mean 'uniform'"),
    ],
)
def test_bad_policies(policy, message):
    with pytest.raises(ValueError, match=message):
        deviation_payoffs(GERMAN_GOALS, policy, 2)


@pytest.mark.parametrize("k", [0, -1, 1.0, 2.5, "2", True, None, 10**9])
def test_bad_k(k):
    with pytest.raises(ValueError, match=r"k is .*, but must be an integer from 1 to 1000000"):
        deviation_payoffs(GERMAN_GOALS, [0.25] * 4, k)


def test_sums_within_the_tolerance_are_renormalised():
    nearly = np.array([0.25, 0.25, 0.25, 0.2500005])
    np.testing.assert_allclose(deviation_payoffs(GERMAN_GOALS, nearly, 10_000) @ (nearly / nearly.sum()), 1 / 10_001)


def test_bad_profiles_mixtures_slots_and_players():
    with pytest.raises(ValueError, match=r"players has shape \(2, 1, 3\)"):
        leave_one_out_payoffs(GERMAN_GOALS, np.full((2, 3), 1 / 3))
    for few in ([], [0.25] * 4, [[0.25] * 4]):
        with pytest.raises(ValueError, match=r"policies have shape .*, but must be those of at least 2 players"):
            leave_one_out_payoffs(GERMAN_GOALS, few)
    with pytest.raises(ValueError, match="there are 2 outputs, but must be 3"):
        deviation_payoffs(GERMAN_GOALS, Outputs(np.full((2, 4), 0.25)), 3)
    with pytest.raises(ValueError, match="weights has 1 entries, but there are 2 policies"):
        deviation_payoffs(GERMAN_GOALS, Mixture(np.full((2, 4), 0.25), [1]), 2)
    with pytest.raises(ValueError, match="slots hold response 4, but the population has 4 responses"):
        choice_shares(GERMAN_GOALS, [0, 4])
    with pytest.raises(ValueError, match="slots hold response -1"):
        choice_shares(GERMAN_GOALS, [0, -1])
    with pytest.raises(ValueError, match="slots must hold at least one response index"):
        choice_shares(GERMAN_GOALS, [0.5])
    with pytest.raises(ValueError, match="players is 1, but must be an integer of at least 2"):
        payoff_tensor(GERMAN_GOALS, 1)
    with pytest.raises(TooLargeError, match=r"25 players with 4 responses have a tensor of 2\.81e16 entries"):
        payoff_tensor(GERMAN_GOALS, 25)
    with pytest.raises(TooLargeError, match="70 players with 1 responses"):
        payoff_tensor(Population.from_scores([[1]]), 70)
    with pytest.raises(TooLargeError, match=r"10{30} players with 4 responses have a tensor of 1\.00e60205999"):
        payoff_tensor(GERMAN_GOALS, 10**30)
    with pytest.raises(ValueError, match="outputs has 1002 policies, but at most 1001"):
        deviation_payoffs(GERMAN_GOALS, Outputs(np.full((1002, 4), 0.25)), 1002)
    with pytest.raises(ValueError, match="expected a Scenario, a Population or other Users, a spec or a path, not 3"):
        deviation_payoffs(3, [1], 2)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="unknown prompt 'prompt 2'; did you mean 'prompt 1'"):
        choice_shares("cycle/prompts:2", [[0, 1]], prompt="prompt 2")
    named, numbered = (choice_shares("mallows/prompts:2", [[0, 1]], prompt=x) for x in ("prompt 1", 1))
    np.testing.assert_array_equal(named, numbered)
    with pytest.raises(ValueError, match="the scenario has 2 prompts, each a game of its own: choose one by prompt="):
        choice_shares("cycle/prompts:2", [0, 1])
    with pytest.raises(ValueError, match="policy has masked entries"):
        deviation_payoffs(GERMAN_GOALS, np.ma.masked_equal([0.25, 0.25, 0.5, 0.0], 0.5), 2)
    with pytest.raises(ValueError, match="must be a rectangular array of numbers"):
        deviation_payoffs(GERMAN_GOALS, np.full(4, 0.25 + 1j), 2)
