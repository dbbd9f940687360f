"""An agent's clock, its budget, and the looks at it, without any process."""

import re
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import ualign_env as ua
from ualign_env.benchmark.budget import Budget, Looks, Spent
from ualign_env.benchmark.running import learning
from ualign_env.scoring.scored_policy import ScoredPolicy

TASK = ua.Task("german-goals", 2, seed=5)
GOOD, BAD = [0.4, 0.1, 0.5, 0.0], [1.0, 0, 0, 0]


class Clock:
    """Stands still unless it is told to go on, however slow the machine is."""

    def __init__(self):
        self.now = 1000.0

    def pass_(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(learning, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    monkeypatch.setattr(learning, "own_cpu", lambda: clock.now)
    return clock


def every(clock, seconds, policy=GOOD):
    def agent(_):
        while True:
            clock.pass_(seconds)
            yield policy

    return agent


def test_the_last_policy_is_scored():
    result = ua.run(lambda _: iter([BAD, GOOD]), TASK)
    card = ua.score(TASK.scenario, GOOD, 2)
    assert result.scorecard is not None
    assert result.scorecard["robust_win_rate"] == card.robust_win_rate
    assert result.shortfall == card.shortfall
    assert (result.task, result.k, result.seed, result.steps) == ("german-goals", 2, 5, 2)
    assert (result.status, result.error, result.enforced) == ("learned", None, False)


def test_what_is_learned_beyond_the_budget_is_scored_and_not_ranked(clock):
    def slow(_):
        clock.pass_(0.5)
        yield BAD
        clock.pass_(100)
        yield GOOD

    result = ua.run(slow, TASK, seconds=1)
    assert [look.cpu for look in result.trace] == [0.5, 100.5]
    assert result.final == 0
    assert result.shortfall == ua.score(TASK.scenario, BAD, 2).shortfall
    assert result.policy == [BAD]


def test_who_has_learned_nothing_within_the_budget_has_nothing(clock):
    result = ua.run(every(clock, 100), TASK, seconds=1)
    assert (result.status, result.steps, result.final, result.ranked) == ("learned", 1, None, None)
    assert result.shortfall == result.optimum == 2 / 3
    assert result.scorecard is None
    assert result.policy is None
    assert "nothing within 1 second of CPU" in result.summary()


def test_looks_begin_after_a_millisecond_and_grow_by_a_quarter(clock):
    result = ua.run(every(clock, 1 / 4096), TASK, seconds=1)
    times = [look.cpu for look in result.trace]
    assert times[0] == 5 / 4096  # the first step beyond a millisecond
    assert times[-1] == 1.0
    ratios = np.divide(times[1:], times[:-1])
    assert (ratios < 1.25 + 0.25).all()
    assert 25 < len(times) < 36


def test_there_is_a_look_before_a_step_that_would_end_the_budget(clock):
    """Steps of 0.3 end at 0.9 within a budget of 1; looks that grow by a quarter alone would miss that."""
    result = ua.run(every(clock, 0.3), TASK, seconds=1)
    assert result.ranked is not None
    assert result.ranked.cpu == pytest.approx(0.9)


def test_looks_by_plays_and_steps_depend_on_nothing_else():
    for unit in ("plays", "steps"):
        found = []
        for seconds in (0.0, 10.0):
            looks, taken = Looks(Budget(unit, 1000)), []
            for n in range(1, 1001):
                spent = Spent(cpu=seconds * n, steps=n, plays=n)
                if looks.due(spent):
                    taken.append(n)
                    looks.taken(spent, seconds)
            found.append(taken)
        assert found[0] == found[1]
        assert found[0][0] == {"plays": 10, "steps": 1}[unit]
        assert found[0][-1] == 1000


def test_scoring_takes_at_most_a_tenth_of_a_budget_of_seconds():
    for cost in (1e-4, 1e-3, 0.01, 0.05):
        looks, n = Looks(Budget("seconds", 2.0)), 0
        for step in range(1, 20_001):
            spent = Spent(cpu=step * 1e-4)
            if looks.due(spent):
                n += 1
                looks.taken(spent, cost)
        assert n * cost <= 0.1 * 2.0 + cost, cost
    assert n > 1


@pytest.mark.parametrize(("reading", "cpu"), [(1.5, 3.0), (4.0, 5.0)])
def test_reading_is_not_the_agents_time_unless_work_is_put_off_until_then(clock, reading, cpu):
    """A tenth of the budget may go into it; it is read twice."""

    def slow_to_read(_):
        clock.pass_(reading)
        return GOOD

    def learns(_):
        for _ in range(3):
            clock.pass_(1)
            yield slow_to_read

    result = ua.run(learns, TASK, seconds=60)
    assert (result.steps, result.cpu, result.wall) == (3, cpu, 3)
    assert clock.now == 1000 + 3 + 2 * reading


def test_work_that_is_put_off_beyond_the_budget_is_not_ranked(clock):
    def thinks_later(_):
        clock.pass_(5)
        return GOOD

    def learns(_):
        yield thinks_later

    result = ua.run(learns, TASK, seconds=1)
    assert (result.status, result.cpu, result.ranked) == ("learned", 4.9, None)


def test_processes_that_an_agent_starts_are_its_time():
    def starts(_):
        burn = "import time\nwhile time.process_time() < 0.3: pass"
        subprocess.run([sys.executable, "-c", burn], check=True)
        yield GOOD

    assert ua.run(starts, TASK).cpu >= 0.3


def test_an_agent_is_a_generator():
    result = ua.run(lambda _: np.array(GOOD), TASK)  # pyright: ignore[reportArgumentType]
    assert result.status == "failed"
    assert "an agent must be a generator, which yields policies, but this one returned array(" in str(result.error)


def test_more_plays_than_there_are_say_so():
    @ua.agent(information="picks")
    def greedy(task):
        task.users().pick(np.zeros((100, task.slots), int))
        yield GOOD

    result = ua.run(greedy, TASK, plays=50)
    assert result.error == "the agent yielded no policy before this: 100 plays were asked for, but 50 of 50 are left"


def test_only_who_is_declared_so_chooses_together():
    """Otherwise two responses of a model that knows which two would beat every equilibrium of samples."""
    together = np.eye(3)[:2, None, :]
    task = ua.Task(ua.Population.from_rankings([[0, 1, 2], [1, 0, 2]]), 2)
    result = ua.run(lambda _: iter([together]), task)
    assert result.status == "failed"
    assert "which only agents do that are declared with joint=True" in str(result.error)
    declared = ua.agent(joint=True)(lambda _: iter([together]))
    assert ua.run(declared, task).status == "learned"


def test_what_is_known_of_users_is_asked_before_anything_else():
    margins = np.array([[0.5, 0.6, 0.3], [0.4, 0.5, 0.7], [0.7, 0.3, 0.5]])
    users = ua.PairwiseUsers(margins)
    assert ua.run("uniform", ua.Task(users, 1)).status == "learned"
    result = ua.run("uniform", ua.Task(users, 2))
    assert (result.status, result.error) == ("unsupported", "what users pick among 3 responses is not known")
    assert ua.run("pairs-borda", ua.Task(users, 2), plays=100).status == "unsupported"
    found = ua.Benchmark([ua.Task(users, 1)], ["uniform", "exp3"], 1, plays=300).run(ua.Processes(1))
    assert [one.status for one in found.results] == ["learned"] * 2


def test_the_clock_counts_cpu_and_not_sleep():
    def sleeps(_):
        time.sleep(0.05)
        yield GOOD
        begin = time.process_time()
        while time.process_time() - begin < 0.02:
            pass
        yield GOOD

    result = ua.run(sleeps, TASK)
    assert result.trace[0].cpu < 0.05 <= result.trace[0].wall
    assert 0.02 <= result.longest_step <= result.cpu


def test_a_solved_game_is_left(clock):
    result = ua.run(every(clock, 1 / 64, np.full(3, 1 / 3)), ua.Task("cycle", 2), seconds=60)
    assert result.steps == 1
    assert result.shortfall < 1e-11


def test_a_number_of_steps_is_a_budget_whose_results_are_the_same_bits():
    runs = [ua.run("policy-gradient", ua.Task("german-goals", 3, seed=1), steps=40) for _ in range(2)]
    assert runs[0].steps == 40
    assert runs[0].policy_digest == runs[1].policy_digest
    assert [look.shortfall for look in runs[0].trace] == [look.shortfall for look in runs[1].trace]
    other = ua.run("policy-gradient", ua.Task("german-goals", 3, seed=2), steps=40)
    assert other.policy_digest != runs[0].policy_digest


def test_failures_have_their_traceback():
    def breaks(_):
        yield GOOD
        raise RuntimeError("out of luck")

    result = ua.run(breaks, TASK)
    assert result.status == "failed"
    assert result.ranked is None
    assert result.error is not None
    assert "RuntimeError: out of luck" in result.error
    assert "in breaks" in result.error


def test_refusals_are_not_failures():
    def refuses(_):
        raise ua.TooLargeError("too many players")
        yield GOOD

    result = ua.run(refuses, TASK)
    assert (result.status, result.error, result.scorecard) == ("unsupported", "too many players", None)


def test_a_bug_is_a_failure_also_where_it_is_a_value_error():
    def breaks(_):
        yield np.ones(3) + np.ones(4)

    result = ua.run(breaks, TASK)
    assert result.status == "failed"
    assert result.error is not None
    assert "in breaks" in result.error


def test_an_agent_without_a_policy_has_failed():
    result = ua.run(lambda _: iter([]), TASK)
    assert (result.status, result.error) == ("failed", "the agent yielded no policy")


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ([2.0, 0, 0, 0], "sums to 2"),
        ([np.nan, 0, 0, 1], "finite|nan"),
        ([0.5, 0.5], "2 entries, but the scenario has 4"),
        (None, ""),
    ],
)
def test_policies_that_are_none_are_failures(policy, message):
    result = ua.run(lambda _: iter([policy]), TASK)
    assert (result.status, result.scorecard) == ("failed", None)
    assert result.error is not None
    assert re.search(message, result.error)


@pytest.mark.parametrize(("exception", "status"), [(KeyboardInterrupt, "interrupted"), (SystemExit, "failed")])
def test_interrupted_agents_keep_their_trace(exception, status):
    def interrupted(_):
        yield GOOD
        raise exception

    result = ua.run(interrupted, TASK, steps=10)
    assert result.status == status
    assert len(result.trace) == 1


@pytest.mark.parametrize(
    ("exception", "status"),
    [(RuntimeError, "failed"), (MemoryError, "out-of-memory"), (ua.TooLargeError, "unsupported")],
)
def test_what_breaks_in_scoring_ends_this_run_alone(monkeypatch, exception, status):
    def breaks(*_):
        raise exception("while scoring")

    monkeypatch.setattr(ScoredPolicy, "rate", property(breaks))
    result = ua.run(lambda _: iter([GOOD]), TASK)
    assert (result.status, result.scorecard) == (status, None)
    assert result.error is not None


def test_a_mixture_is_scored_as_a_whole_and_each_of_its_policies_once(monkeypatch):
    rng, counted = np.random.default_rng(0), []
    policies = [rng.dirichlet(np.ones(4)) for _ in range(8)]

    def mixes(_):
        for n in range(1, 9):
            yield ua.Mixture(np.array(policies[:n])[:, None], np.arange(1.0, n + 1))

    payoffs = ua.SharedPolicy.payoffs
    monkeypatch.setattr(ua.SharedPolicy, "payoffs", lambda *given: counted.append(1) or payoffs(*given))
    result = ua.run(mixes, TASK, steps=8)
    whole = ua.Mixture(np.array(policies)[:, None], np.arange(1.0, 9))
    assert result.shortfall == pytest.approx(ua.score(TASK.scenario, whole, 2).shortfall, abs=1e-12)
    assert len(counted) <= 8 + 10  # each policy once, and what the scorecard of the last asks for


def test_checkpoints_carry_plays_that_nobody_else_counts():
    result = ua.run(lambda _: iter([ua.Checkpoint(GOOD, plays=70), ua.Checkpoint(BAD, plays=90)]), TASK, steps=2)
    assert [look.plays for look in result.trace] == [70, 90]


def test_tasks_take_what_stands_for_a_scenario():
    assert ua.Task("german-goals", 2, 5) == TASK
    for wrong, message in (
        ({"k": 0}, "k is 0"),
        ({"l": 501}, "l is 501"),
        ({"seed": -1}, "seed is -1"),
        ({"information": "all"}, "unknown information 'all'"),
    ):
        with pytest.raises(ValueError, match=message):
            ua.Task(**({"scenario": TASK.scenario, "k": 2} | wrong))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"seconds": 0}, "seconds is 0"), ({"plays": 0}, "plays is 0"), ({"steps": 1.5}, "steps is 1.5")],
)
def test_budgets_are_checked(wrong, message):
    with pytest.raises(ValueError, match=message):
        ua.run("uniform", TASK, **wrong)


def test_results_come_back_from_their_dictionaries():
    result = ua.run("mirror-descent", TASK, steps=30)
    again = ua.RunResult.from_dict(result.to_dict())
    assert again == result
    with pytest.raises(ValueError, match="a result of schema 0, but this version reads schema 1"):
        ua.RunResult.from_dict(result.to_dict() | {"schema": 0})
    damaged = result.to_dict()
    del damaged["budget"]
    with pytest.raises(ValueError, match="a result without budget"):
        ua.RunResult.from_dict(damaged)
    with pytest.raises(ValueError, match="final is 99"):
        ua.RunResult.from_dict(result.to_dict() | {"final": 99})
