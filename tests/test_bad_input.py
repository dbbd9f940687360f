"""Whatever stands where an argument should: the answer is a result or a ValueError, never an error from inside.

Every public function is called rightly, and then with each of its arguments replaced by things that it is not.
"""

import atexit
import shutil
import tempfile
import warnings
from contextlib import suppress
from itertools import count
from pathlib import Path

import numpy as np
import pyspiel
import pytest
from open_spiel.python.policy import UniformRandomPolicy

import ualign_env as ua
from ualign_env import ualign_v0, ualign_versus_v0
from ualign_env.envs.gymnasium import single, vector

S = "two-groups"
USERS = ua.load_scenario(S).populations[0]
GAME = ua.load_game(S, 3, turn_based=True)
SPLIT = ua.load_scenario("impartial/users:3/prompts:4")
SETS = (np.array([[0, 1], [1, 1]]),)

JUDGED = {"prompt": ["p"] * 4, "model": ["x", "y"] * 2, "user": [1, 1, 2, 2], "score": [1, 0, 0, 1]}
TABLE = {
    "prompt": ["p", "p"],
    "user": ["u", "v"],
    "response": ["a", "a"],
    "score": [1, 2],
    "group": ["g", ""],
    "order": ["A>B", "B"],
    "tie": ["", "no"],
    "chosen": ["a", "b"],
    "rejected": ["b", "a"],
}
FILES = Path(tempfile.mkdtemp(prefix="ualign-"))
atexit.register(shutil.rmtree, FILES)
(FILES / "participants-votes.csv").write_text("participant,0,1\n0,1,-1\n1,1,1\n", encoding="utf-8")
(FILES / "comments.csv").write_text("comment-id,agrees,disagrees,moderated,comment-body\n0,2,0,1,a\n", encoding="utf-8")
(FILES / "x.pb").write_text(
    "META\nkey;value\nvote_type;choose-1\nPROJECTS\nproject_id\n1\n2\nVOTES\nvoter_id;vote\n1;2\n", encoding="utf-8"
)
(FILES / "x.soc").write_text("# NUMBER ALTERNATIVES: 2\n1: 2,1\n", encoding="utf-8")

COUNT = count()

# a function, and arguments that it takes
CALLS = {
    "best_maximal_lottery": (ua.best_maximal_lottery, {"scenario": S, "k": 2, "tolerance": 1e-6, "prompt": 0}),
    "best_responses": (ua.best_responses, {"scenario": S, "policy": "uniform", "k": 2, "l": 2, "prompt": 0}),
    "cached_game": (ua.cached_game, {"game": GAME, "max_states": 1000}),
    "cite": (ua.cite, {"what": "german-goals"}),
    "choice_shares": (ua.choice_shares, {"scenario": S, "slots": [0, 1], "prompt": 0}),
    "deviation_payoffs": (ua.deviation_payoffs, {"scenario": S, "policy": "uniform", "k": 2}),
    "double_oracle": (lambda **given: next(iter(ua.double_oracle(**given))), {"scenario": S, "k": 2, "l": 1}),
    "equilibrium_family": (ua.equilibrium_family, {"scenario": S, "sizes": [1, 2], "prompt": 0}),
    "save_croissant": (
        lambda scenario, **given: ua.save_croissant(scenario, FILES / f"{next(COUNT)}", **given),
        {"scenario": S, "name": "x", "description": "y", "licence": "z", "url": "u", "creator": "c", "published": "p"},
    ),
    "save_nfg": (ua.save_nfg, {"game": ua.load_game(S, 2), "path": FILES / "game.nfg", "prompt": 0}),
    "exploitability": (ua.exploitability, {"scenario": S, "policy": "uniform", "k": 2}),
    "GamePolicy": (ua.GamePolicy, {"game": GAME, "policy": UniformRandomPolicy(GAME)}),
    "group_rewards": (
        ua.group_rewards,
        {"scores": [[1, 2, 3], [3, 3, 1]], "k": 1, "weights": [1, 2], "missing": "worst"},
    ),
    "greedy": (lambda **given: ua.score(S, ua.greedy(**given), 2), {"policy": "uniform"}),
    "inspect_scenario": (ua.inspect_scenario, {"scenario": S, "sizes": [1, 2], "prompt": 0}),
    "joint_policy": (
        ua.joint_policy,
        {"scenario": S, "policy": ua.GamePolicy(GAME, UniformRandomPolicy(GAME)), "player": 0},
    ),
    "JointPolicy": (
        lambda **given: ua.score(S, ua.JointPolicy(**given), 2),
        {"sets": SETS, "chances": ([0.5, 0.5],), "n_responses": 2},
    ),
    "leave_one_out_payoffs": (ua.leave_one_out_payoffs, {"scenario": S, "policies": np.full((3, 1, 2), 0.5)}),
    "load_game": (
        ua.load_game,
        {"scenario": S, "players": 3, "turn_based": False, "anonymous": False, "responses": 1},
    ),
    "load_scenario": (ua.load_scenario, {"spec": S}),
    "load_versus_game": (
        ua.load_versus_game,
        {"scenario": S, "k": 2, "l": 1, "by_response": False, "zero_sum": False},
    ),
    "matrix_game": (ua.matrix_game, {"losses": [[0, 1], [1, 0]]}),
    "mirror_descent": (ua.mirror_descent, {"scenario": S, "k": 2, "steps": 3, "step": 1.0}),
    "maximal_lotteries": (ua.maximal_lotteries, {"scenario": S, "prompt": 0}),
    "Mixture": (
        lambda **given: ua.score(S, ua.Mixture(**given), 2),
        {"policies": np.full((2, 2), 0.5), "weights": [1, 1]},
    ),
    "nash_conv": (ua.nash_conv, {"scenario": S, "policy": "uniform", "k": 2}),
    "Outputs": (lambda **given: ua.score(S, ua.Outputs(**given), 2), {"probabilities": np.full((2, 2), 0.5)}),
    "payoff_tensor": (ua.payoff_tensor, {"scenario": S, "players": 3, "prompt": 0}),
    "Players": (lambda **given: ua.score(S, ua.Players(**given), 2), {"probabilities": np.full((3, 2), 0.5)}),
    "noisy_users": (
        ua.noisy_users,
        {
            "utilities": [[1.0, 0.0], [0.0, 1.0]],
            "temperature": 0.5,
            "weights": [1, 2],
            "responses": ["a", "b"],
            "noise": "slot",
            "law": "probit",
            "samples": 3,
            "seed": 0,
        },
    ),
    "part": (SPLIT.part, {"prompts": [0, 2]}),
    "split": (SPLIT.split, {"train": 2, "seed": 0}),
    "Population": (
        ua.Population,
        {"ranks": [[0, 1], [1, 0]], "weights": [0.5, 0.5], "responses": ["a", "b"], "n_users": 2},
    ),
    "from_rankings": (
        ua.Population.from_rankings,
        {"rankings": [[0, 1], [1, 0]], "weights": [1, 2], "responses": ["a", "b"]},
    ),
    "from_scores": (
        ua.Population.from_scores,
        {"scores": [[0, 1], [1, 0]], "weights": [1, 2], "responses": ["a", "b"]},
    ),
    "proximal": (ua.proximal, {"scenario": S, "k": 2, "steps": 3, "step": 1.0, "temperature": 0.1}),
    "read_ballots": (
        ua.read_ballots,
        {"table": {"rank1": ["a", "b"]}, "rank": "rank", "blank": ("x",), "min_users": 1},
    ),
    "read_generations": (
        ua.read_generations,
        {"files": [JUDGED], "columns": {"user": "user"}, "rule": "", "missing": "bottom", "repeated": "error"}
        | {"lower_is_better": False, "min_users": 1},
    ),
    "evaluate_generations": (
        ua.evaluate_generations,
        {"generations": ua.read_generations([JUDGED]), "sizes": [1, 2], "threshold": 1.0, "confidence": 0.9}
        | {"n_bootstrap": 9, "rng": 0},
    ),
    "read_orders": (
        ua.read_orders,
        {"table": TABLE, "prompt": "prompt", "user": "user", "order": "order", "repeated": "error", "group": "group"},
    ),
    "read_pabulib": (ua.read_pabulib, {"path": FILES / "x.pb", "unranked": "bottom", "min_users": 1}),
    "read_pairwise": (
        ua.read_pairwise,
        {"table": TABLE, "rule": "copeland", "user": "user", "chosen": "chosen", "tie": "tie", "prior": 0.5},
    ),
    "read_picks": (
        ua.read_picks,
        {"table": TABLE, "user": "user", "shown": ("chosen", "rejected"), "chosen": "chosen", "min_users": 1},
    ),
    "read_polis": (ua.read_polis, {"path": FILES, "responses": 2, "moderated": False, "agree": 1, "group": ""}),
    "read_preferences": (ua.read_preferences, {"table": [[0.5, 0.7], [0.3, 0.5]], "prompt": "p"}),
    "read_preflib": (ua.read_preflib, {"path": FILES / "x.soc", "unranked": "bottom"}),
    "read_ratings": (
        ua.read_ratings,
        {"table": TABLE, "prompt": "prompt", "user": "user", "response": "response", "score": "score"}
        | {"group": "group", "missing": "bottom", "responses": "all", "lower_is_better": False, "repeated": "error"}
        | {"min_users": 2, "tie_width": 0.0, "probabilities": "equal"},
    ),
    "read_wide_ratings": (
        ua.read_wide_ratings,
        {"table": {"user": ["u", "v"], "a": [1, 2], "b": [2, 1], "w": [1, 2]}, "weight": "w", "missing": "bottom"},
    ),
    "register_scenario": (ua.register_scenario, {"name": "a-name", "scenario": S, "overwrite": True}),
    "regularised_exploitability": (
        ua.regularised_exploitability,
        {"scenario": S, "policy": "uniform", "k": 2, "temperature": 0.1},
    ),
    "restricted": (USERS.restricted, {"responses": [0, 1]}),
    "robust_win_rate": (ua.robust_win_rate, {"scenario": S, "policy": "uniform", "k": 2, "l": 1}),
    "agent": (ua.agent, {"information": "exact", "random": True, "joint": False, "version": "1"}),
    "Benchmark": (
        ua.Benchmark,
        {"tasks": ["cycle"], "agents": ["nlhf"], "seeds": 1, "seconds": 0.1, "plays": 10},
    ),
    "Benchmark by steps": (lambda **given: ua.Benchmark(["cycle"], ["nlhf"], **given), {"steps": 1}),
    "Processes": (ua.Processes, {"workers": 1}),
    "run": (
        ua.run,
        {"agent": "uniform", "task": ua.Task(USERS, 2), "seconds": 0.1, "plays": 100},  # pyright: ignore[reportArgumentType]
    ),
    "Scenario": (
        ua.Scenario,
        {"populations": [USERS], "prompts": ["p"], "probabilities": [1.0], "features": [[1.0]], "name": "n"}
        | {"groups": [{"some": USERS}], "notes": ["n"], "observe": "number", "held_out": None},
    ),
    "score": (
        ua.score,
        {"scenario": S, "policy": "uniform", "k": 2, "l": 1, "player": None, "curve": [1, 2]},
    ),
    "sample_curve": (
        ua.sample_curve,
        {
            "scenario": S,
            "samples": [0, 1] * 3,
            "sizes": [1, 2],
            "pool": [0],
            "confidence": 0.9,
            "n_bootstrap": 9,
            "rng": 0,
        },
    ),
    "score_samples": (ua.score_samples, {"scenario": S, "samples": [[0, 1], [1, 1]] * 5, "l": 1, "rng": 0}),
    "self_play": (lambda **given: next(iter(ua.self_play(**given))), {"scenario": S, "k": 2, "step": 1.0}),
    "SharedPolicy": (lambda **given: ua.score(S, ua.SharedPolicy(**given), 2), {"probabilities": [[0.5, 0.5]]}),
    "solve": (ua.solve, {"scenario": S, "k": 2, "tolerance": 1e-8, "method": "auto", "temperature": 0.1}),
    "solve_versus": (ua.solve_versus, {"scenario": S, "k": 2, "l": 1, "tolerance": 1e-6, "prompt": 0}),
    "tabulate": (ua.tabulate, {"scenario": S, "policy": "uniform", "k": 2, "player": None}),
    "Task": (ua.Task, {"scenario": S, "k": 2, "seed": 0, "l": 1}),
    "tensor_game": (ua.tensor_game, {"game": GAME, "prompt": 0}),
    "unpack": (ua.Users.unpack, {"packed": USERS.pack()}),
    "versus_map": (ua.versus_map, {"scenario": S, "largest_k": 2, "largest_l": 1}),
    "win_rate": (
        ua.win_rate,
        {"scenario": S, "policy": "uniform", "k": 2, "opponent": 0, "l": None, "prompt": 0},
    ),
    "win_rate_curve": (ua.win_rate_curve, {"scenario": S, "sizes": [1, 2]}),
    "BatchedGame": (ua.BatchedGame, {"scenario": S, "players": 3, "num_games": 2, "feedback": "pick"}),
    "ualign_v0": (
        ualign_v0.parallel_env,
        {"scenario": S, "players": 3, "feedback": "pick", "rounds": 1, "render_mode": None, "action_mask": False},
    ),
    "ualign_versus_v0": (ualign_versus_v0.env, {"scenario": S, "k": 2, "l": 1, "feedback": "pick", "rounds": 1}),
    "Exploiter": (single.Exploiter, {"scenario": S, "k": 2, "policy": "uniform", "feedback": "pick", "l": 1}),
    "SelfPlay": (single.SelfPlay, {"scenario": S, "players": 3, "feedback": "pick"}),
    "Seats": (
        vector.SeatsVectorEnv,
        {"num_envs": 3, "scenario": S, "players": 3, "feedback": "pick", "autoreset_mode": "SameStep"},
    ),
    "ExploiterVectorEnv": (vector.ExploiterVectorEnv, {"num_envs": 3, "scenario": S, "k": 2, "policy": "uniform"}),
}

NOTHING = [None, "", b"x", [], {}, object(), type, iter([1, 2]), [None], [[]], np.array([]), np.array(5)]
NUMBERS = [0, -1, 5, 1.5, float("nan"), float("inf"), 1e308, 1e-320, 10**30, 1j, True, np.float16(1), np.array([1j, 2])]
OTHERS = [
    "x",
    S,
    USERS,
    GAME,
    np.ma.masked,
    np.ma.array([0, 1], mask=[True, False]),
    [np.ma.array([0.5, 0.5], mask=[True, False])] * 2,
    np.array([[0, 1], [1, 0]], dtype=object),
    np.datetime64("2020"),
    np.zeros((2, 2, 2, 2)),
    {"a": 1.0},
    {"a": {"b": None}},
    {None: {}},
    lambda *_: None,
    lambda *_: "x",
]


@pytest.mark.parametrize("name", CALLS)
def test_wrong_arguments_are_value_errors(name, capfd):
    function, good = CALLS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function(**good)
        for argument in good:
            for junk in [*NOTHING, *NUMBERS, *OTHERS]:
                with suppress(ValueError, pyspiel.SpielError):
                    function(**{**good, argument: junk})
    capfd.readouterr()  # what OpenSpiel prints of errors


def test_every_public_function_is_tried():
    functions = {name for name in ua.__all__ if not isinstance(getattr(ua, name), type)}
    assert functions - {"list_scenarios"} <= set(CALLS)


HALVES = np.ma.array([0.5, 0.5], mask=[True, False])
BOTH = np.ma.array([0, 1], mask=[True, False])
MASKED = {
    "mixture": lambda: ua.deviation_payoffs(S, ua.Mixture([[HALVES], [HALVES]], [1, 1]), 2),
    "weights of a mixture": lambda: ua.deviation_payoffs(S, ua.Mixture(np.full((2, 2), 0.5), HALVES), 2),
    "policy": lambda: ua.score(S, HALVES, 2),
    "rows of a policy": lambda: ua.score(S, [HALVES], 2),
    "answer of a policy": lambda: ua.score(S, lambda _: HALVES, 2),
    "policies": lambda: ua.leave_one_out_payoffs(S, [[HALVES], [HALVES], [HALVES]]),
    "slots": lambda: ua.choice_shares(S, BOTH),
    "scores": lambda: ua.Population.from_scores([HALVES, HALVES]),
    "rankings": lambda: ua.Population.from_rankings([BOTH, BOTH]),
    "places": lambda: ua.Population.from_ranks([BOTH]),
    "weights": lambda: ua.Population.from_rankings([[0, 1], [1, 0]], BOTH),
    "ranks of a population": lambda: ua.Population(BOTH[None], [1.0], ["a", "b"], 1),  # pyright: ignore[reportArgumentType]
    "weights of a population": lambda: ua.Population([[0, 1], [1, 0]], HALVES, ["a", "b"], 2),  # pyright: ignore[reportArgumentType]
    "probabilities": lambda: ua.Scenario([USERS, USERS], probabilities=HALVES),
    "features": lambda: ua.Scenario([USERS], features=HALVES[None]),
    "said": lambda: ua.sample_curve(S, BOTH),
    "opponents": lambda: ua.sample_curve(S, [0, 1], pool=BOTH),
    "scores of a group": lambda: ua.group_rewards(BOTH[None], 1),
    "weights of a group": lambda: ua.group_rewards([[0, 1], [1, 0]], 1, HALVES),
    "samples": lambda: ua.score_samples(S, BOTH[None].repeat(3, axis=0)),
    "opponent": lambda: ua.win_rate(S, "uniform", 2, BOTH),
    "distribution of an opponent": lambda: ua.win_rate(S, "uniform", 2, HALVES, 2),
    "multisets": lambda: ua.score(S, ua.JointPolicy((BOTH[None],), (np.ones(1),), 2), 2),
    "chances": lambda: ua.score(S, ua.JointPolicy((SETS[0],), (HALVES,), 2), 2),
    "losses": lambda: ua.matrix_game(HALVES[None]),
    "reference": lambda: ua.solve(S, 2, temperature=0.1, reference=HALVES),
    "responses that remain": lambda: USERS.restricted(BOTH),
    "types": lambda: USERS.resampled(BOTH),
    "sizes": lambda: ua.win_rate_curve(S, BOTH),
}


@pytest.mark.parametrize("name", MASKED)
def test_what_is_masked_is_not_taken_for_what_is_behind_the_mask(name):
    with pytest.raises(ValueError, match="mask"):
        MASKED[name]()
