"""Statistics against definitions, scipy, values counted by hand, and simulations of their coverage."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, rankdata, trim_mean

import ualign_env as ua
from ualign_env.benchmark.reporting.standings import boards, failures, reason_of
from ualign_env.benchmark.reporting.statistics import (
    TARGETS,
    by_task,
    costs_of,
    enough_seeds,
    expected_cost,
    hits,
    interquartile_mean,
    mean_ranks,
    overall,
    probability_of_improvement,
    score_of,
    solved_curve,
)
from ualign_env.benchmark.results import Look

RUN = ua.run("exp3", ua.Task("german-goals", 2), steps=1)
RNG = np.random.default_rng(1)


def result(shortfalls, costs=None, **changes):
    """Returns a run with looks at costs (1, 2, 3, ... plays unless they are given), of which all are in its budget."""
    costs = range(1, len(shortfalls) + 1) if costs is None else costs
    rows = list(zip(costs, shortfalls, strict=True))
    looks = tuple(Look(plays=cost, shortfall=value, nash_conv=None, score_seconds=0.0) for cost, value in rows)
    inside = [i for i, look in enumerate(looks) if look.plays <= 100]
    fields = {
        "unit": "plays",
        "trace": looks,
        "final": inside[-1] if inside else None,
        "budget": 100,
        "plays": max(costs, default=0),
    }
    return replace(RUN, **fields | {"status": "learned", "suite": "s 1"} | changes)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=40))
def test_the_interquartile_mean_is_scipys_where_quarters_are_whole(values):
    np.testing.assert_allclose(
        interquartile_mean(np.repeat(values, 4)), trim_mean(np.repeat(values, 4), 0.25), atol=1e-9
    )


def test_the_interquartile_mean_by_hand():
    assert interquartile_mean([5.0]) == 5
    assert interquartile_mean([1.0, 2.0]) == 1.5
    # of three, the middle weighs 1/3 of 1/2, and 1/12 of each other is inside
    assert interquartile_mean([0.0, 1.0, 10.0]) == pytest.approx(2 * (1 / 3 + 10 / 12))
    assert interquartile_mean([0.0, 1.0, 10.0], [1, 2, 1]) == pytest.approx(1.0)
    assert interquartile_mean([[1.0, 2, 3, 4], [4, 3, 2, 1]]).tolist() == [2.5, 2.5]


def test_tasks_with_more_seeds_do_not_weigh_more():
    one = overall([np.full(2, 1.0), np.full(2, 3.0)], RNG).value
    assert overall([np.full(50, 1.0), np.full(2, 3.0)], RNG).value == pytest.approx(one) == pytest.approx(2.0)


def test_intervals_cover_what_other_seeds_would_give():
    """Of 300 benchmarks of 10 tasks and 5 seeds, about 95% of the intervals hold what ever more seeds tend to."""
    means, noise, covered = RNG.normal(3, 2, 10), 0.5, 0
    truth = float(np.mean([interquartile_mean(means + noise * RNG.normal(size=10)) for _ in range(4000)]))
    for _ in range(300):
        scores = [mean + noise * RNG.normal(size=5) for mean in means]
        found = overall(scores, RNG, 300)
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value + 0.3
        covered += found.low <= truth <= found.high
    assert 0.85 < covered / 300 < 0.99  # five seeds: the bootstrap's intervals are a little short


def test_what_does_not_depend_on_seeds_has_no_interval():
    assert overall([np.array([1.0]), np.array([2.0])], RNG).low is None
    assert overall([np.array([1.0, 1.0]), np.array([])], RNG).low is None
    assert np.isnan(overall([np.array([])], RNG).value)


def test_the_probability_of_improvement_is_mann_whitneys():
    one, other = RNG.normal(size=7), RNG.normal(size=5)
    expected = mannwhitneyu(one, other).statistic / 35
    assert probability_of_improvement([one], [other], RNG).value == pytest.approx(expected)
    assert probability_of_improvement([one], [one], RNG).value == 0.5
    found = probability_of_improvement([one + 9, other], [one, other + 9], RNG)
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    assert np.isnan(probability_of_improvement([one], [np.array([])], RNG).value)


def test_ranks_share_ties_and_put_who_is_missing_last():
    scores = {"a": [3.0, 1.0], "b": [2.0, 1.0], "c": [1.0, 0.0]}
    table = {name: [np.array([value]) for value in row] for name, row in scores.items()}
    expected = np.mean([rankdata([-row[i] for row in scores.values()]) for i in (0, 1)], axis=0)
    assert list(mean_ranks(table).values()) == expected.tolist()
    table["c"][1] = np.array([])
    assert mean_ranks(table)["c"] == 3
    assert mean_ranks({}) == {}


def test_hits_are_first_looks_within_the_budget():
    run = result([0.5, 0.05, 0.5, 1e-9], [1, 2, 3, 200])
    assert hits(run, np.array([0.5, 0.1, 0.01])).tolist() == [1, 2, np.inf]
    assert np.isinf(hits(replace(run, status="failed"))).all()
    assert TARGETS.size == 36
    assert TARGETS[0] == 0.1
    assert TARGETS[-1] == pytest.approx(1e-8)


def test_the_ecdf_counts_pairs_of_tasks_and_targets():
    runs = [result([0.05, 1e-9], [10, 50], k=1), result([0.5], [10], k=2)]
    curve = solved_curve(runs, [("german-goals", 1, 1), ("german-goals", 2, 1)], np.array([1.0, 10, 50, 100]), RNG)
    share = (TARGETS >= 0.05).mean() / 2
    np.testing.assert_allclose(curve.shares, [0, share, 0.5, 0.5])
    assert curve.low is None
    assert curve.area == pytest.approx(np.mean([0, share, 0.5, 0.5]))
    # a task that nobody started counts as not solved
    half = solved_curve(runs[:1], [("german-goals", 1, 1), ("german-goals", 2, 1)], np.array([100.0]), RNG)
    assert half.shares.tolist() == [0.5]


def test_bands_of_the_ecdf_come_from_seeds():
    runs = [result([1e-9 if seed % 2 else 0.5], [10], seed=seed) for seed in range(6)]
    curve = solved_curve(runs, [("german-goals", 2, 1)], np.array([10.0]), RNG)
    assert curve.low is not None
    assert curve.high is not None
    assert curve.low[0] < curve.shares[0] == 0.5 < curve.high[0]


def test_expected_costs_count_what_failures_spent():
    runs = [result([0.5, 1e-3], [10, 40]), result([0.5], [90], seed=1), result([0.5], [300], seed=2)]
    # 40, then 90, then a budget of 100
    assert expected_cost(runs, 1e-2) == 40 + 90 + 100
    assert expected_cost(runs, 0.5) == (10 + 90 + 100) / 2
    assert expected_cost(runs, 1e-9) == np.inf
    assert expected_cost([], 0.1) == np.inf


def test_scores_are_decades():
    assert score_of(result([1e-3])) == pytest.approx(3)
    assert score_of(result([0.0])) == 10
    nothing = result([1e-3], [200])
    assert nothing.ranked is None
    assert score_of(nothing) == pytest.approx(-np.log10(2 / 3))


def test_costs_go_from_the_first_look_to_the_budget():
    for unit, first in (("seconds", 1e-3), ("plays", 10), ("steps", 1)):
        costs = costs_of(1000, unit)
        assert (costs[0], costs[-1], costs.size) == (pytest.approx(first), pytest.approx(1000), 40)


def test_who_depends_on_seeds_is_ranked_with_three():
    runs = [result([0.1], seed=seed, agent="a") for seed in range(3)]
    assert enough_seeds(runs, [("german-goals", 2, 1)])
    assert not enough_seeds(runs[:2], [("german-goals", 2, 1)])
    assert not enough_seeds(runs, [("german-goals", 2, 1), ("german-goals", 3, 1)])
    assert enough_seeds([replace(runs[0], random=False)], [("german-goals", 2, 1)])
    assert not enough_seeds([replace(runs[0], random=False)], [("german-goals", 2, 1), ("german-goals", 3, 1)])
    runs.append(result([0.5], agent="b"))
    runs += [result([], agent="c", status="unsupported", seed=seed) for seed in range(3)]
    (board,) = boards(runs)
    assert [(row.agent, row.rank) for row in board.standings] == [("a", 1), ("b", None), ("c", None)]


def test_what_a_limit_has_ended_had_learned_something_before():
    assert result([0.1, 1e-3], status="timeout").shortfall == 1e-3
    assert result([0.1, 1e-3], status="failed").ranked is None


def test_reasons_are_the_line_that_says_what_it_was():
    error = "Traceback (most recent call last):\n  File 'x'\n    raise\nValueError: what it was\n  and a hint\n"
    assert reason_of(result([], status="failed", error=error)) == "ValueError: what it was"


def test_boards_are_by_class_and_by_what_was_played():
    runs = [
        result([0.1]),
        result([0.1], information="exact", agent="e"),
        result([0.1], information="exact", agent="e", l=2),
        result([0.1], information="exact", agent="j", joint=True),
    ]
    kinds = [(board.information, board.kind) for board in boards(runs)]
    assert kinds == [("exact", "samples"), ("exact", "joint"), ("exact", "versus"), ("picks", "samples")]
    with pytest.raises(ValueError, match="results of several suites cannot be compared: s 1, s 2"):
        boards([result([0.1]), result([0.1], suite="s 2")])
    assert boards([]) == []


def test_whoever_could_not_start_is_named_and_not_left_out():
    runs = [
        result([0.1], random=False, agent="a"),
        result([], random=False, agent="b", status="unsupported", error="too\nlarge"),
        result([0.1], [200], random=False, agent="c"),
    ]
    (board,) = boards(runs)
    assert [(row.agent, row.started, row.over) for row in board.standings] == [("a", 1, 0), ("b", 0, 0), ("c", 0, 1)]
    assert board.standings[1].score.value == pytest.approx(-np.log10(2 / 3))
    late = "what it learned first came after its budget of 100 plays"
    assert failures(runs) == [("b", "cannot start", "large", 1), ("c", "too late", late, 1)]
    assert by_task(runs[:1], [("german-goals", 2, 1)])[0].tolist() == [1.0]
