"""The joint game's equilibria: two methods, certificates, and values known otherwise."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from ualign_env import (
    ConvergenceWarning,
    Population,
    TooLargeError,
    double_oracle,
    load_scenario,
    matrix_game,
    solve_versus,
)
from ualign_env._multisets import multisets
from ualign_env.solvers import best_responses, versus

GERMAN_GOALS = reference.population("german-goals")


def brute_value(users: reference.Users, k: int, l: int) -> float:
    """Returns the value by a linear program over shares from the definition."""
    mine, theirs = multisets(users.n_responses, k).tolist(), multisets(users.n_responses, l).tolist()
    wins = np.array([[reference.shares(users, (*a, *b))[:k].sum() for b in theirs] for a in mine])
    result = linprog(
        np.append(np.zeros(len(mine)), -1.0),
        A_ub=np.column_stack([-wins.T, np.ones(len(theirs))]),
        b_ub=np.zeros(len(theirs)),
        A_eq=np.append(np.ones(len(mine)), 0.0)[None, :],
        b_eq=[1.0],
        bounds=[(0, None)] * (len(mine) + 1),
    )
    return -result.fun


@given(reference.users(max_responses=4, max_users=4), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=60)
def test_both_methods_find_the_value(users, k, l):
    expected = brute_value(users, k, l)
    for method in ("linear-program", "double-oracle"):
        found = solve_versus(users.population(), k, l, method=method, tolerance=1e-8)
        np.testing.assert_allclose(found.value, expected, rtol=0, atol=1e-8)
        assert found.converged
        assert found.robust_win_rate <= found.value + 1e-12
        for sets, chances, size in (
            (found.model_sets, found.model_chances, k),
            (found.opponent_sets, found.opponent_chances, l),
        ):
            assert sets.shape == (len(chances), size)
            assert (chances > 0).all()
            assert chances.sum() == pytest.approx(1)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_the_cycle_by_brute_force(n):
    rotations = tuple(tuple((u - y) % n for y in range(n)) for u in range(n))
    users = reference.Users(rotations, (1 / n,) * n)
    for k, l in ((1, 1), (2, 1), (1, 2), (2, 2), (3, 2)):
        found = solve_versus(users.population(), k, l)
        np.testing.assert_allclose(found.value, brute_value(users, k, l), rtol=0, atol=1e-9)


@given(reference.users(max_responses=4, max_users=4), st.integers(1, 3))
@settings(max_examples=30)
def test_equal_numbers_are_a_fair_game(users, k):
    assert solve_versus(users.population(), k, k).value == pytest.approx(1 / 2, abs=1e-8)


@given(reference.users(max_responses=4, max_users=4), st.integers(1, 3))
@settings(max_examples=30)
def test_choosing_together_is_worth_at_least_as_much_as_sampling(users, k):
    found = solve_versus(users.population(), k, 1)
    assert found.head_room is not None
    assert found.head_room >= -1e-8
    assert found.value == pytest.approx(k / (k + 1) + found.head_room)


def test_german_goals_by_hand():
    """Showing order and prices together: the worst single response is more say, and what it wins is a count."""
    found = solve_versus(GERMAN_GOALS, 2, 1)
    assert found.model_sets.tolist() == [[0, 2]]
    # users who put 'order' or 'prices' at most tied with nothing above: those whose favourite is say or speech lose
    lost = {}
    for y in (1, 3):
        beats = (GERMAN_GOALS.ranks[:, [y]] < GERMAN_GOALS.ranks[:, [0, 2]]).all(axis=1)
        lost[y] = GERMAN_GOALS.weights[beats].sum()
    for y in (0, 2):
        other = 2 - y
        lost[y] = GERMAN_GOALS.weights[GERMAN_GOALS.ranks[:, y] < GERMAN_GOALS.ranks[:, other]].sum() / 2
    assert found.value == pytest.approx(1 - max(lost.values()), abs=1e-9)


def test_one_response_and_one_user():
    one = Population.from_rankings([[0]])
    assert solve_versus(one, 3, 1).value == pytest.approx(3 / 4)
    assert solve_versus(one, 1, 3, method="double-oracle").value == pytest.approx(1 / 4)
    user = Population.from_rankings([[1, 0, 2]])
    found = solve_versus(user, 2, 1)
    assert found.model_sets.tolist() == [[1, 1]]
    assert found.value == pytest.approx(2 / 3)


def test_large_games_are_solved_by_double_oracle():
    users = load_scenario("impartial/responses:12/users:50").populations[0]
    found = solve_versus(users, 3, 3)
    assert (found.method, found.converged) == ("linear-program", True)
    users = load_scenario("impartial/responses:30/users:50").populations[0]
    found = solve_versus(users, 3, 2)
    assert (found.method, found.converged, found.head_room) == ("double-oracle", True, None)
    assert found.certificate < 1e-6


def test_stopping_early_is_told(monkeypatch):
    monkeypatch.setattr(versus, "_MAX_STEPS", 1)
    with pytest.warns(ConvergenceWarning, match="double-oracle reached a certificate of"):
        found = solve_versus(load_scenario("cycle").populations[0], 2, 1, method="double-oracle")
    assert not found.converged
    assert found.certificate > 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k is 0, but must be an integer from 1 to 500"),
        ({"l": 0}, "l is 0"),
        ({"l": 1.0}, "l is 1.0"),
        ({"method": "lp"}, "unknown method 'lp'"),
        ({"tolerance": 0}, "tolerance is 0"),
        ({"scenario": "cycle/prompts:2"}, "the scenario has 2 prompts, each a game of its own: choose one by prompt="),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        solve_versus(**({"scenario": GERMAN_GOALS, "k": 2, "l": 1} | arguments))


def test_too_many_multisets_for_the_linear_program():
    users = load_scenario("impartial/responses:60/users:5").populations[0]
    with pytest.raises(TooLargeError, match="pairs of multisets"):
        solve_versus(users, 6, 1, method="linear-program")


def test_double_oracle_goes_on_where_greedy_best_responses_stall(monkeypatch):
    """With enumeration out of reach, stalls are resolved, and the certificate is proven, by integer programs."""
    users = load_scenario("impartial/responses:7/users:12").populations[0]
    exact = solve_versus(users, 2, 3, tolerance=1e-8)
    monkeypatch.setattr(best_responses, "_MAX_LOOKS", 0)
    monkeypatch.setattr(best_responses, "_MAX_CELLS", 0)
    found = solve_versus(users, 2, 3, method="double-oracle", tolerance=1e-8)
    assert found.converged
    assert found.value == pytest.approx(exact.value, abs=1e-8)
    # nothing can be proven: the certificate says how far off it may be, and the warning why
    monkeypatch.setattr(best_responses, "MAX_PROGRAM", 0)
    with pytest.warns(ConvergenceWarning, match="best responses were not all proven"):
        rough = solve_versus(users, 2, 3, method="double-oracle")
    assert rough.robust_win_rate <= exact.value + 1e-9
    assert rough.certificate > abs(rough.value - exact.value)


def test_certificates_that_greedy_searches_promise_are_looked_at_again(monkeypatch):
    # nine users, of whom three like 3 best; against it greedy begins with 0, which wins four, and ends with five, where
    # 1 and 2 win six
    likes = [[1], [0, 1], [0, 1], [2], [0, 2], [0, 2], [], [], []]
    users = Population.from_scores([[2 * (y in liked) + (y == 3) for y in range(4)] for liked in likes])
    monkeypatch.setattr(best_responses, "_MAX_LOOKS", 0)
    monkeypatch.setattr(best_responses, "_MAX_CELLS", 0)
    (step,) = double_oracle(users, 2, 2, 1.0)
    assert step.model.sets[0].tolist() == [[3, 3]]
    assert step.certificate == pytest.approx(2 * 6 / 9 - 1)


def test_matrices_too_large_for_the_linear_program():
    users = load_scenario("impartial/responses:60/users:5").populations[0]
    with pytest.raises(TooLargeError, match=r'1\.43e9 pairs of multisets.*use method="double-oracle"'):
        solve_versus(users, 3, 3, method="linear-program")


def test_matrix_games():
    # rock, paper, scissors with a stake of two on paper: the equilibrium is known by hand
    found = matrix_game([[0, 2, -1], [-2, 0, 1], [1, -1, 0]])
    np.testing.assert_allclose(found.value, 0, atol=1e-9)
    np.testing.assert_allclose(found.row_strategy, [1 / 4, 1 / 4, 1 / 2], atol=1e-9)
    np.testing.assert_allclose(found.column_strategy, [1 / 4, 1 / 4, 1 / 2], atol=1e-9)
    assert found.certificate < 1e-9
    for more in (-5, 5):
        shifted = matrix_game(np.array([[0, 2, -1], [-2, 0, 1], [1, -1, 0]]) + more)
        assert shifted.value == pytest.approx(more)
        np.testing.assert_allclose(shifted.row_strategy, found.row_strategy, atol=1e-9)
    for wrong, message in (([1, 2], "must have 2 axes"), (np.zeros((0, 2)), "at least a row"), ([[np.nan]], "nan")):
        with pytest.raises(ValueError, match=message):
            matrix_game(wrong)


def test_double_oracle_step_by_step():
    steps = list(double_oracle("german-goals", 2, 1))
    users = GERMAN_GOALS
    for step in steps:
        against = [
            best_responses.respond(users.against_sets(own.sets[0], own.chances[0]), size).value
            for own, size in ((step.model, 1), (step.opponent, 2))
        ]
        assert step.certificate == pytest.approx(sum(against) - 1, abs=1e-12)
    assert steps[0].certificate > 0.01
    assert steps[-1].certificate == pytest.approx(0, abs=1e-9)
    assert steps[-1].model.sets[0].tolist() == [[0, 2]]
    for k, l, tolerance, message in ((0, 1, 0.0, "k is 0"), (1, 0, 0.0, "l is 0"), (1, 1, np.nan, "tolerance is nan")):
        with pytest.raises(ValueError, match=message):
            double_oracle("german-goals", k, l, tolerance)


@pytest.mark.parametrize("unit", [1e-300, 1e-9, 1.0, 1e9, 1e307])
@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_matrix_games_are_solved_in_every_unit(unit, shift):
    """The linear program's tolerances are absolute: payments of a billionth would be solved by anything."""
    losses = (np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]]) + shift) * unit
    found = matrix_game(losses)
    np.testing.assert_allclose([found.row_strategy, found.column_strategy], np.full((2, 3), 1 / 3), atol=1e-9)
    assert found.value == pytest.approx(shift * unit, abs=1e-9 * unit)
    assert found.certificate <= 1e-9 * unit
