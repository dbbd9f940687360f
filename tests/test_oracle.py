"""Users who are hidden: they pick when they are asked, every play is counted, and nothing else is known of them."""

import pickle
import time
from collections import Counter
from pathlib import Path

import gymnasium as gym
import numpy as np
import pyspiel
import pytest
from open_spiel.python import rl_environment
from slot_noise import SlotNoise

import ualign_env as ua
from ualign_env import ualign_v0
from ualign_env._mailbox import capacity_of
from ualign_env.benchmark.hidden import HiddenUsers
from ualign_env.benchmark.oracle import OracleServer, OutOfPlaysError, RemoteUsers, UserOracle

TASK = ua.Task("mallows/responses:5/prompts:2", 2, seed=3)
RNG = np.random.default_rng(0)
SHOWN, PROMPTS = RNG.integers(5, size=(300, 3)), RNG.integers(2, size=300)


def hidden(plays=10_000):
    return TASK.for_agents("picks", plays)


def test_batches_and_single_plays_are_the_same_plays():
    whole = hidden().users().pick(SHOWN, PROMPTS)
    users = hidden().users()
    single = [users.pick_one(row, prompt) for row, prompt in zip(SHOWN.tolist(), PROMPTS.tolist(), strict=True)]
    users = hidden().users()
    parts = np.concatenate([users.pick(SHOWN[:7], PROMPTS[:7]), users.pick(SHOWN[7:], PROMPTS[7:])])
    assert whole.tolist() == single == parts.tolist()
    assert users.plays == 300
    other = ua.Task(TASK.scenario, 2, seed=4).for_agents("picks").users()
    assert other.pick(SHOWN, PROMPTS).tolist() != whole.tolist()


@pytest.mark.parametrize("information", ["picks", "pairs"])
def test_users_pick_as_often_as_the_payoffs_say(information):
    users = TASK.for_agents(information).users()
    assert users.slots == (3 if information == "picks" else 2)
    row, n = np.array([0, 3, 3][: users.slots]), 200_000
    for prompt, population in enumerate(TASK.scenario.populations):
        picked = users.pick(np.tile(row, (n, 1)), np.full(n, prompt))
        found = np.bincount(picked, minlength=users.slots) / n
        np.testing.assert_allclose(found, population.shares(row[None])[0], atol=5 / np.sqrt(n))


def test_kinds_of_users_without_a_loop_of_their_own_answer_too():
    users = SlotNoise([[1.0, 0.0, 0.3], [0.0, 1.0, 0.2]], 0.4)
    oracle = ua.Task(ua.Scenario([users]), 2).for_agents("picks").users()
    found = np.bincount(oracle.pick(np.tile([0, 1, 2], (50_000, 1))), minlength=3) / 50_000
    np.testing.assert_allclose(found, users.shares(np.array([[0, 1, 2]]))[0], atol=0.02)


def test_the_budget_is_all_that_is_answered():
    users = hidden(100).users()
    users.pick(SHOWN[:90], PROMPTS[:90])
    with pytest.raises(OutOfPlaysError, match="20 plays were asked for, but 10 of 100 are left"):
        users.pick(SHOWN[:20], PROMPTS[:20])
    assert (users.plays, users.plays_left) == (90, 10)
    users.pick(SHOWN[:10], PROMPTS[:10])
    with pytest.raises(OutOfPlaysError):
        users.pick_one([0, 1, 2], 0)
    assert users.pick(np.zeros((0, 3), int), np.zeros(0, int)).size == 0


@pytest.mark.parametrize(
    ("shown", "prompts", "message"),
    [
        ([[0, 1]], [0], r"shape \(1, 2\), but must be integers of shape \[B, 3\]"),
        ([[0.5, 1, 2]], [0], "float64"),
        ([[0, 1, 5]], [0], "game 0: response 5, but prompt 0 has 5, from 0"),
        ([[0, 1, 2], [0, -1, 2]], [0, 1], "game 1: response -1"),
        ([[0, 1, 2]], [2], "game 0: prompt 2, but there are 2"),
        ([[0, 1, 2]], None, "prompts is None, but there are 2"),
        ([[0, 1, 2]], [0, 1], r"prompts has shape \(2,\)"),
    ],
)
def test_what_cannot_be_shown_is_no_play(shown, prompts, message):
    users = hidden().users()
    with pytest.raises(ValueError, match=message):
        users.pick(np.array(shown), prompts)
    assert users.plays == 0


def test_single_plays_are_checked_too():
    with pytest.raises(ValueError, match="2 responses are shown, but users of this task are shown 3"):
        hidden().users().pick_one([0, 1], 0)


def test_environments_of_the_task_play_with_its_users():
    task = hidden()
    games = ua.BatchedGame(task.scenario, task.players, 50)
    games.reset(0)
    assert games.step(RNG.integers(5, size=(50, 3))).sum() == 50
    assert task.users().plays == 50
    seats = gym.make_vec("ualign_env:ualign/Seats-v0", num_envs=30, scenario=task.scenario, players=3)
    seats.reset(seed=1)
    assert seats.step(np.zeros(30, int))[1].sum() == 10
    assert task.users().plays == 60
    parallel = ualign_v0.parallel_env(scenario=task.scenario, players=3)
    parallel.reset(seed=1)
    assert sum(parallel.step(dict.fromkeys(parallel.agents, 0))[1].values()) == 1
    assert task.users().plays == 61
    environment = rl_environment.Environment(task.game())
    step = environment.reset()
    while not step.last():
        step = environment.step([0])
    assert sum(step.rewards) == 1
    assert task.users().plays == 62
    pyspiel.OutcomeSamplingMCCFRSolver(task.game(), 0.6, 3).run_iteration()
    assert task.users().plays == 65  # one for each player's turn to learn


def test_large_batches_ask_in_order_whatever_the_threads():
    found = []
    for _ in range(2):
        task = hidden(10**6)
        games = ua.BatchedGame(task.scenario, task.players, 100_000)
        games.reset(0)
        found.append(games.step(np.tile([0, 1, 2], (100_000, 1))))
    np.testing.assert_array_equal(*found)


def test_an_end_of_an_openspiel_game_is_one_play():
    task = hidden()
    state = task.game(turn_based=False).new_initial_state()
    state.apply_action(0)
    state.apply_actions([0, 1, 2])
    assert state.returns() == state.returns() == state.clone().returns()
    assert task.users().plays == 1
    with pytest.raises(ValueError, match="needs their payoffs"):
        ua.cached_game(task.game())
    with pytest.raises(ValueError, match="needs their payoffs"):
        ua.tensor_game(task.game(), prompt=0)
    copy = pyspiel.load_game(str(task.game()))
    assert copy.new_initial_state().num_players() == 3


def test_nothing_else_is_known_of_hidden_users():
    task = hidden()
    for ask in (
        lambda: ua.solve(task.scenario, 2),
        lambda: ua.robust_win_rate(task.scenario, "uniform", 2),
        lambda: ua.score(task.scenario, np.full((2, 5), 0.2), 2),
        lambda: ua.best_responses(task.scenario.populations[0], "nlhf", 2, 2),
        lambda: ua.inspect_scenario(task.scenario),
    ):
        with pytest.raises(ValueError, match=r"hidden|known"):
            ask()
    users = task.scenario.populations[0]
    with pytest.raises(ValueError, match="answer only in the process"):
        pickle.loads(pickle.dumps(users)).pick(np.zeros(1, int), np.array([[0, 1, 2]]), np.zeros(1, np.uint32))
    assert task.scenario.prompts == ("prompt 0", "prompt 1")
    assert task.scenario.name == "hidden"
    np.testing.assert_array_equal(task.scenario.legal, TASK.scenario.legal)
    assert isinstance(users, HiddenUsers)


def test_policies_are_read_without_knowing_users():
    task = hidden()
    assert ua.tabulate(task.scenario, np.full((2, 5), 0.2), 2).average().shape == (2, 5)
    result = ua.run(_asks_for_nlhf, TASK)
    assert result.status == "failed"
    assert result.error is not None
    assert "the users of this task are hidden" in result.error


@ua.agent(information="picks")
def _asks_for_nlhf(task):  # noqa: ARG001
    yield "nlhf"


def test_whoever_knows_the_users_may_ask_them_as_well():
    assert TASK.users().pick(SHOWN, PROMPTS).tolist() == hidden().users().pick(SHOWN, PROMPTS).tolist()
    assert TASK.users() is TASK.users()


def by_mailbox(path, slots=3):
    """Returns users who answer through a mailbox, as another process would ask them."""
    return UserOracle(RemoteUsers(path, slots), [5, 5], slots, 10**9)


def test_another_process_is_answered_the_same(tmp_path):
    server = OracleServer(TASK.scenario, 3, TASK.seed, 1000, tmp_path / "plays")
    try:
        users = by_mailbox(tmp_path / "plays")
        single = [users.pick_one(row, x) for row, x in zip(SHOWN[:99].tolist(), PROMPTS[:99].tolist(), strict=True)]
        found = [*single, *users.pick(SHOWN[99:], PROMPTS[99:]).tolist()]
        assert found == hidden().users().pick(SHOWN, PROMPTS).tolist()
        assert server.plays == users.plays == 300
        with pytest.raises(OutOfPlaysError, match="no plays are left"):
            users.pick(np.zeros((701, 3), int), np.zeros(701, int))
        with pytest.raises(ValueError, match="response 9, but prompt 0 has 5"):
            users.pick(np.full((1, 3), 9), [0])
        assert server.plays == 300
        assert server.error is None
    finally:
        server.close()


def test_batches_beyond_the_mailbox_are_asked_in_parts(tmp_path):
    number = 2 * capacity_of(3) + 5
    shown, prompts = RNG.integers(5, size=(number, 3)), RNG.integers(2, size=number)
    server = OracleServer(TASK.scenario, 3, TASK.seed, number, tmp_path / "plays")
    try:
        found = by_mailbox(tmp_path / "plays").pick(shown, prompts)
        assert found.tolist() == TASK.for_agents("picks").users().pick(shown, prompts).tolist()
    finally:
        server.close()


def test_nothing_in_a_mailbox_harms_who_answers(tmp_path):
    """Whoever asks can write anything: prompts and responses that there aren't, and numbers of games."""
    server = OracleServer(TASK.scenario, 3, TASK.seed, 10**6, tmp_path / "plays")
    try:
        box, counted = server._box, Counter()
        for prompt, response, games in ((-1, 0, 1), (2, 0, 1), (0, 5, 1), (0, -(2**62), 1), (0, 0, -1), (0, 0, 10**9)):
            box.prompts[:1], box.shown[:1] = prompt, response
            box.words[16] = games
            before = box.words[8]
            box.words[0] += 1
            while box.words[8] == before:
                assert server.error is None
            counted[int(box.words[17])] += 1
        assert counted == {2: 4, 1: 2}
        assert server.plays == 0
    finally:
        server.close()


def test_plays_cannot_be_taken_back(tmp_path):
    """Whoever asks may overwrite whatever she sees: what has been answered stays counted."""
    server = OracleServer(TASK.scenario, 3, TASK.seed, 10, tmp_path / "plays")
    try:
        users = by_mailbox(tmp_path / "plays")
        users.pick(np.zeros((8, 3), np.int64), np.zeros(8, np.int64))
        server._box.words[9:] = 0
        users.plays = 0
        with pytest.raises(OutOfPlaysError):
            users.pick(np.zeros((3, 3), np.int64), np.zeros(3, np.int64))
        assert users.pick_one([0, 1, 2]) in range(3)
        assert server.plays == 9
    finally:
        server.close()


@pytest.mark.parametrize(("responses", "prompt"), [([0, 1.5, 2], 0), ("012", 0), ([0, 1, 2], 0.5), ([0, 1, 2**70], 0)])
def test_single_plays_take_integers(responses, prompt):
    with pytest.raises(ValueError, match="must be integers"):
        TASK.for_agents("picks").users().pick_one(responses, prompt)


def test_whoever_waits_for_a_question_leaves_the_processor_to_others(tmp_path):
    server = OracleServer(TASK.scenario, 3, TASK.seed, 10**6, tmp_path / "plays")
    try:
        users = by_mailbox(tmp_path / "plays")
        users.pick_one([0, 1, 2])
        begin = time.process_time()
        time.sleep(1)
        assert time.process_time() - begin < 0.4
        assert users.pick_one([0, 1, 2]) in range(3)  # and wakes up
    finally:
        server.close()


def test_a_thousand_responses_fit_into_a_mailbox(tmp_path):
    task = ua.Task("impartial/responses:8/users:20", 10_000)
    server = OracleServer(task.scenario, task.slots, 0, 100, tmp_path / "plays")
    server.close()
    assert Path(tmp_path / "plays").stat().st_size < 2e6
    assert capacity_of(task.slots) == 13
