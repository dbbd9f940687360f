import time
from types import SimpleNamespace

import numpy as np
import pytest

from ualign_env import TooLargeError, load_scenario, score
from ualign_env.benchmark import runner
from ualign_env.benchmark.runner import run
from ualign_env.benchmark.tasks import Task
from ualign_env.scoring.scorecard import Evaluation

TASK = Task(load_scenario("german-goals"), 2, seed=5)
GOOD, BAD = [0.4, 0.1, 0.5, 0.0], [1.0, 0, 0, 0]


def test_the_last_policy_is_scored():
    result = run(lambda _: iter([BAD, GOOD]), TASK, seconds=10, name="a")
    assert result.scorecard == score(TASK.scenario, GOOD, 2)
    assert (result.agent, result.scenario, result.k, result.seed, result.steps) == ("a", "german-goals", 2, 5, 2)
    assert (result.status, result.error) == ("learned", None)


class Clock:
    """Stands still unless it is told to go on, however slow the machine is."""

    def __init__(self):
        self.now = 1000.0

    def pass_(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(runner, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    return clock


def test_time_is_up_between_steps(clock):
    def endless(_):
        while True:
            clock.pass_(1 / 64)
            yield GOOD

    result = run(endless, TASK, seconds=0.1)
    assert (result.steps, result.seconds) == (7, 7 / 64)
    # a look at each doubling of the time, and one at the end
    assert [(point.steps, point.seconds) for point in result.trace] == [(n, n / 64) for n in (1, 2, 4, 7)]


@pytest.mark.parametrize(("growth", "looks"), [(2.0, [1, 2, 4, 8, 16, 20]), (3.0, [1, 3, 9, 20]), (1.5, None)])
def test_looks_are_taken_at_growing_times(monkeypatch, growth, looks):
    clock = [0.0]
    monkeypatch.setattr("ualign_env.benchmark.runner.time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def every_second(_):
        while True:
            clock[0] += 1
            yield GOOD

    result = run(every_second, TASK, seconds=20, look_growth=growth)
    assert [point.steps for point in result.trace] == (looks or [1, 2, 3, 5, 8, 12, 18, 20])
    assert [point.seconds for point in result.trace] == [point.steps for point in result.trace]
    assert result.seconds == result.steps == 20


def test_the_first_look_is_soon(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("ualign_env.benchmark.runner.time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def quick(_):
        while True:
            clock[0] += 1 / 1024
            yield GOOD

    result = run(quick, TASK, seconds=1)
    assert [point.steps for point in result.trace] == [11, 22, 44, 88, 176, 352, 704, 1024]


def test_one_long_step_may_take_more_than_the_time(clock):
    def slow(_):
        clock.pass_(100)
        yield GOOD
        yield BAD

    result = run(slow, TASK, seconds=1)
    assert (result.steps, result.seconds, result.status) == (1, 100, "learned")
    assert result.scorecard == score(TASK.scenario, GOOD, 2)


def test_scoring_is_not_the_agents_time(clock):
    def slow_to_read(_):
        clock.pass_(100)
        return GOOD

    def learns(_):
        for _ in range(3):
            clock.pass_(1)
            yield slow_to_read

    result = run(learns, TASK, seconds=60)
    assert (result.steps, result.seconds) == (3, 3)
    assert clock.now > 1100


def test_the_clock_is_a_real_one():
    def sleeps(_):
        time.sleep(0.02)
        yield GOOD

    assert run(sleeps, TASK, seconds=60).seconds >= 0.02


def test_a_solved_game_is_left(clock):
    def endless(_):
        while True:
            clock.pass_(1 / 64)
            yield np.full(3, 1 / 3)

    assert run(endless, Task(load_scenario("cycle"), 2), seconds=60, name="a").steps == 1


def test_failures_keep_what_was_learned_and_their_traceback():
    def breaks(_):
        yield GOOD
        raise RuntimeError("out of luck")

    result = run(breaks, TASK, seconds=1, name="a")
    assert result.status == "failed"
    assert result.scorecard == score(TASK.scenario, GOOD, 2)
    assert result.error is not None
    assert "RuntimeError: out of luck" in result.error
    assert "in breaks" in result.error


def test_refusals_are_not_failures():
    def refuses(_):
        raise TooLargeError("too many players")
        yield GOOD

    result = run(refuses, TASK, seconds=1, name="a")
    assert (result.status, result.error, result.scorecard) == ("unsupported", "too many players", None)


def test_a_bug_is_a_failure_also_where_it_is_a_value_error():
    def breaks(_):
        yield np.ones(3) + np.ones(4)

    result = run(breaks, TASK, seconds=1, name="a")
    assert result.status == "failed"
    assert result.error is not None
    assert "in breaks" in result.error


def test_an_agent_without_a_policy_has_failed():
    result = run(lambda _: iter([]), TASK, seconds=1, name="a")
    assert (result.status, result.error) == ("failed", "the agent yielded no policy")


def test_policies_that_are_none_are_failures():
    result = run(lambda _: iter([[2.0, 0, 0, 0]]), TASK, seconds=1, name="a")
    assert result.status == "failed"
    assert result.scorecard is None
    assert result.error is not None
    assert "sums to 2" in result.error


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
def test_interrupted_agents_keep_what_they_learned(exception):
    def interrupted(_):
        yield GOOD
        raise exception

    result = run(interrupted, TASK, seconds=1, name="a")
    assert result.status == ("interrupted" if exception is KeyboardInterrupt else "failed")
    assert result.scorecard == score(TASK.scenario, GOOD, 2)
    assert result.policy == [GOOD]


def test_tasks_take_what_stands_for_a_scenario():
    assert Task("german-goals", 2, 5) == TASK  # pyright: ignore[reportArgumentType]
    for wrong, message in (({"k": 0}, "k is 0"), ({"l": 501}, "l is 501"), ({"seed": -1}, "seed is -1")):
        with pytest.raises(ValueError, match=message):
            Task(**({"scenario": TASK.scenario, "k": 2} | wrong))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("exception", "status"),
    [(RuntimeError, "failed"), (KeyboardInterrupt, "interrupted"), (TooLargeError, "unsupported")],
)
@pytest.mark.parametrize("where", ["rate", "curve"])
def test_what_breaks_in_scoring_ends_this_run_alone(monkeypatch, where, exception, status):
    """Also where the metrics, and not the reading of a policy, are what breaks off."""

    def breaks(*_):
        raise exception("while scoring")

    monkeypatch.setattr(Evaluation, where, property(breaks) if where == "rate" else breaks)
    result = run(lambda _: iter([GOOD]), TASK, seconds=10, name="a")
    assert (result.status, result.scorecard) == (status, None)
    assert result.error is not None


def test_a_policy_that_draws_is_read_once_for_score_and_policy():
    rng = np.random.default_rng(0)
    result = run(lambda _: iter([lambda _: rng.dirichlet(np.ones(4))]), TASK, seconds=10, name="a")
    assert result.scorecard == score(TASK.scenario, result.policy, 2)


def test_a_callable_that_raises_ends_this_run_alone():
    def raises(_):
        raise RuntimeError("no answer")

    result = run(lambda _: iter([raises]), TASK, seconds=10, name="a")
    assert (result.status, result.scorecard, result.policy) == ("failed", None, None)
