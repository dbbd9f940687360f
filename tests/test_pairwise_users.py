"""Users of whom pairwise preferences alone are known: k = 1 as for users with rankings, and no word about more."""

import numpy as np
import pytest
import reference
from hypothesis import given

import ualign_env as ua
from ualign_env import PairwiseUsers, Population

SIX = Population.from_rankings([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
TWO = Population.from_rankings([[0, 1, 2], [2, 1, 0]])


def pairs(population):
    return PairwiseUsers(population.pairwise(), population.responses, population.n_users)


def test_pairs_do_not_determine_payoffs_for_more():
    """All 6 rankings of 3 responses have the matrix of two opposite ones, and other payoffs (math: uniform policy)."""
    assert pairs(SIX).preferences.tolist() == pairs(TWO).preferences.tolist() == [[0.5] * 3] * 3
    assert ua.robust_win_rate(SIX, "uniform", 2) == pytest.approx(2 / 3)
    assert ua.robust_win_rate(TWO, "uniform", 2) == pytest.approx(0.62962963)
    for call in (
        lambda: ua.score(pairs(SIX), "uniform", 2),
        lambda: ua.solve(pairs(SIX), 2),
        lambda: ua.score(pairs(SIX), "uniform", 1, l=2),
        lambda: ua.score(pairs(SIX), "random-dictatorship", 1),
        lambda: ua.win_rate_curve(pairs(SIX), [1, 2]),
        lambda: ua.score(pairs(SIX), ua.Outputs(np.full((2, 3), 1 / 3)), 2),
        lambda: ua.choice_shares(pairs(SIX), [0, 1, 2]),
        lambda: ua.best_responses(pairs(SIX), "uniform", 1, 2),
    ):
        with pytest.raises(ValueError, match="only pairwise preferences of these users are known"):
            call()


@given(reference.users(max_responses=4, max_users=5))
def test_one_sample_is_as_with_rankings(users):
    population = users.population()
    known, n = pairs(population), population.n_responses
    policy = np.random.default_rng(0).dirichlet(np.ones(n))
    np.testing.assert_allclose(known.payoffs(policy, 1), population.payoffs(policy, 1), atol=1e-12)
    np.testing.assert_allclose(known.jacobian(policy, 1) @ policy, known.payoffs(policy, 1), atol=1e-12)
    np.testing.assert_allclose(known.pairwise(), population.pairwise(), atol=1e-12)
    assert known.borda() == population.borda()
    assert known.condorcet_winner() == population.condorcet_winner()
    two = np.full((2, n), 1 / n)
    for policies in (policy, ua.Players(two), ua.Mixture(two, [1, 2])):
        assert ua.exploitability(known, policies, 1) == pytest.approx(ua.exploitability(population, policies, 1))
    assert ua.win_rate(known, policy, 1, policy, l=1) == pytest.approx(0.5)
    some = np.arange(n)[::-1][: max(1, n - 1)]
    np.testing.assert_allclose(known.restricted(some).pairwise(), population.restricted(some).pairwise(), atol=1e-12)
    for method in ("auto", "interior-point", "active-set", "proximal"):
        assert ua.solve(known, 1, method=method, tolerance=1e-6).exploitability <= 1e-6


def test_games_and_files_of_pairs(tmp_path):
    scenario = ua.Scenario([pairs(SIX), PairwiseUsers([[0.5, 0.9], [0.1, 0.5]], ["a", "b"], 10)], ["p", "q"])
    scenario.save(tmp_path / "x.npz")
    assert ua.load_scenario(tmp_path / "x.npz") == scenario == ua.load_scenario(scenario.spec)
    assert [k for k, _ in ua.score(scenario, "nlhf", 1).curve] == [1]
    assert ua.score(scenario, "nlhf", 1).robust_win_rate == pytest.approx(0.5)
    games = ua.BatchedGame(scenario, players=2, num_games=10_000)
    prompts = games.reset(0)
    rewards = games.step(np.tile([0, 1], (10_000, 1)))
    np.testing.assert_allclose(rewards.sum(axis=1), 1)
    assert rewards[prompts == 1, 0].mean() == pytest.approx(0.9, abs=0.02)
    assert rewards[prompts == 0, 0].mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0.5, 0.7], [0.4, 0.5]], "must be chances from 0 to 1 that add up to 1 with their transpose"),
        ([[0.5, 1.7], [-0.7, 0.5]], "must be chances from 0 to 1"),
        ([[0.5, 0.7]], r"has shape \(1, 2\), but must be square"),
        ([[0.4]], "must be chances"),
        ([[0.5, np.nan], [0.5, 0.5]], "must be finite"),
    ],
)
def test_other_matrices_are_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        PairwiseUsers(matrix)
