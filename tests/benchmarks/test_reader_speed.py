"""How fast tables are read: a million ratings, beside what a data frame library needs for the bare cells."""

import csv

import numpy as np
import pytest

import ualign_env as ua

USERS, RESPONSES, PROMPTS = 500, 20, 100


@pytest.fixture(scope="module")
def ratings(tmp_path_factory):
    """Returns a csv file of a million ratings."""
    path = tmp_path_factory.mktemp("ratings") / "ratings.csv"
    scores = np.random.default_rng(0).integers(1, 6, (PROMPTS, USERS, RESPONSES))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prompt", "user", "response", "score"])
        for (x, u, y), score in np.ndenumerate(scores):
            writer.writerow([f"prompt {x}", f"user {u}", f"model {y}", score])
    return path


def test_a_million_ratings(benchmark, ratings):
    scenario = benchmark.pedantic(ua.read_ratings, (ratings,), rounds=2)
    assert (scenario.n_prompts, scenario.n_responses, scenario.populations[0].n_users) == (PROMPTS, RESPONSES, USERS)


def test_a_million_ratings_as_bare_cells_by_polars(benchmark, ratings):
    pl = pytest.importorskip("polars")
    assert benchmark.pedantic(pl.read_csv, (ratings,), rounds=2).height == USERS * RESPONSES * PROMPTS
