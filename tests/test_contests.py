"""k responses against l: chances against brute force over all tuples, and the search for the best multiset."""

from fractions import Fraction
from itertools import combinations, combinations_with_replacement, product
from math import comb, factorial
from typing import Any

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from ualign_env import (
    JointPolicy,
    Mixture,
    Players,
    Population,
    Scenario,
    SharedPolicy,
    TooLargeError,
    best_responses,
    deviation_payoffs,
    load_scenario,
    robust_win_rate,
    score,
    solve,
    win_rate,
)
from ualign_env._multisets import multisets
from ualign_env.solvers.best_responses import respond
from ualign_env.users import Contest, Users
from ualign_env.users.rankings import set_loops
from ualign_env.users.rankings.contests import RankingContest

METHODS: list[Any] = ["enumeration", "milp", "greedy"]


def brute(users: reference.Users, policies: list[np.ndarray], shown: tuple[int, ...]) -> float:
    """Returns the chance that one of the opponent's responses is picked against one draw from each policy."""
    total = 0.0
    for drawn in product(range(users.n_responses), repeat=len(policies)):
        chance = float(np.prod([policy[y] for policy, y in zip(policies, drawn, strict=True)]))
        if chance:
            total += chance * reference.shares(users, (*shown, *drawn))[: len(shown)].sum()
    return total


def samples(population: Users, policy: np.ndarray, k: int) -> Contest:
    return population.against_samples(policy[None, :] / policy.sum(), np.ones(1), k)


def multinomial(population: Population, policy: np.ndarray, k: int) -> Contest:
    """Returns k independent samples of a policy as a distribution over multisets."""
    sets = multisets(population.n_responses, k)
    counts = [np.bincount(row, minlength=population.n_responses) for row in sets]
    ways = [factorial(k) / np.prod([float(factorial(c)) for c in row]) for row in counts]
    chances = np.array([w * np.prod(policy**row) for w, row in zip(ways, counts, strict=True)])
    return population.against_sets(sets, chances / chances.sum())


@st.composite
def games(draw: st.DrawFn) -> tuple[reference.Users, np.ndarray, int, int]:
    users = draw(reference.users(max_responses=3, max_users=3))
    return users, draw(reference.distributions(users.n_responses)), draw(st.integers(1, 3)), draw(st.integers(1, 3))


@given(games())
def test_chances_are_brute_force_for_every_kind_of_model(game):
    users, policy, k, l = game
    population = users.population()
    sets = multisets(users.n_responses, l)
    expected = [brute(users, [policy] * k, tuple(row)) for row in sets.tolist()]
    contests: list[Contest] = [
        samples(population, policy, k),
        population.against_outputs(np.tile(policy / policy.sum(), (k, 1))),
        multinomial(population, policy / policy.sum(), k),
    ]
    for model in contests:
        np.testing.assert_allclose(model.values(sets), expected, rtol=0, atol=reference.ATOL)
        np.testing.assert_allclose([model.value(row) for row in sets], expected, rtol=0, atol=reference.ATOL)
    np.testing.assert_allclose(win_rate(population, policy, k, sets[-1]), 1 - expected[-1], atol=reference.ATOL)


@given(games(), st.data())
def test_chances_against_policies_and_samples(game, data):
    users, policy, k, l = game
    population = users.population()
    other = data.draw(reference.distributions(users.n_responses))
    # one output of each of two policies
    outputs = population.against_outputs(np.array([policy / policy.sum(), other / other.sum()]))
    sets = multisets(users.n_responses, l)
    expected = [brute(users, [policy, other], tuple(row)) for row in sets.tolist()]
    np.testing.assert_allclose(outputs.values(sets), expected, rtol=0, atol=reference.ATOL)
    # an opponent who draws
    drawn = product(range(users.n_responses), repeat=l)
    chance = sum(np.prod(other[list(row)]) * brute(users, [policy] * k, row) for row in drawn)
    np.testing.assert_allclose(win_rate(population, policy, k, other, l), 1 - chance, rtol=0, atol=reference.ATOL)


@given(games())
def test_the_best_multiset_is_found(game):
    users, policy, k, l = game
    population = users.population()
    every = [brute(users, [policy] * k, row) for row in combinations_with_replacement(range(users.n_responses), l)]
    for model in (samples(population, policy, k), multinomial(population, policy / policy.sum(), k)):
        for method in METHODS:
            found = respond(model, l, method)
            np.testing.assert_allclose(found.value, brute(users, [policy] * k, found.responses), atol=reference.ATOL)
            assert len(found.responses) == l
            assert list(found.responses) == sorted(found.responses)
            assert found.upper_bound >= max(every) - 1e-9
            if method == "greedy":
                assert found.value >= (1 - 1 / np.e) * max(every) - 1e-12
                assert not found.optimal or found.value >= max(every) - 1e-9
            else:
                assert (found.optimal, found.method) == (True, method)
                np.testing.assert_allclose(found.value, max(every), rtol=0, atol=1e-9)


@given(games())
def test_one_response_is_the_symmetric_game(game):
    users, policy, k, _ = game
    population = users.population()
    payoffs = deviation_payoffs(population, policy, k)
    np.testing.assert_allclose(
        samples(population, policy, k).values(multisets(users.n_responses, 1)), payoffs, atol=1e-12
    )
    assert best_responses(population, policy, k, 1).value == pytest.approx(payoffs.max(), abs=1e-12)
    for y in range(users.n_responses):
        assert win_rate(population, policy, k, y) == pytest.approx(1 - payoffs[y], abs=1e-12)


@given(reference.users(max_responses=4, max_users=4), st.integers(1, 6), st.integers(1, 4))
@settings(max_examples=50)
def test_equilibria_hold_every_opponent_to_the_union_bound(users, k, l):
    policy = solve(users.population(), k).policy
    assert robust_win_rate(users.population(), policy, k, l) >= (k + 1 - l) / (k + 1) - 1e-8


def test_broken_twin_of_the_union_bound():
    """NLHF on the German goals is no equilibrium for k = 3, and does not keep to it."""
    card = score("german-goals", [0, 0, 1, 0], 3, l=2)
    assert card.robust_win_rate < card.optimal_rate == 0.5


@pytest.mark.parametrize("c", [1, 2, 3, 7, 50, 500])
@pytest.mark.parametrize("k", [1, 2, 5, 64, 65, 150])
@pytest.mark.parametrize("q", [0.0, 1e-30, 1e-16, 1e-9, 1e-4, 0.01, 0.3, 0.9, 0.999999, 1.0])
def test_shares_of_ties_are_those_of_the_binomial_sum(q, k, c):
    exact = Fraction(q)
    total = sum(comb(k, j) * exact**j * (1 - exact) ** (k - j) * Fraction(c, c + j) for j in range(k + 1))
    np.testing.assert_allclose(set_loops.tied_share(q, k, c), float(total), rtol=1e-12)


@pytest.mark.parametrize("c", [1, 2, 8, 100, 500])
@pytest.mark.parametrize("mean", [1e-9, 0.3, 7.0, 90.0, 510.0, 5e4])
def test_shares_of_ties_of_a_million_samples(mean, c):
    k = 1_000_000
    # Poisson-like: the recurrence in k, exact but slow
    share, q = 1.0, mean / k
    for j in range(1, k + 1):
        share = (c + j * (1 - q) * share) / (c + j)
    np.testing.assert_allclose(set_loops.tied_share(q, k, c), share, rtol=1e-9)


def test_cycle_by_hand():
    """Three users a>b>c, b>c>a, c>a>b; the model shows a, which b takes user 2 from, and c users 2 and 3."""
    users = load_scenario("cycle").populations[0]
    assert win_rate(users, [1, 0, 0], 1, 1) == pytest.approx(2 / 3)
    assert win_rate(users, [1, 0, 0], 1, 2) == pytest.approx(1 / 3)
    # {a, a} has two of three equal slots; {b, c} takes users 2 and 3; {b, b} only user 2
    assert win_rate(users, [1, 0, 0], 1, [0, 0]) == pytest.approx(1 / 3)
    assert win_rate(users, [1, 0, 0], 1, [1, 2]) == pytest.approx(1 / 3)
    assert win_rate(users, [1, 0, 0], 1, [1, 1]) == pytest.approx(2 / 3)


def product_election() -> Population:
    """Users (i, j), i in 0..2, j in 0..4: blocks i, i+1, i+2 (mod 3) of responses, in each j, ..., j+4 (mod 5)."""
    rankings = [
        [5 * ((i + b) % 3) + (j + r) % 5 for b in range(3) for r in range(5)] for i in range(3) for j in range(5)
    ]
    return Population.from_rankings(rankings)


def test_fixed_committees_stall_where_samples_do_not():
    users = product_election()
    singles = multisets(15, 1)
    for size, best in ((1, 3), (2, 7), (3, 11), (4, 11), (5, 11)):
        committees = np.array(list(combinations(range(15), size)))
        lost = users.matrix(committees, singles)
        outside = np.array([[y not in row for y in range(15)] for row in committees.tolist()])
        worst = (1 - np.where(outside, lost, -np.inf).max(axis=1)).max()
        np.testing.assert_allclose(worst, best / 15, rtol=0, atol=1e-12)
    for k in (1, 2, 3, 8):
        np.testing.assert_allclose(deviation_payoffs(users, np.full(15, 1 / 15), k), 1 / (k + 1), rtol=0, atol=1e-12)


def test_mixtures_and_users_in_ranges(monkeypatch):
    scenario = load_scenario("impartial/responses:5/users:40")
    policies = np.random.default_rng(0).dirichlet(np.ones(5), 3)
    mixture = Mixture(policies, [1, 2, 3])
    expected = np.average([robust_pair(scenario, policy) for policy in policies], axis=0, weights=[1, 2, 3])
    model = reference.population("impartial/responses:5/users:40")
    found = score(scenario, mixture, 2, l=2)
    assert found.robust_win_rate == pytest.approx(1 - expected.max(), abs=1e-12)
    whole: Any = samples(model, policies[0], 2)
    sets = multisets(5, 3)
    values, gains = whole.values(sets), RankingContest.gains(whole, [2, 2, 4], 2)
    monkeypatch.setattr("ualign_env.users.rankings.contests._MAX_TIERS", 50)
    np.testing.assert_allclose(whole.values(sets), values, rtol=0, atol=1e-14)
    np.testing.assert_allclose(RankingContest.gains(whole, [2, 2, 4], 2), gains, rtol=0, atol=1e-14)
    np.testing.assert_allclose(whole.gains([2, 2, 4], 2), gains, rtol=0, atol=1e-12)
    np.testing.assert_allclose(Contest.gains(whole, [2, 2, 4], 2), gains, rtol=0, atol=1e-12)


def test_many_users_in_ranges_are_all_counted():
    # users are added up in ranges of 512, and the last of three is not full
    rng = np.random.default_rng(0)
    users = Population.from_scores(rng.integers(0, 5, (2_000, 6)), rng.random(2_000) + 0.1)
    assert users.n_types > 1_100
    assert users.n_types % 512
    one, other = rng.dirichlet(np.ones(6), 2)
    sets = multisets(6, 2)
    best = users.ranks[:, sets].min(axis=2)
    copies = (users.ranks[:, sets] == best[:, :, None]).sum(axis=2)
    below, tied = (
        [(compare(users.ranks[:, None, :], best[:, :, None])).astype(float) @ policy for policy in (one, other)]
        for compare in (np.greater, np.equal)
    )
    half, third = copies / (copies + 1), copies / (copies + 2)

    def pair(i, j):  # c times the integral of t^(c-1) (F_i + t p_i) (F_j + t p_j)
        return users.weights @ (
            below[i] * below[j] + half * (below[i] * tied[j] + tied[i] * below[j]) + third * tied[i] * tied[j]
        )

    mixture = users.against_samples(np.array([one, other]), np.array([0.3, 0.7]), 2)
    sampled, outputs = 0.3 * pair(0, 0) + 0.7 * pair(1, 1), pair(0, 1)
    np.testing.assert_allclose(mixture.values(sets), sampled, rtol=1e-12)
    np.testing.assert_allclose([mixture.value(row) for row in sets], sampled, rtol=1e-12)
    np.testing.assert_allclose(users.against_outputs(np.array([one, other])).values(sets), outputs, rtol=1e-12)
    ways = np.where(sets[:, 0] == sets[:, 1], 1, 2) * other[sets].prod(axis=1)
    np.testing.assert_allclose(users.sampled_value(one, 2, other, 2), ways @ pair(0, 0), rtol=1e-12)

    alone = [mixture.value([y]) for y in range(6)]
    for y in range(6):
        for gains in (mixture.gains([y], 1), RankingContest.gains(mixture, [y], 1)):
            more = [mixture.value([y, z]) - alone[y] for z in range(6)]
            np.testing.assert_allclose(gains[0], more, rtol=0, atol=1e-12)

    ranks = users.ranks[:, [*sets[3], *sets[16]]]
    picked = ranks == ranks.min(axis=1, keepdims=True)
    losses = users.weights @ (picked[:, 2:].sum(axis=1) / picked.sum(axis=1))
    np.testing.assert_allclose(users.matrix(sets, sets)[3, 16], losses, rtol=1e-12)
    np.testing.assert_allclose(users.against_sets(sets[[3]], np.ones(1)).value(sets[16]), losses, rtol=1e-12)


def robust_pair(scenario, policy):
    return samples(scenario.populations[0], policy, 2).values(multisets(5, 2))


def test_large_searches_are_greedy_and_say_so():
    users = load_scenario("impartial/responses:60/users:300").populations[0]
    policy = np.full(60, 1 / 60)
    found = best_responses(users, policy, 3, 8)
    assert (found.method, found.optimal) == ("greedy", False)
    assert found.value < found.upper_bound <= found.value / (1 - (7 / 8) ** 8)
    with pytest.warns(UserWarning, match=r"the worst 8 responses were sought by greedy: the rate is in \[0\.\d"):
        robust_win_rate(users, policy, 3, 8)
    card = score(users, policy, 3, l=8, curve=[3])
    assert card.opponent_method == "greedy"
    assert card.proven_rate < card.robust_win_rate == pytest.approx(1 - found.value)


def hated(likes: list[list[int]], n: int) -> Contest:
    """Returns the contest with a model that shows the last of n responses, which users like less than some others."""
    scores = [[2 * (y in liked) + (y == n - 1) for y in range(n)] for liked in likes]
    return Population.from_scores(scores).against_samples(np.eye(n)[None, n - 1], np.ones(1), 999)


def test_greedy_by_hand_where_it_is_not_the_best():
    # response 0 wins four of seven users, 1 and 2 three each and together six; then the seventh likes the model's
    model = hated([[1], [0, 1], [0, 1], [2], [0, 2], [0, 2], []], 4)
    found = respond(model, 2, "greedy")
    assert found.responses == (0, 1)
    assert found.value == pytest.approx(5 / 7)
    # response 2 would add a user, and a copy of the model's own a thousandth of the two users who are left
    assert found.upper_bound == pytest.approx(6 / 7 + 2 / 7 / 1000)
    assert not found.optimal
    assert respond(model, 2, "enumeration").value == pytest.approx(6 / 7)


@pytest.mark.parametrize(("l", "bound"), [(2, 2 / 6 / (3 / 4)), (3, 3 / 6 / (19 / 27))])
def test_greedy_is_within_its_share_of_the_best(l, bound):
    # six users with a response each: more of them would add as much as the first, which the other bound rules out
    model = hated([[y] for y in range(6)], 7)
    found = respond(model, l, "greedy")
    assert found.value == pytest.approx(l / 6)
    assert found.upper_bound == pytest.approx(bound)


def test_nothing_is_picked_more_often_than_always():
    # 0 and 1 win eight of ten users; 2 and 3 would win the two others, each of them
    model = hated([[0]] * 5 + [[1]] * 3 + [[2, 3]] * 2, 5)
    found = respond(model, 2, "greedy")
    assert found.value == pytest.approx(0.8)
    assert found.upper_bound == 1.0
    assert best_responses(Population.from_scores([[1, 0]]), [0, 1], 3, 2, "greedy").optimal


@pytest.mark.parametrize(("weights", "optimal"), [([9, 1], False), ([9999, 1], True)])
def test_what_is_proven_is_proven_to_a_billionth(weights, optimal):
    # all but a few like 0, and then the model's own response wins these once in a million; so would two copies more
    users = Population.from_rankings([[0, 1], [1, 0]], weights)
    found = respond(users.against_samples(np.array([[0.0, 1.0]]), np.ones(1), 999_999), 2, "greedy")
    assert found.responses == (0, 1)
    assert found.certificate == pytest.approx(2e-6 / sum(weights), rel=1e-4)
    assert found.optimal == optimal


def test_copies_gain_less_each_time_and_bound_what_is_left():
    # l copies of what all like best have l of l + 1 slots, so that 3/4 is all there is; a fourth copy would add 1/20,
    # and others after it no more than a fifth, 1/30
    model = samples(Population.from_scores([[1, 0]]), np.array([1.0, 0.0]), 1)
    found = respond(model, 3, "greedy")
    assert found.value == pytest.approx(3 / 4)
    assert found.upper_bound == pytest.approx(3 / 4 + 1 / 20 + 2 / 30)
    assert not found.optimal


def test_exact_is_enumeration_or_an_integer_program(monkeypatch):
    users = load_scenario("impartial/responses:6/users:20").populations[0]
    policy = np.full(6, 1 / 6)
    enumerated = best_responses(users, policy, 2, 3, "exact")
    monkeypatch.setattr("ualign_env._multisets.MAX_SETS", 10)
    programmed = best_responses(users, policy, 2, 3, "exact")
    assert (enumerated.method, programmed.method) == ("enumeration", "milp")
    assert enumerated.optimal
    assert programmed.optimal
    assert programmed.value == pytest.approx(enumerated.value, abs=1e-9)


def test_the_method_follows_from_the_size(monkeypatch):
    # 20 users, 6 responses, l = 3: 56 multisets, 56 * 3 * 20 looks, 20 * 6 * 3 cells, 20 * 6 * 6 * 3 of a program
    users = load_scenario("impartial/responses:6/users:20").populations[0]
    assert users.n_types == 20
    model = samples(users, np.full(6, 1 / 6), 2)
    module = "ualign_env.solvers.best_responses"
    for limit, most in (
        ("ualign_env._multisets.MAX_SETS", 56),
        ("ualign_env._multisets.MAX_CELLS", 168),
        (f"{module}._MAX_LOOKS", 3360),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(limit, most)
            assert respond(model, 3).method == respond(model, 3, "exact").method == "enumeration"
            patch.setattr(limit, most - 1)
            assert respond(model, 3).method == respond(model, 3, "exact").method == "milp"
    monkeypatch.setattr(f"{module}._MAX_LOOKS", 0)
    for limit, most in (("_MAX_CELLS", 360), ("MAX_PROGRAM", 2160)):
        with monkeypatch.context() as patch:
            patch.setattr(f"{module}.{limit}", most)
            assert respond(model, 3).method == "milp"
            patch.setattr(f"{module}.{limit}", most - 1)
            assert respond(model, 3).method == "greedy"
            if limit == "MAX_PROGRAM":
                with pytest.raises(TooLargeError, match="the integer program of 20 users, 6 responses and l = 3"):
                    respond(model, 3, "exact")


def test_scorecards_against_several_responses(unequal_scenario):
    policy = np.array([[0.5, 0.25, 0.25], [1, 0, 0], [0.6, 0.4, 0]])
    card = score(unequal_scenario, policy, 2, l=2)
    assert (card.l, card.opponent_method, card.proven_rate) == (2, "enumeration", card.robust_win_rate)
    assert [len(responses) for responses in card.best_responses] == [2, 2, 2]
    assert card.optimal_rate == pytest.approx(1 / 3)
    for x, (population, responses) in enumerate(zip(unequal_scenario.populations, card.best_responses, strict=True)):
        own = policy[x, : population.n_responses]
        assert win_rate(population, own, 2, responses) == pytest.approx(card.prompt_win_rates[x])
    assert "against 2 responses" in str(card)
    assert score(unequal_scenario, policy, 2).opponent_method == "closed form"


def test_as_many_samples_as_are_allowed(monkeypatch):
    # everybody shows the same, so that all slots are alike
    monkeypatch.setattr("ualign_env.payoffs.MAX_SAMPLES", 20)
    assert win_rate("cycle", [1, 0, 0], 19, [1, 0, 0], 1) == pytest.approx(19 / 20)
    assert win_rate("cycle", [1, 0, 0], 15, [1, 0, 0], 5) == pytest.approx(3 / 4)
    with pytest.raises(ValueError, match=r"k \+ l is 21"):
        win_rate("cycle", [1, 0, 0], 20, [1, 0, 0], 1)


CYCLE: Any = load_scenario("cycle").populations[0]
ONE: Any = [1, 0, 0]


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (best_responses, (CYCLE, ONE, 1, 0), "l is 0, but must be an integer from 1 to 500"),
        (best_responses, (CYCLE, ONE, 0, 1), "k is 0"),
        (best_responses, (CYCLE, [1, 0], 1, 1), "policy has 2 entries, but the scenario has 3 responses"),
        (
            best_responses,
            (CYCLE, ONE, 1, 1, "brute"),
            "unknown method 'brute'; known: auto, enumeration, exact, greedy",
        ),
        (best_responses, (2, ONE, 1, 1), "expected a Scenario, a Population or other Users, a spec or a path, not 2"),
        (best_responses, ("cycle/prompts:2", "nlhf", 1, 1), "the scenario has 2 prompts"),
        (win_rate, (CYCLE, ONE, 1, 3), "opponent is 3, but the population has 3 responses"),
        (win_rate, (CYCLE, ONE, 1, -1), "opponent is -1"),
        (win_rate, (CYCLE, ONE, 1, []), r"opponent is \[\], but must be from 1 to 500 response indices"),
        (win_rate, (CYCLE, ONE, 1, [0.5, 0.5, 0]), "or with l a distribution"),
        (win_rate, (CYCLE, ONE, 1, [0.5, 0.5], 2), "opponent has 2 entries"),
        (win_rate, (CYCLE, ONE, 1999, ONE, 2), r"k \+ l is 2001, but two distributions are sampled at most 2000"),
        (win_rate, (CYCLE, ONE, 1, ONE, 0), "l is 0"),
        (robust_win_rate, (CYCLE, ONE, 1, 0), "l is 0"),
        (robust_win_rate, (CYCLE, ONE, 1, 1.5), "l is 1.5"),
    ],
)
def test_wrong_arguments(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_too_many_multisets():
    users = load_scenario("impartial/responses:100/users:200").populations[0]
    policy = np.full(100, 0.01)
    with pytest.raises(TooLargeError, match=r"there are 9\.20e7 multisets of 5 of 100 responses, but"):
        best_responses(users, policy, 2, 5, "enumeration")
    with pytest.raises(TooLargeError, match="the integer program of 200 users, 100 responses and l = 50 is too large"):
        best_responses(users, policy, 2, 50, "milp")


@pytest.mark.parametrize(
    "call",
    [
        lambda users: users.matrix(np.array([[10**9]]), np.array([[0]])),
        lambda users: users.matrix(np.array([[0]]), np.array([[-1]])),
        lambda users: users.shares(np.array([[0, 3]])),
        lambda users: users.type_shares(np.array([7]), np.array([[0, 1]])),
        lambda users: users.pick(np.array([0]), np.array([[0, 3]]), np.zeros(1, np.uint32)),
        lambda users: users.among(np.array([3])),
        lambda users: users.against_sets(np.zeros((9, 2), int), np.ones(1)).payoffs(),
        lambda users: users.payoffs(np.array([0.5, 0.5]), 2),
        lambda users: users.jacobian(np.array([0.5, 0.5]), 2),
        lambda users: users.leave_one_out_payoffs(np.full((3, 2), 0.5)),
        lambda users: users.sampled_value(np.full(3, 1 / 3), 2, np.array([0.5, 0.5]), 2),
        lambda users: users.against_sets(np.array([[10**9]]), np.ones(1)).payoffs(),
        lambda users: users.against_samples(np.ones((1, 2)) / 2, np.ones(1), 2).gains([], 2),
        lambda users: users.against_samples(np.ones((1, 3)) / 3, np.ones(1), 2).value([]),
        lambda users: users.against_outputs(np.ones((2, 2)) / 2).values(np.array([[0]])),
        lambda users: Players(np.full((3, 1, 2), 0.5)).leave_one_out_payoffs(Scenario([users])),
        lambda users: SharedPolicy(np.full((1, 2), 0.5)).payoffs(Scenario([users]), 2),
        lambda users: JointPolicy((np.array([[10**9]]),), (np.ones(1),), 3).payoffs(Scenario([users]), 1),
    ],
)
def test_nothing_reads_memory_that_is_not_its_own(call):
    """Methods trust their arguments, but refuse what would lead compiled loops astray."""
    with pytest.raises(IndexError):
        call(CYCLE)


def test_indices_of_every_type_and_powers_that_end():
    for dtype in (np.int32, np.uint8, np.int64):
        np.testing.assert_allclose(CYCLE.shares(np.array([[0, 1]], dtype)), [[2 / 3, 1 / 3]])
        assert CYCLE.among(np.array([0, 1], dtype).astype(np.int64)).n_responses == 2
    for call in (CYCLE.payoffs, CYCLE.jacobian):
        with pytest.raises(ValueError, match="k is -1, but must be at least 1"):
            call(np.full(3, 1 / 3), -1)
