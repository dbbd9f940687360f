import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from ualign_env import Population, exploitability, load_scenario, robust_win_rate, solve
from ualign_env.solvers import best_lottery
from ualign_env.solvers.best_lottery import best_maximal_lottery, best_on_face
from ualign_env.solvers.maximal_lottery import maximal_lotteries, search

T_SHIRTS = reference.DATA / "preflib" / "00012-00000001.soc"


@pytest.mark.skipif(not T_SHIRTS.exists(), reason="the data are not part of the package")
def test_t_shirts():
    """Maximal lotteries give the first of two responses up to a third; at k = 9 their rates go from .5 to .5991."""
    users = load_scenario(str(T_SHIRTS)).populations[0]
    found, share = best_maximal_lottery(users, 9), np.linspace(0, 1 / 3, 101)
    segment = np.zeros((101, 11))
    segment[:, 5], segment[:, 9] = share, 1 - share
    assert max(exploitability(users, policy, 1) for policy in segment) < 1e-12
    rates = [robust_win_rate(users, policy, 9) for policy in segment]
    assert (min(rates), max(rates)) == (pytest.approx(0.5, abs=1e-9), pytest.approx(0.5991, abs=5e-5))
    assert found.robust_win_rate == pytest.approx(max(rates), abs=1e-6)
    np.testing.assert_allclose(found.policy, segment[-1], atol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 9, 100])
def test_segments_against_a_grid(k):
    # a and b tie, a beats c by 2 users of 6 and c beats b by 4: a has two thirds at least
    users = Population.from_rankings([[0, 2, 1], [1, 0, 2], [2, 1, 0], [0, 2, 1]], [1, 1, 2, 2])
    rates = [robust_win_rate(users, [p, 1 - p, 0], k) for p in np.linspace(2 / 3, 1, 1001)]
    found = best_maximal_lottery(users, k)
    assert found.upper_bound >= max(rates) - 1e-12
    assert found.robust_win_rate >= max(rates) - 1e-6
    assert found.certificate <= 1e-6
    assert exploitability(users, found.policy, 1) < 1e-9


@pytest.mark.parametrize("k", [1, 2, 8, 64])
def test_where_everything_is_a_maximal_lottery_the_equilibrium_is_best(k):
    users = Population.from_rankings([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]])
    assert maximal_lotteries(users).dimension == 4
    assert best_maximal_lottery(users, k).robust_win_rate == pytest.approx(k / (k + 1), abs=1e-6)
    assert robust_win_rate(users, maximal_lotteries(users).policy, 8) < 0.8


@settings(max_examples=60)
@given(reference.users(max_responses=6, max_users=5), st.sampled_from([1, 2, 5, 100]), st.floats(0, 1))
def test_rates_are_those_of_maximal_lotteries_and_none_is_above_the_bound(users, k, share):
    population = users.population()
    found, entropic = best_maximal_lottery(population, k), maximal_lotteries(population)
    assert exploitability(population, found.policy, 1) < 1e-9
    assert found.robust_win_rate == pytest.approx(robust_win_rate(population, found.policy, k), abs=1e-12)
    assert 0 <= found.certificate <= 1e-6
    others = [entropic.policy, share * entropic.policy + (1 - share) * found.policy]
    others += [solve(population, 1, method="interior-point", tolerance=1e-12).policy]
    assert max(robust_win_rate(population, policy, k) for policy in others) <= found.upper_bound + 1e-9
    if entropic.unique:
        np.testing.assert_array_equal(found.policy, entropic.policy)


def test_faces_of_many_dimensions():
    for spec in ("impartial/responses:100/users:10/seed:1", "impartial/responses:300/users:4/seed:1"):
        users = load_scenario(spec).populations[0]
        found = best_maximal_lottery(users, 8)
        assert found.certificate <= 1e-6
        assert found.robust_win_rate > robust_win_rate(users, maximal_lotteries(users).policy, 8) + 1e-4
        assert exploitability(users, found.policy, 1) < 1e-9


def test_what_was_missed_is_told(monkeypatch):
    users = load_scenario("impartial/responses:100/users:10/seed:1").populations[0]
    monkeypatch.setattr(best_lottery, "_ROUNDS", 2)
    found = best_maximal_lottery(users, 8)
    assert found.certificate > found.tolerance
    assert found.advice is not None
    assert found.advice in found.summary()
    assert best_maximal_lottery(users, 8, tolerance=0.5).advice is None


def test_where_others_may_exist_nothing_is_certified():
    """A search that was stopped early knows no face, and says so instead of taking its lottery for the only one."""
    users = load_scenario("impartial/responses:20/users:10").populations[0]
    stopped = search(users, 8)
    assert stopped.lotteries.unique is None
    found = best_on_face(users, 8, stopped)
    assert found.upper_bound == pytest.approx(8 / 9)
    assert found.advice is not None
    assert best_maximal_lottery(users, 8).certificate <= 1e-6
