"""What a scorecard says beside the robust win rate: favourites, utilities, groups, the limit of ever more samples."""

from itertools import product

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from slot_noise import SlotNoise

import ualign_env as ua

GERMAN = "german-goals"

# policy: best-of-k utility at k = 2, 3; favourite shown at k = 2, 3; distinct responses at k = 3; the limit
PUBLISHED = {
    "equilibrium": ((0.78622044, 0.84530580), (0.58760441, 0.68906186), 1.740658, 0.84084881),
    "nlhf": ((0.68449749, 0.68449749), (0.40406720, 0.40406720), 1, 0.53183024),
    "random-dictatorship": ((0.77801926, 0.85707176), (0.54458497, 0.67666784), 2.119942, 1),
    "uniform": ((0.70833333, 0.8125), (0.4375, 0.57812500), 2.3125, 1),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_german_goals(name):
    utilities, favourites, distinct, limit = PUBLISHED[name]
    for i, k in enumerate((2, 3)):
        policy = ua.solve(GERMAN, k) if name == "equilibrium" else name
        card = ua.score(GERMAN, policy, k, curve=())
        assert card.best_utility == pytest.approx(utilities[i], abs=1e-7)
        assert card.favourite_shown == pytest.approx(favourites[i], abs=1e-7)
        if k == 3:
            assert card.distinct_responses == pytest.approx(distinct, abs=1e-6)
            assert card.u_alignment_limit == pytest.approx(limit, abs=1e-8)


def test_groups_of_german_goals():
    card = ua.score(GERMAN, ua.solve(GERMAN, 3), 3, curve=())
    (rates,) = card.group_win_rates
    expected = [0.490896, 0.712851, 0.567711, 0.728274]  # by favourite: order, say, prices, speech
    np.testing.assert_allclose(list(rates.values()), expected, atol=1e-6)
    assert card.worst_group == (0, "maintain order")
    assert card.worst_group_win_rate == min(rates.values())
    (rates,) = ua.score(GERMAN, "nlhf", 3).group_win_rates
    np.testing.assert_allclose(list(rates.values()), [0, 0.627240, 1, 0.587629], atol=1e-6)
    assert ua.score(GERMAN, ua.solve(GERMAN, 8), 8).u_alignment_limit == pytest.approx(0.91423519, abs=1e-8)


def enumerated(users, competitors):
    """Returns both metrics of one draw from each competitor, over all tuples of responses."""
    favourite = utility = 0.0
    for shown in product(range(users.n_responses), repeat=len(competitors)):
        chance = np.prod([policy[y] for policy, y in zip(competitors, shown, strict=True)])
        for scores, weight in zip(users.scores, users.weights, strict=True):
            steps = sorted(set(scores))
            best = max(scores[y] for y in shown)
            favourite += chance * weight * (best == steps[-1])
            utility += chance * weight * (steps.index(best) / (len(steps) - 1) if len(steps) > 1 else 1)
    return favourite, utility


@settings(max_examples=60, deadline=None)
@given(reference.users(max_responses=3, max_users=4))
def test_equal_the_enumeration(users):
    population, n = users.population(), users.n_responses
    one, other, third = np.random.default_rng(n).dirichlet(np.ones(n), 3)
    rows = np.array(list(product(range(n), repeat=2)))
    chances = np.random.default_rng(1).dirichlet(np.ones(len(rows)))
    drawn = [(chance, list(np.eye(n)[row])) for chance, row in zip(chances, rows, strict=True)]
    cases = [
        (one, 3, [(1.0, [one] * 3)]),
        (ua.Mixture(np.array([one, other]), [3, 1]), 2, [(0.75, [one] * 2), (0.25, [other] * 2)]),
        (ua.Outputs(np.array([one, other, third])), 3, [(1.0, [one, other, third])]),
        (ua.Players(np.array([one, other, third])), 2, [(1.0, [(one + other + third) / 3] * 2)]),
        (ua.JointPolicy((rows,), (chances,), n), 2, drawn),
    ]
    for policy, k, parts in cases:
        card = ua.score(population, policy, k, curve=())
        expected = np.sum([share * np.array(enumerated(users, competitors)) for share, competitors in parts], axis=0)
        assert (card.favourite_shown, card.best_utility) == pytest.approx(tuple(expected), abs=1e-12)
        distinct = 0.0
        for share, competitors in parts:
            for shown in product(range(n), repeat=k):
                chance = np.prod([policy[y] for policy, y in zip(competitors, shown, strict=True)])
                distinct += share * chance * len(set(shown))
        assert card.distinct_responses == pytest.approx(distinct)


@settings(max_examples=60, deadline=None)
@given(reference.users(max_responses=4, max_users=5))
def test_groups_and_limit_equal_their_definitions(users):
    population, n = users.population(), users.n_responses
    policy = np.zeros(n)
    policy[: (n + 1) // 2] = 1 / ((n + 1) // 2)
    card = ua.score(population, policy, 2, curve=())
    shown = np.flatnonzero(policy)
    beyond = [
        sum(w for s, w in zip(users.scores, users.weights, strict=True) if all(s[y] > s[z] for z in shown))
        for y in range(n)
    ]
    assert card.u_alignment_limit == pytest.approx(1 - max(beyond))
    many = ua.robust_win_rate(population, policy, 1_000_000)
    assert many == pytest.approx(card.u_alignment_limit, abs=1e-4)
    payoffs = reference.deviation_payoffs(users, [policy] * 2)
    worst = np.flatnonzero(payoffs > payoffs.max() - 1e-9)
    expected = {}
    for y in range(n):
        shares = [w * (s[y] == max(s)) / s.count(max(s)) for s, w in zip(users.scores, users.weights, strict=True)]
        if sum(shares):
            members = reference.Users(users.scores, tuple(share / sum(shares) for share in shares))
            expected[str(y)] = 1 - reference.deviation_payoffs(members, [policy] * 2)[worst].max()
    assert card.group_win_rates == (pytest.approx(expected),)


def test_named_groups_and_prompts():
    population = ua.Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 1, 0]], [3, 2, 1], ["a", "b", "c"])
    groups = [{"young": population.resampled([0]), "old": population.resampled([1, 2])}, {}]
    scenario = ua.Scenario([population, population], ["p", "q"], groups=groups)
    card = ua.score(scenario, "uniform", 1, curve=())
    assert [set(rates) for rates in card.group_win_rates] == [{"young", "old"}, {"a", "b", "c"}]
    worst = min((rate, x, name) for x, rates in enumerate(card.group_win_rates) for name, rate in rates.items())
    assert (card.worst_group, card.worst_group_win_rate) == ((worst[1], worst[2]), worst[0])
    for l in (1, 2):
        card = ua.score(scenario, "uniform", 2, l=l, curve=())
        for name, users in groups[0].items():
            rate = ua.win_rate(users, "uniform", 2, np.array(card.best_responses[0]))
            assert card.group_win_rates[0][name] == pytest.approx(rate)


def test_robust_win_rates_of_groups_are_those_of_their_own_users():
    population = ua.Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 1, 0]], [3, 2, 1], ["a", "b", "c"])
    young, old = population.resampled([0]), population.resampled([1, 2])
    groups = [{"young": young, "old": old}, {"old": population.resampled([0, 1])}, {}]
    scenario = ua.Scenario([population] * 3, ["p", "q", "r"], [0.5, 0.3, 0.2], groups=groups)
    policy = np.array([[0.2, 0.3, 0.5], [0.6, 0.4, 0], [1, 0, 0]])
    for learned in (policy, np.array([policy, policy[:, ::-1]]), ua.Mixture(np.array([policy, policy[::-1]]), [1, 2])):
        rates = ua.score(scenario, learned, 2, curve=()).group_robust_win_rates
        tables = ua.tabulate(scenario, learned, 2)
        own = [
            {name: 1 - tables.contest(users, x, 2).payoffs().max() for name, users in given.items()}
            for x, given in enumerate(groups)
        ]
        old_rate = (0.5 * own[0]["old"] + 0.3 * own[1]["old"]) / 0.8
        assert rates == pytest.approx({"young": own[0]["young"], "old": old_rate}, abs=1e-12)
    for name, users in groups[0].items():
        rate = ua.robust_win_rate(users, policy[0], 2)
        alone = ua.score(scenario.part([0]), policy[:1], 2, curve=())
        assert alone.group_robust_win_rates[name] == pytest.approx(rate, abs=1e-12)
        assert alone.group_win_rates[0][name] >= rate - 1e-12  # against one opponent of all
    assert ua.score(scenario, policy, 2, l=2, curve=()).group_robust_win_rates == {}
    by_favourite = ua.score(population, policy[0], 2, curve=()).group_robust_win_rates
    expected = {name: ua.robust_win_rate(users, policy[0], 2) for name, users in population.by_favourite().items()}
    assert by_favourite == pytest.approx(expected, abs=1e-12)


def test_rates_are_no_less_than_zero():
    for weights in np.random.default_rng(0).dirichlet(np.ones(7), 200):
        orders = [[0, 1, 2], [0, 2, 1], [0, 1, 2], [0, 2, 1], [0, 1, 2], [0, 2, 1], [0, 1, 2]]
        users = ua.Population.from_scores(-np.argsort(orders, axis=1), weights, ["a", "b", "c"])
        scenario = ua.Scenario([users], groups=[{"all": users}])
        card = ua.score(scenario, {"b": 0.5, "c": 0.5}, 2, curve=())
        for rate in (card.robust_win_rate, card.worst_group_win_rate, card.group_robust_win_rates["all"]):
            assert str(rate)[0] != "-"
            assert rate == pytest.approx(0, abs=1e-15)


def test_kinds_that_do_not_know_say_so():
    users = SlotNoise([[1.0, 0.5], [0.0, 1.0]], 0.4)
    card = ua.score(users, "uniform", 2, curve=())
    assert (card.favourite_shown, card.best_utility, card.u_alignment_limit) == (None, None, None)
    assert card.distinct_responses == pytest.approx(1.5)
    pairs = ua.PairwiseUsers([[0.5, 0.6, 0.5], [0.4, 0.5, 0.5], [0.5, 0.5, 0.5]])
    card = ua.score(pairs, "uniform", 1)
    assert (card.favourite_shown, card.worst_group, card.worst_group_win_rate) == (None, None, None)


def test_the_limit_of_a_mixture_is_that_of_each_of_its_policies():
    """Each of two policies leaves half of the users without what they like best; their average leaves nobody."""
    users = ua.Population.from_rankings([[0, 1], [1, 0]])
    mixture = ua.Mixture(np.eye(2), [1, 1])
    assert ua.score(users, mixture, 1).u_alignment_limit == pytest.approx(0.75)
    assert ua.robust_win_rate(users, mixture, 1_000_000) == pytest.approx(0.75, abs=1e-5)
    assert ua.score(users, [0.5, 0.5], 1).u_alignment_limit == 1
