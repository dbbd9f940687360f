"""What is too large is refused at once, with the number; one table says what that is."""

import base64
import re
import time
import tracemalloc
import zlib

import numpy as np
import pytest

import ualign_env as ua
from ualign_env import _limits, cli, ualign_v0, ualign_versus_v0


def test_every_limit_has_a_name_and_stands_in_the_table():
    named = {value for name, value in vars(_limits).items() if name.startswith("MAX_")}
    assert named == {value for value, *_ in _limits.TABLE}


GERMAN = ua.load_scenario("german-goals")
MANY = ua.load_scenario("impartial/responses:2000/users:3")
UNIFORM = np.full((1, 1, 4), 0.25)
SAMPLES = np.random.default_rng(0).integers(4, size=(200, 60))

#: A call that is too large, and what its error says.
CASES = {
    "MAX_K": (lambda: ua.score("german-goals", "uniform", 1_000_001), "k is 1000001, but must be .* to 1000000"),
    "MAX_L": (lambda: ua.score("german-goals", "uniform", 1, l=501), "l is 501, but must be an integer from 1 to 500"),
    "MAX_PLAYERS": (lambda: ualign_v0.env(players=10_002), "players is 10,002, but at most 10,001"),
    "MAX_PLAYERS, OpenSpiel": (lambda: ua.load_game(players=10**30), "players is 10{30}, but must be"),
    "MAX_POLICIES": (
        lambda: ua.leave_one_out_payoffs(GERMAN, np.repeat(UNIFORM, 1002, axis=0)),
        "has 1002 policies, but at most 1001",
    ),
    "MAX_SAMPLES": (lambda: ua.win_rate(GERMAN, "uniform", 1000, [0.25] * 4, 1001), "at most 2000 times"),
    "MAX_PROMPTS": (lambda: ua.load_scenario("cycle/prompts:30000"), "prompts is 30000, but must be .* to 10000"),
    "MAX_PROMPTS, many": (
        lambda: ua.load_scenario("german-goals/prompts:1000000000"),
        "prompts is 1000000000, but must be",
    ),
    "MAX_PROMPTS, small": (
        lambda: ua.load_scenario("impartial/responses:1/users:1/prompts:300000"),
        "prompts is 300000, but must be",
    ),
    "MAX_PROMPTS, own": (
        lambda: ua.Scenario([GERMAN.populations[0]] * 10_001),
        "a scenario of 10,001 prompts was asked for, but at most 10,000",
    ),
    "MAX_NUMBERS": (
        lambda: ua.load_scenario("euclidean/dimensions:2000000"),
        "2.20e8 numbers are more than the 200,000,000",
    ),
    "MAX_NUMBERS, self-play": (
        lambda: ua.mirror_descent("german-goals", 2, steps=10**30),
        "are 4.00e30 numbers, but at most 200,000,000 are kept",
    ),
    "MAX_NUMBERS, cycle": (lambda: ua.load_scenario("cycle/responses:100000"), "1.00e10 numbers are more"),
    "MAX_TEXT": (
        lambda: ua.load_scenario("inline/" + packed_zeros(10**8 + 1)),
        "is too large: it has more than 100,000,000 bytes",
    ),
    "MAX_ACTIONS": (lambda: ua.load_versus_game(MANY, 2, 1), "2.00e6 multisets of 2 of 2000 responses as actions"),
    "MAX_ACTIONS, PettingZoo": (lambda: ualign_versus_v0.env(MANY, 2, 1), "2.00e6 multisets of 2 responses"),
    "MAX_TENSOR": (lambda: ua.payoff_tensor(GERMAN, 10**9), "1000000000 players|1.00e9 players"),
    "MAX_TENSOR, game": (lambda: ua.tensor_game(ua.load_game(MANY, 3)), "2.40e10 entries"),
    "MAX_PAYOFFS": (lambda: ua.save_nfg(ua.load_game("german-goals", 12), "x.nfg"), "2.01e8 payoffs, but at most"),
    "MAX_STATES": (lambda: ua.cached_game(ua.load_game(players=10_001)), "e6021 states, but at most 1,000,000"),
    "MAX_SETS": (
        lambda: ua.best_responses(MANY, "uniform", 1, 2, method="enumeration"),
        "2.00e6 multisets of 2 of 2000 responses, but at most 2,000,000 with",
    ),
    "MAX_CELLS": (
        lambda: ua.best_responses("cycle", "uniform", 1, 500, method="enumeration"),
        "125751 multisets of 500 of 3 responses, but at most .* with 40,000,000 responses in all",
    ),
    "MAX_PROGRAM": (
        lambda: ua.best_responses("impartial/responses:2000/users:1000", "uniform", 1, 2, method="milp"),
        "integer program of 1,000 users, 2000 responses and l = 2 is too large",
    ),
    "MAX_PAIRS": (lambda: ua.solve_versus(MANY, 1, 2, method="linear-program"), "4.00e9 pairs of multisets"),
    "MAX_CHANCES": (
        lambda: ua.score_samples("german-goals", SAMPLES, l=200),
        "the opponent has 1.37e6 multisets of 200 responses",
    ),
    "MAX_GAMES": (lambda: ua.BatchedGame(num_games=2**31 + 1), "num_games is 2147483649, but must be"),
    "MAX_GAMES, rounds": (lambda: ualign_v0.env(rounds=2**31 + 1), "rounds is 2147483649, but must be"),
}


def packed_zeros(size):
    """Returns a small text that unpacks to many bytes."""
    return base64.urlsafe_b64encode(zlib.compress(b" " * size)).decode()


@pytest.mark.parametrize("name", CASES)
def test_refusals_come_at_once(name):
    call, message = CASES[name]
    start = time.process_time()
    with pytest.raises(ValueError, match=message):
        call()
    assert time.process_time() - start < 30  # far less; minutes and gigabytes are what it stands against


def test_every_limit_is_tried():
    named = {name for name in vars(_limits) if name.startswith("MAX_")}
    assert named == {name.partition(",")[0] for name in CASES} | {"MAX_FIELDS", "MAX_FILE", "MAX_PICTURES"}


def test_files(tmp_path):
    path = tmp_path / "x.soc"
    with path.open("wb") as file:
        file.truncate(500_000_001)
    with pytest.raises(ua.TooLargeError, match="has 500,000,001 bytes, but at most 500,000,000 are read"):
        ua.load_scenario(path)


def test_tables(tmp_path, monkeypatch):
    pl = pytest.importorskip("polars")
    path = tmp_path / "x.parquet"
    pl.select(pl.repeat(0, 25_000_001).alias("user"), pl.repeat(0, 25_000_001).alias("score")).write_parquet(path)
    with pytest.raises(ua.TooLargeError, match="has 50,000,002 cells, but at most 50,000,000 are read"):
        ua.load_scenario(path)
    # a few kilobytes of a long text, repeated
    pl.select(pl.repeat("x" * 100_000, 5001).alias("user"), pl.repeat(0, 5001).alias("order")).write_parquet(path)
    assert path.stat().st_size < 1e6
    with pytest.raises(ua.TooLargeError, match="has 500,100,000 bytes of text, but at most 500,000,000 are read"):
        ua.load_scenario(path)
    with pytest.raises(ua.TooLargeError, match="400,000,000 scores are more than the 200,000,000 that are read"):
        ua.read_ratings(diagonal(20_000))
    monkeypatch.setattr("ualign_env.readers.table.MAX_FIELDS", 10)
    with pytest.raises(ua.TooLargeError, match="has more than 5 rows of 2 cells, and 10 cells are read at most"):
        ua.read_orders({"user": range(6), "order": list("aabbcc")})


def diagonal(size):
    """Returns ratings of as many users as responses, one each."""
    return {"user": range(size), "response": range(size), "score": [0] * size}


def test_pictures(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["ualign", "versus", "--k=20", "--l=20", "--out=map.png"])
    with pytest.raises(SystemExit):
        cli.main()
    assert re.search("the heat map would show 400 games, but at most 100", capsys.readouterr().err)


def test_memory_is_bounded_where_many_samples_differ():
    """The bootstrap of 50,000 different samples took a gigabyte."""
    samples = np.random.default_rng(0).integers(9, size=(20_000, 9))
    ua.score_samples("impartial/responses:9", samples[:10], rng=0)
    tracemalloc.start()
    ua.score_samples("impartial/responses:9", samples, rng=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400e6
