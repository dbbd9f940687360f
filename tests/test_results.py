"""One protocol for all results: frozen, a summary, plain values, a certificate, advice where something is missing."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

import ualign_env as ua
from ualign_env._result import Result, plain
from ualign_env.solvers.maximal_lottery import maximal_lotteries

USERS = ua.load_scenario("mallows/responses:4/users:20").populations[0]
UNIFORM = np.full(4, 1 / 4)

RESULTS = {
    "solve": ua.solve(USERS, 2),
    "solve-scenario": ua.solve("mallows/prompts:2", 2, temperature=0.1),
    "score": ua.score(USERS, UNIFORM, 2),
    "score-l": ua.score(USERS, UNIFORM, 2, l=2),
    "score-samples": ua.score_samples(USERS, [[0, 1], [2, 3], [1, 1]], rng=0),
    "best-responses": ua.best_responses(USERS, UNIFORM, 2, 2),
    "solve-versus": ua.solve_versus(USERS, 2, 1),
    "mirror-descent": ua.mirror_descent(USERS, 2, steps=20, optimistic=True),
    "win-rate-curve": ua.win_rate_curve(USERS, [1, 2], temperature=0.1),
    "equilibrium-family": ua.equilibrium_family(USERS, [1, 2]),
    "versus-map": ua.versus_map(USERS, 2, 2),
    "maximal-lotteries": maximal_lotteries(USERS),
    "best-maximal-lottery": ua.best_maximal_lottery(USERS, 2),
    "run": ua.run("uniform", ua.Task(ua.Scenario([USERS]), 2), seconds=0.1),
}


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_follows_the_protocol(name):
    result = RESULTS[name]
    assert isinstance(result, Result)
    names = [field.name for field in fields(result)]  # pyright: ignore[reportArgumentType]
    with pytest.raises(FrozenInstanceError):
        setattr(result, names[0], None)
    assert str(result) == result.summary() != ""
    assert result.advice is None
    content = result.to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert set(names) <= set(content)
    assert content["advice"] is None


@pytest.mark.parametrize("name", [name for name in RESULTS if name not in ("score-samples", "mirror-descent", "run")])
def test_solutions_carry_their_certificate(name):
    assert 0 <= RESULTS[name].to_dict()["certificate"] < 1e-6


def test_what_has_not_converged_gives_advice():
    with pytest.warns(ua.ConvergenceWarning) as warned:
        result = ua.solve("impartial", 2, max_iterations=1)
    assert not result.converged
    assert result.advice is not None
    assert "try more max_iterations" in result.advice
    assert str(warned[0].message) == result.advice == result.to_dict()["advice"]
    assert result.advice in result.summary()
    users = ua.load_scenario("impartial/responses:60/users:300").populations[0]
    found = ua.best_responses(users, np.full(60, 1 / 60), 3, 8)
    assert found.advice is not None
    assert found.certificate == found.upper_bound - found.value > 0
    card = ua.score(users, "uniform", 3, l=8, curve=())
    assert card.advice is not None
    assert card.certificate > 0


def test_what_is_no_number_is_none():
    given = {"a": np.array([1.0, np.nan]), "b": (np.int64(1), np.inf), 3: np.float32(0.5)}
    assert plain(given) == {"a": [1.0, None], "b": [1, None], "3": 0.5}


_CLOCK = """
from types import SimpleNamespace
import time
import ualign_env as ua
from ualign_env._compile import KERNELS
from ualign_env.solvers import symmetric, versus

compiled = []
def perf_counter():
    compiled.append(sum(len(kernel.signatures) for kernel in KERNELS))
    return time.perf_counter()
symmetric.time = versus.time = SimpleNamespace(perf_counter=perf_counter)
users = ua.load_scenario("impartial/responses:4/users:5").populations[0]
for solve in (lambda: ua.solve(users, 3), lambda: ua.solve(users, 1), lambda: ua.solve(users, 20, method="active-set"),
              lambda: ua.solve(users, 3, temperature=0.1), lambda: ua.solve(users, 1, method="proximal", tolerance=0.1),
              lambda: ua.solve_versus(users, 2, 2), lambda: ua.solve_versus(users, 3, 2, method="double-oracle")):
    compiled.clear()
    assert solve().seconds > 0
    print(compiled[-1] - compiled[0], len(compiled))
"""


def test_the_seconds_of_a_solution_include_no_compilation():
    """In a fresh process, no loop is compiled or loaded between the first and the last look at the clock."""
    result = subprocess.run([sys.executable, "-c", _CLOCK], capture_output=True, text=True, check=True)
    assert result.stdout == "0 2\n" * 7
