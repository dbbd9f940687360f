"""The batched core against the definition of the game, and every other form of the game against it."""

import pickle

import gymnasium as gym
import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from ualign_env import (
    BatchedGame,
    Population,
    Scenario,
    _threads,
    choice_shares,
    load_game,
    ualign_v0,
    win_rate,
)
from ualign_env.simulation.batch import BatchedExploiter, BatchedVersusGame
from ualign_env.testing.environments import ONE_PROMPT, STRICT, TIED, InTurn, hoeffding, play, random_responses

FORMS = {
    "parallel": lambda scenario, players: ualign_v0.parallel_env(scenario, players),
    "aec": lambda scenario, players: InTurn(ualign_v0.env(scenario, players)),
}


@given(reference.users(), st.integers(2, 5), st.integers(0, 2**63))
def test_the_picked_slot_is_one_of_those_that_the_user_likes_best(users, players, seed):
    population = users.population()
    games = BatchedGame(population, players, 50)
    games.reset(seed)
    slots = np.random.default_rng(seed).integers(0, users.n_responses, (50, players))
    rewards = games.step(slots)
    for shown, earned, user in zip(slots, rewards, games.draws.types, strict=True):
        ranks = population.ranks[user][shown]
        assert sorted(earned) == [0.0] * (players - 1) + [1.0]
        assert ranks[earned.argmax()] == ranks.min()


def test_a_million_picks_come_as_often_as_the_exact_payoffs_say():
    games, shows = 1_000_000, [[0, 1, 2, 3], [0, 0, 1, 2], [1, 3, 1, 1]]
    for scenario in (STRICT, TIED):
        for shown in shows:
            batch = BatchedGame(scenario, 4, games)
            batch.reset(0)
            rates = batch.step(np.tile(shown, (games, 1))).mean(axis=0)
            chances = [choice_shares(population, shown) for population in scenario.populations]
            bound = hoeffding(games, comparisons=24)
            np.testing.assert_allclose(rates, scenario.probabilities @ chances, rtol=0, atol=bound)


@given(reference.users(), st.integers(2, 4))
def test_expected_feedback_is_brute_force(users, players):
    games = BatchedGame(users.population(), players, 20, feedback="expected")
    games.reset(0)
    slots = np.random.default_rng(0).integers(0, users.n_responses, (20, players))
    rewards = games.step(slots)
    np.testing.assert_allclose(rewards, [reference.shares(users, row) for row in slots], atol=reference.ATOL)
    assert (rewards.sum(axis=1) == 1).all()


@pytest.mark.parametrize("scenario", [STRICT, TIED, ONE_PROMPT], ids=["strict", "tied", "one prompt"])
@pytest.mark.parametrize("players", [2, 4])
def test_all_forms_play_the_same_games(scenario, players):
    shown = random_responses(200, players)
    games = BatchedGame(scenario, players)
    expected_prompts, expected = [], []
    seats = gym.make_vec("ualign/Seats-v0", num_envs=players, scenario=scenario, players=players)
    seen, _ = seats.reset(seed=11)
    for i, row in enumerate(shown):
        expected_prompts.append(games.reset(11 if i == 0 else None).item())
        expected.append(games.step([row])[0])
        np.testing.assert_array_equal(seen, scenario.observations[[expected_prompts[-1]] * players])
        seen, rewards, *_ = seats.step(row)
        np.testing.assert_array_equal(rewards, expected[-1])
    for make in FORMS.values():
        prompts, rewards = play(make(scenario, players), shown, seed=11)
        np.testing.assert_array_equal(prompts, expected_prompts)
        np.testing.assert_array_equal(rewards, expected)


@pytest.mark.parametrize("scenario", [STRICT, TIED], ids=["strict", "tied"])
@pytest.mark.parametrize("turn_based", [False, True])
def test_open_spiel_gives_the_same_returns(scenario, turn_based):
    def returns(target, prompt, row):
        state = load_game(target, 3, turn_based=turn_based).new_initial_state()
        state.apply_action(prompt)
        if turn_based:
            for action in row:
                state.apply_action(action)
        else:
            state.apply_actions(row)
        return np.array(state.returns())

    for feedback in ("pick", "expected"):
        games = BatchedGame(scenario, 3, feedback=feedback)
        games.reset(2)
        for row in random_responses(40, 3).tolist():
            prompt = games.reset().item()
            rewards = games.step([row])[0]
            if feedback == "expected":
                np.testing.assert_array_equal(rewards, returns(scenario, prompt, row))
            else:  # the game of that user alone
                user = games.draws.types.item()
                alone = Population.from_scores(-scenario.populations[prompt].ranks[[user]])
                chances = returns(alone, 0, row)
                assert chances[rewards.argmax()] > chances.max() - reference.ATOL > 0


def test_games_depend_on_neither_their_neighbours_nor_threads(monkeypatch):
    def rewards(n):
        games = BatchedGame(STRICT, 3, n)
        first = games.reset(4), games.step(random_responses(n, 3))
        return *first, games.reset(), games.step(random_responses(n, 3))

    few, many = rewards(20), rewards(20_000)
    monkeypatch.setattr(_threads, "_CHUNK", 7)
    monkeypatch.setattr(_threads, "_WORTH_A_THREAD", 1)
    threaded = rewards(20_000)
    for one, other, third in zip(few, many, threaded, strict=True):
        np.testing.assert_array_equal(one, other[:20])
        np.testing.assert_array_equal(third, other)


def test_pickled_games_go_on_alike():
    games = BatchedGame(STRICT, 3, 100)
    games.reset(0)
    copy = pickle.loads(pickle.dumps(games))
    for _ in range(3):
        np.testing.assert_array_equal(games.step(random_responses(100, 3)), copy.step(random_responses(100, 3)))
        np.testing.assert_array_equal(games.reset(), copy.reset())


def test_prompts_that_are_handed_out_can_be_changed_without_harm():
    games = BatchedGame(STRICT, 3, 50)
    games.reset(0)[:] = -1
    assert games.step(random_responses(50, 3)).sum() == 50


def test_one_response_one_user_many_players():
    for players in (2, 10_001):
        games = BatchedGame(Population.from_rankings([[0]]), players, 3)
        games.reset(0)
        assert games.step(np.zeros((3, players), int)).sum() == 3


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([[0, 0, 0]], r"actions are int64 of shape \(1, 3\), but must be integers of shape \(2, 3\)"),
        (np.zeros((2, 3)), "actions are float64"),
        (np.full((2, 3), np.nan), "actions are float64"),
        (np.zeros((2, 3), bool), "actions are bool"),
        ([[0, 0, 0], [0, 3, 0]], "game 1, player 1: response 3 to 'prompt 0', but it has 3 responses, from 0 to 2"),
        ([[0, 0, -1], [0, 3, 0]], "game 0, player 2: response -1"),
    ],
)
def test_wrong_actions(actions, message):
    games = BatchedGame("cycle", 3, 2)
    assert games.draws.prompts.size == games.draws.types.size == games.draws.numbers.size == 0
    with pytest.raises(ValueError, match=r"call reset\(\) before step\(\)"):
        games.step(np.zeros((2, 3), int))
    games.reset(0)
    expected = games.draws
    with pytest.raises(ValueError, match=message):
        games.step(actions)
    np.testing.assert_array_equal(games.draws.types, expected.types)
    games.step(np.zeros((2, 3), np.int8))
    with pytest.raises(ValueError, match="the games are over"):
        games.step(np.zeros((2, 3), int))


def test_responses_that_a_prompt_has_not(unequal_scenario):
    games = BatchedGame(unequal_scenario, 2, 10_000)
    prompts = games.reset(0)
    game = int(np.argmax(prompts == 2))
    with pytest.raises(ValueError, match=f"game {game}, player 0: response 2 to 'prompt 2', but it has 2 responses"):
        games.step(np.where(np.arange(10_000)[:, None] >= game, 2, 0).repeat(2, axis=1))
    games.step(np.zeros((10_000, 2), int))


@pytest.mark.parametrize(("k", "l"), [(1, 1), (3, 1), (1, 2), (2, 3)])
def test_versus_games_add_up_both_sides_slots(unequal_scenario, k, l):
    versus, slots = BatchedVersusGame(unequal_scenario, k, l, 500), BatchedGame(unequal_scenario, k + l, 500)
    prompts = versus.reset(3)
    np.testing.assert_array_equal(slots.reset(3), prompts)
    sizes = unequal_scenario.legal.sum(axis=1)[prompts][:, None]
    shown = np.random.default_rng(0).integers(0, 6, (500, k + l)) % sizes
    each, both = slots.step(shown), versus.step(shown)
    np.testing.assert_array_equal(both, np.stack([each[:, :k].sum(axis=1), each[:, k:].sum(axis=1)], axis=1))
    exact = BatchedVersusGame(unequal_scenario, k, l, 500, feedback="expected")
    exact.reset(3)
    both = exact.step(shown)
    assert (both.sum(axis=1) == 1).all()
    for prompt, row, chances in list(zip(prompts, shown, both, strict=True))[:20]:
        users = unequal_scenario.populations[prompt]
        against = users.against_sets(row[None, :k], np.ones(1)).value(row[k:])
        assert chances[1] == pytest.approx(against, abs=reference.ATOL)


def test_versus_games_name_the_side():
    games = BatchedVersusGame("cycle", 2, 1)
    for shown, who in (([0, 3, 0], "the model's response 1"), ([0, 0, 3], "the opponent's response 0")):
        games.reset(0)
        with pytest.raises(ValueError, match=f"{who}: response 3"):
            games.step([shown])
    for k, l, message in ((0, 1, "k is 0"), (1, 0, "l is 0"), (10_001, 1, r"k \+ l is 10,002, but at most 10,001")):
        with pytest.raises(ValueError, match=message):
            BatchedVersusGame("cycle", k, l)
    assert BatchedVersusGame("cycle", 10_000, 1).players == 10_001


@pytest.mark.parametrize("l", [1, 2])
def test_exploiters_earn_what_the_policy_concedes(unequal_scenario, l):
    n, k = 60_000, 2
    exact, picked = (
        BatchedExploiter(unequal_scenario, k, "uniform", n, l=l, feedback=feedback) for feedback in ("expected", "pick")
    )
    prompts = exact.reset(5)
    np.testing.assert_array_equal(picked.reset(5), prompts)
    shown = np.random.default_rng(0).integers(0, 6, (n, l)) % unequal_scenario.legal.sum(axis=1)[prompts][:, None]
    actions = shown[:, 0] if l == 1 else shown
    chances, wins = exact.step(actions), picked.step(actions)
    assert set(wins) == {0.0, 1.0}
    for x, users in enumerate(unequal_scenario.populations):
        for row in np.unique(shown[prompts == x], axis=0):
            games = (prompts == x) & (shown == row).all(axis=1)
            expected = 1 - win_rate(unequal_scenario, "uniform", k, row, prompt=x)
            np.testing.assert_allclose(chances[games], expected, atol=reference.ATOL)
            np.testing.assert_allclose(wins[games].mean(), expected, atol=hoeffding(int(games.sum()), 20))
        assert users.n_responses < 4


def test_exploiters_who_always_win_and_never():
    users = Population.from_rankings([[0, 1, 2]])
    games = BatchedExploiter(users, 3, [0, 1, 0], 10_000)
    for response, earned in ((0, 1.0), (2, 0.0)):
        games.reset(1)
        np.testing.assert_array_equal(games.step(np.full(10_000, response)), earned)
    games.reset(1)
    with pytest.raises(ValueError, match="game 7: response 3"):
        games.step(np.where(np.arange(10_000) < 7, 0, 3))
    several = BatchedExploiter(users, 3, [0, 1, 0], 2, l=2)
    several.reset(1)
    with pytest.raises(ValueError, match="game 1, response 1: response -1"):
        several.step([[0, 1], [2, -1]])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_games": 0}, "num_games is 0"),
        ({"num_games": 1.5}, "num_games is 1.5"),
        ({"players": 10_002}, "players is 10,002, but at most 10,001 can play"),
        ({"feedback": "expect"}, "did you mean 'expected'"),
        ({"scenario": Scenario}, "scenario"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        BatchedGame(**settings)


def test_draws_are_read_only():
    """Loops trust them: an index out of range would crash the interpreter."""
    games = BatchedGame("german-goals", 3, 4)
    games.reset(seed=0)
    for array in (games.draws.prompts, games.draws.types, games.draws.numbers):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 10**9
    with pytest.raises(AttributeError):
        games.draws = games.draws  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_allclose(games.step(np.zeros((4, 3), int)).sum(axis=1), 1)
