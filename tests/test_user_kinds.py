"""What users are is known in one room: a second kind, which has no ranks and no ties, runs through the whole house."""

import pickle
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pyspiel
import pytest
from learning import learn
from slot_noise import SlotContest, SlotNoise

import ualign_env as ua
from ualign_env import ualign_v0, ualign_versus_v0
from ualign_env.benchmark.agents import describe_agent, list_agents
from ualign_env.testing import check_users
from ualign_env.testing.environments import hoeffding
from ualign_env.users import picker, warm_up
from ualign_env.users.base import KINDS
from ualign_env.users.picker import Picker

UTILITIES, WEIGHTS = [[1, 0.5, 0], [0, 1, 0.25], [0.3, 0, 1]], [0.5, 0.3, 0.2]
POLICY = [0.5, 0.3, 0.2]


def noisy(temperature: float) -> SlotNoise:
    return SlotNoise(UTILITIES, temperature, WEIGHTS)


@pytest.mark.parametrize(
    "users",
    [
        noisy(0.5),
        noisy(0.1),
        SlotNoise(np.random.default_rng(0).random((5, 4)), 0.3),
        SlotNoise([[0.0, 0.0]], 1.0),
        SlotNoise([[1.0]], 1.0),
        ua.Population.from_scores([[3, 1, 1], [0, 0, 0], [1, 2, 3]], [3, 2, 1]),
        ua.Population.from_rankings([[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2]], [4, 3, 2]),
        ua.load_scenario("impartial/responses:5/users:8").populations[0],
        ua.Population.from_scores([[1]]),
    ],
    ids=repr,
)
def test_every_kind_keeps_the_definition(users):
    check_users(users)


# Users with one thing wrong each: the check must reject every one of them.


def mutant(**methods):
    """Returns users that differ from `noisy(0.5)` in some methods."""
    name = f"Mutant{len(KINDS)}"
    kind = type(name, (SlotNoise,), {"kind": name, "__module__": __name__, **methods})
    globals()[name] = kind  # where pickle looks for it
    return kind(UTILITIES, 0.5, WEIGHTS)


def contest_mutant(**methods):
    """Returns users whose contests differ in some methods."""
    contest = type("Mutant", (SlotContest,), methods)
    return mutant(
        against_samples=lambda self, *arguments: contest(self, SlotNoise.against_samples(self, *arguments).phi)
    )


MUTANTS = {
    "a slot is preferred": lambda: mutant(type_shares=lambda s, t, x: _seat_bias(SlotNoise.type_shares(s, t, x))),
    "shares of one type": lambda: mutant(shares=lambda s, x: s.type_shares(np.zeros(len(x), int), x)),
    "one sample too few": lambda: mutant(
        against_samples=lambda s, p, m, k: SlotNoise.against_samples(s, p, m, max(1, k - 1))
    ),
    "the first policy of a mixture": lambda: mutant(
        against_samples=lambda s, p, m, k: SlotNoise.against_samples(s, p[:1], np.ones(1), k) if m.size else None
    ),
    "the first output twice": lambda: mutant(
        against_outputs=lambda s, p: SlotNoise.against_outputs(s, np.array([p[0]] * len(p)))
    ),
    "equal chances of sets": lambda: mutant(
        against_sets=lambda s, x, c: SlotNoise.against_sets(s, x, np.full(len(c), 1 / len(c)))
    ),
    "a derivative turned over": lambda: mutant(jacobian=lambda s, p, k: SlotNoise.jacobian(s, p, k).T),
    "a derivative of another k": lambda: mutant(jacobian=lambda s, p, k: SlotNoise.jacobian(s, p, k + 1)),
    "one opponent's sample": lambda: mutant(sampled_value=lambda s, p, k, o, _: SlotNoise.sampled_value(s, p, k, o, 1)),
    "drawn with replacement": lambda: mutant(
        pool_payoffs=lambda s, p, k: np.array([[s.payoffs(row / row.sum(), int(i)) for i in k] for row in p])
    ),
    "the other pool's value": lambda: mutant(pool_values=lambda s, p, o, k: SlotNoise.pool_values(s, o, p, k)),
    "pairs turned over": lambda: mutant(pairwise=lambda s: SlotNoise.pairwise(s).T),
    "favourites by type alone": lambda: mutant(favourites=lambda s: s.user_favourites().mean(axis=0)),
    "copies don't help": lambda: contest_mutant(
        values=lambda s, x: np.array([SlotContest.values(s, np.unique(row)[None, :])[0] for row in x])
    ),
    "gains of the first copy twice": lambda: contest_mutant(
        gains=lambda s, h, c: np.array([SlotContest.gains(s, h, 1)[0]] * c)
    ),
    "the greatest is always picked": lambda: mutant(
        pick=lambda s, t, x, n: SlotNoise.type_shares(s, t, x).argmax(axis=1) + 0 * (n > 0)
    ),
    "restricted to the first": lambda: mutant(among=lambda s, y: SlotNoise.among(s, np.sort(y)) if y.size else s),
    "drawn with weights": lambda: mutant(
        drawn=lambda s, t: type(s)(s.utilities, s.temperature, s.weights, None, t.size)
    ),
    "leave one out, the wrong one": lambda: mutant(
        leave_one_out_payoffs=lambda s, p: SlotNoise.leave_one_out_payoffs(s, p)[::-1]
    ),
    "temperature forgotten": lambda: mutant(content=lambda s: {"utilities": s.utilities, "temperature": np.array(1.0)}),
    "a program that lies": lambda: contest_mutant(
        program_size=lambda _, l: l, best_by_program=lambda s, l, _: ((0,) * l, s.value((0,) * l))
    ),
    "three responses are two": lambda: contest_mutant(values=lambda s, x: SlotContest.values(s, x[:, :2])),
    "a second gain that ignores what is held": lambda: contest_mutant(
        gains=lambda s, h, c: np.array([SlotContest.gains(s, h, 2)[0], SlotContest.gains(s, [], 2)[1]])[:c]
    ),
    "k and l confused": lambda: mutant(sampled_value=lambda s, p, k, o, l: SlotNoise.sampled_value(s, p, l, o, k)),
    "three outputs are two": lambda: mutant(against_outputs=lambda s, p: SlotNoise.against_outputs(s, p[:2])),
    "five slots are one": lambda: mutant(
        type_shares=lambda s, t, x: SlotNoise.type_shares(s, t, x) if x.shape[1] < 5 else 1.0 * (np.arange(5) == x * 0)
    ),
    "a derivative off the simplex": lambda: mutant(
        jacobian=lambda s, p, k: SlotNoise.jacobian(s, p, k) + 5 * np.outer([1, 1, 1], [1, -2, 1])
    ),
    "one user": lambda: mutant(
        among=lambda s, y: type(s)(s.utilities[:, y], s.temperature, s.weights, [s.responses[i] for i in y], 1)
    ),
    "a winner": lambda: mutant(condorcet_winner=lambda _: 2),
    "the worst by Borda": lambda: mutant(borda=lambda s: int(SlotNoise.pairwise(s).sum(axis=1).argmin())),
    "the least liked": lambda: mutant(plurality=lambda s: int(SlotNoise.favourites(s).argmin())),
    "weights that can be changed": lambda: mutant(__init__=_with_loose_weights),
    "a limit that many samples fall short of": lambda: mutant(beyond=lambda _, shown: np.full(shown.size, 0.1)),
    "attraction is certain": lambda: mutant(attractions=lambda _: np.eye(3)),
    "attraction at twice the temperature": lambda: mutant(attractions=lambda s: np.exp(s.utilities)),
    "a matrix turned over": lambda: mutant(matrix=lambda s, x, y: SlotNoise.matrix(s, y, x).T),
}


def _with_loose_weights(self, *arguments):
    SlotNoise.__init__(self, *arguments)
    self.weights = self.weights.copy()


def _seat_bias(chances):
    biased = chances * np.where(np.arange(chances.shape[1]) == 0, 1.01, 1)
    return biased / biased.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", MUTANTS)
def test_the_check_rejects(name):
    with pytest.raises(AssertionError):
        check_users(MUTANTS[name]())


def test_the_mutants_would_pass_were_they_right():
    check_users(mutant(describe=lambda s, u: f"{s.kind} {u}"))
    check_users(contest_mutant(value=lambda s, y: SlotContest.value(s, y)))


def test_a_kind_has_a_name_of_its_own():
    with pytest.raises(TypeError, match="must name its kind of users"):
        type("Nameless", (SlotNoise,), {})
    with pytest.raises(TypeError, match=r"has the kind 'rankings', which .*Population has already"):
        type("Impostor", (SlotNoise,), {"kind": "rankings"})
    assert noisy(0.5) == noisy(0.5)
    assert noisy(0.5) != noisy(0.4)
    assert noisy(0.5) != ua.Population.from_scores(UTILITIES, WEIGHTS)


# Values by two or more independent methods each, for slot noise; chances are rounded to eight digits.


@pytest.mark.parametrize(
    ("temperature", "k", "expected"),
    [
        (0.5, 1, [0.52777122, 0.51171773, 0.41299535]),
        (0.5, 2, [0.35309961, 0.34582048, 0.26518692]),
        (0.5, 5, [0.17394182, 0.17759409, 0.13208764]),
        (0.1, 2, [0.38248917, 0.29559184, 0.26705599]),
        (10, 5, [0.16747240, 0.16736295, 0.16360791]),
    ],
)
def test_published_payoffs(temperature, k, expected):
    np.testing.assert_allclose(ua.deviation_payoffs(noisy(temperature), POLICY, k), expected, atol=6e-9)


@pytest.mark.parametrize("method", ["interior-point", "active-set", "mirror-descent", "proximal"])
@pytest.mark.parametrize(
    ("temperature", "k", "expected"),
    [
        (0.1, 2, [0.65599135, 0.06745036, 0.27655829]),
        (0.1, 3, [0.63045251, 0.16618610, 0.20336139]),
        (0.5, 8, [0.59561234, 0.40438766, 0]),
    ],
)
def test_equilibria(method, temperature, k, expected):
    found = ua.solve(noisy(temperature), k, method=method, tolerance=1e-10 if "-" in method else 1e-8)
    np.testing.assert_allclose(found.policy, expected, atol=1e-4 if method == "proximal" else 1e-6)
    assert found.converged


def test_regularised_equilibria():
    found = ua.solve(noisy(0.5), 3, temperature=0.1)
    payoffs = ua.deviation_payoffs(noisy(0.5), found.policy, 3)
    fixed = np.exp(payoffs / 0.1)
    np.testing.assert_allclose(found.policy, fixed / fixed.sum(), atol=1e-9)
    assert ua.regularised_exploitability(noisy(0.5), found.policy, 3, 0.1) < 1e-10


def test_scores_and_best_responses():
    users = noisy(0.5)
    card = ua.score(users, POLICY, 2)
    assert card.robust_win_rate == pytest.approx(1 - 0.35309961)
    # a collapsed policy is not punished: against l = 1, robust win rates from math, section 5
    collapsed = [ua.robust_win_rate(users, [1, 0, 0], k) for k in (1, 2, 4, 16)]
    np.testing.assert_allclose(collapsed, [0.5, 0.643159, 0.739123, 0.887354], atol=1e-6)
    for method in ("enumeration", "greedy", "auto"):
        found = ua.best_responses(users, POLICY, 2, 2, method)
        assert found.value == pytest.approx(1 - ua.robust_win_rate(users, POLICY, 2, 2), abs=1e-9)
        assert found.value <= found.upper_bound
    with pytest.raises(ValueError, match="SlotNoise has no integer program; use another method"):
        ua.best_responses(users, POLICY, 2, 2, "milp")
    players = np.array([POLICY, [0.2, 0.2, 0.6], [1, 0, 0]])
    assert ua.nash_conv(users, ua.Players(players), 2) > 0
    assert ua.score(users, ua.Outputs(players), 3).robust_win_rate < 1
    for name in ("nlhf", "borda", "plurality", "random-dictatorship", "uniform"):
        assert 0.4 < ua.robust_win_rate(users, name, 2) <= 2 / 3


@pytest.mark.parametrize("method", ["linear-program", "double-oracle"])
def test_the_game_of_both_sides(method):
    found = ua.solve_versus(noisy(0.3), 2, 1, method=method)
    assert found.converged
    assert found.value >= 2 / 3 - 1e-9
    assert ua.solve_versus(noisy(0.3), 2, 2, method=method).value == pytest.approx(0.5, abs=1e-6)


def test_samples_of_a_model():
    shown = np.random.default_rng(0).choice(3, (200, 2), p=POLICY)
    found = ua.score_samples(noisy(0.5), shown, rng=0)
    assert found.interval[0] < ua.robust_win_rate(noisy(0.5), POLICY, 2) < found.interval[1]


def mixed() -> ua.Scenario:
    """Returns prompts of both kinds."""
    rankings = ua.Population.from_scores([[2, 1, 0], [0, 1, 2]], [2, 1])
    return ua.Scenario([noisy(0.5), rankings], probabilities=[0.6, 0.4])


@pytest.mark.parametrize("scenario", [ua.Scenario([noisy(0.5), noisy(0.1)]), mixed()], ids=["noisy", "mixed"])
def test_batched_games(scenario):
    games = ua.BatchedGame(scenario, 3, 100_000)
    prompts = games.reset(0)
    shown = np.tile([0, 0, 2], (100_000, 1))
    rewards = games.step(shown)
    for x in range(2):
        expected = ua.choice_shares(scenario, [0, 0, 2], prompt=x)
        np.testing.assert_allclose(rewards[prompts == x].mean(axis=0), expected, atol=hoeffding(30_000, 6))
    exact = ua.BatchedGame(scenario, 3, 4, feedback="expected")
    prompts = exact.reset(0)
    np.testing.assert_array_equal(
        exact.step(shown[:4]), [ua.choice_shares(scenario, [0, 0, 2], prompt=int(x)) for x in prompts]
    )
    games.reset()
    with pytest.raises(ValueError, match="response 3"):
        games.step(np.full((100_000, 3), 3))


def test_users_of_one_kind_pick_in_its_own_way_and_others_one_prompt_at_a_time():
    rankings = ua.load_scenario("cycle/prompts:2").populations
    assert type(picker(rankings)) is type(ua.Population.picker(rankings)) is not Picker
    assert type(picker(mixed().populations)) is type(picker(mixed().populations[::-1])) is Picker


def test_specs_hold_the_kind():
    scenario = mixed()
    assert ua.load_scenario(scenario.spec) == scenario
    with pytest.raises(ValueError, match="unknown kind of users 'rankigns'; did you mean 'rankings'"):
        ua.Users.unpack({"kind": "rankigns", "responses": [], "weights": [], "n_users": 1})
    packed = noisy(0.5).pack()
    for missing in packed:
        if missing != "kind":
            with pytest.raises(
                ValueError, match=r"packed users of the kind 'test-slot-noise' are damaged: (Key|Type)Error"
            ):
                ua.Users.unpack({name: value for name, value in packed.items() if name != missing})


def test_open_spiel_learns_it():
    game = ua.cached_game(ua.load_game(mixed(), 3, turn_based=True, anonymous=True))
    solver = pyspiel.CFRPlusSolver(game)
    for _ in range(300):
        solver.evaluate_and_update_policy()
    learned = ua.GamePolicy(game, solver.average_policy(), solver)
    assert ua.exploitability(mixed(), learned, 2) < 1e-3
    for form in (ua.load_versus_game(mixed(), 2, 1), ua.load_versus_game(mixed(), 2, 1, by_response=True)):
        assert form.num_players() == 2
    assert ua.tensor_game(ua.load_game(noisy(0.5), 3)).num_players() == 3


def test_pettingzoo_and_gymnasium_play_it():
    shown = {"player_0": 0, "player_1": 1, "player_2": 2}
    env = ualign_v0.parallel_env(noisy(0.5), players=3, render_mode="ansi")
    env.reset(seed=0)
    assert sum(env.step(shown)[1].values()) == 1
    assert "by a user with type" in str(env.render())
    versus = ualign_versus_v0.parallel_env(mixed(), k=2, l=1, feedback="expected")
    versus.reset(seed=0)
    assert sum(versus.step({"model_0": 0, "opponent_0": 1})[1].values()) == 1
    seats = gym.make_vec("ualign/Seats-v0", num_envs=30_000, scenario=noisy(0.5), players=3)
    seats.reset(seed=0)
    wins = seats.step(np.tile([0, 1, 2], 10_000))[1].reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(wins, ua.choice_shares(noisy(0.5), [0, 1, 2]), atol=hoeffding(10_000, 3))
    exploiters = gym.make_vec("ualign/Exploiter-v0", num_envs=3, scenario=mixed(), k=2, l=2, feedback="expected")
    exploiters.reset(seed=0)
    assert (exploiters.step(np.zeros((3, 2), int))[1] < 1).all()


@pytest.mark.parametrize("name", list_agents())
def test_every_agent_learns_it(name):
    joint = describe_agent(name).declared.joint
    result = learn(name, ua.Task(ua.Scenario([noisy(0.3)]), 2, l=1 + joint), 3)
    assert result.status == "learned", result.error
    assert result.scorecard is not None
    assert result.scorecard["robust_win_rate"] > 0.2


def test_games_of_a_kind_that_a_fresh_process_has_not_met_unpickle_there(tmp_path):
    games = [ua.load_game(noisy(0.5), 3), ua.load_versus_game(mixed(), 2, 1, by_response=True)]
    (tmp_path / "games").write_bytes(pickle.dumps((games, ua.Scenario([noisy(0.5)]))))
    code = (
        f"import sys, pickle; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        f"with open({str(tmp_path / 'games')!r}, 'rb') as file:\n"
        "    games, scenario = pickle.load(file)\n"
        "print([str(game) for game in games] == sys.argv[1:], scenario.populations[0].temperature)"
    )
    command = [sys.executable, "-c", code, *map(str, games)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("True 0.5\n", "")


def test_the_first_users_of_a_process_are_as_quick_as_the_next():
    """What is warmed for one type of arrays is warmed anew for another."""
    found = []
    for users in (noisy(0.5), noisy(0.1), ua.Population.from_scores([[1, 2]])):
        warm_up(users, "a test", lambda tiny: found.append((type(tiny), tiny.n_types, tiny.n_responses)))
    assert found == [(SlotNoise, 1, 2), (ua.Population, 1, 2)]
