"""Runs in processes of their own: whatever an agent does, its run ends, says how, and takes no other with it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import faulty_agents
import numpy as np
import pytest

import ualign_env as ua
from ualign_env.benchmark.plan import Limits
from ualign_env.benchmark.running import starting, workers
from ualign_env.benchmark.running.cpu import cpu_of
from ualign_env.users.draws import UserDraws

HERE = Path(__file__).parent
PLACE = str(HERE / "faulty_agents.py")
TASK = ua.Task("german-goals", 2)
PATIENT = Limits(wall=600)


def outcomes(*names, limits=PATIENT, executor=None, tasks=(TASK,), **options):
    """Returns results by agent."""
    made = ua.Benchmark(tasks, [f"{PLACE}:{name}" for name in names], 1, limits=limits, **options)
    found = made.run(executor or ua.Processes(1))
    assert not found.missing
    return {result.agent.rpartition(":")[2]: result for result in found.results}


def test_what_agents_do_wrong_is_said_and_others_go_on():
    expected = {
        "yields_nan": ("failed", "finite|nan"),
        "yields_wrong_shapes": ("failed", "2 entries, but the scenario has 4"),
        "yields_nothing": ("failed", "the agent yielded no policy"),
        "is_no_generator": ("failed", "must be a generator, which yields policies, but this one returned 7"),
        "prints": ("failed", "and then fails"),
        "forks": ("learned", None),
        "starts_a_process": ("learned", None),
        "exits": ("failed", "SystemExit: 3"),
        "dies": ("died", "its process exited with status 3"),
        "crashes": ("died", "its process was ended by SIGSEGV"),
        "reads": ("failed", "EOFError"),
        "fine": ("learned", None),
    }
    found = outcomes(*expected, steps=20)
    for name, (status, error) in expected.items():
        result = found[name]
        assert result.status == status, (name, result.error)
        assert (result.error is None) == (error is None)
        if error is not None:
            assert re.search(error, str(result.error)), (name, result.error)
        assert result.enforced
    assert {"past Python", "to stdout", "to stderr"} <= set(found["prints"].output.splitlines())
    assert found["fine"].ranked is not None
    for name in ("dies", "crashes"):
        assert len(found[name].trace) == 1  # what was learned before is kept


def children_of(session):
    """Returns the processes that have a word in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if session.encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return [process for process in found if process != os.getpid()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks through /proc")
def test_nothing_is_left_running(monkeypatch):
    monkeypatch.setenv("UALIGN_TEST_SESSION", "forks-and-leaves")
    outcomes("forks", "starts_a_process", "fine", "dies", steps=5)
    deadline = time.monotonic() + 60
    while children_of("UALIGN_TEST_SESSION=forks-and-leaves") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not children_of("UALIGN_TEST_SESSION=forks-and-leaves")


def test_limits_end_what_does_not_end_by_itself():
    limits = Limits(wall=1.0, memory=300)
    found = outcomes("hangs", "catches_everything", limits=limits, steps=20)
    for result in found.values():
        assert result.status == "timeout"
        assert result.error == "it took more than 1 seconds"
        assert result.ranked is not None  # what it had learned by then
        assert result.wall >= 1
    found = outcomes("burns", limits=Limits(wall=600, cpu=0.5), steps=20)
    assert found["burns"].status == "timeout"
    assert "more than 0.5 seconds of CPU" in str(found["burns"].error)
    assert sys.platform != "linux" or found["burns"].cpu > 0.4
    found = outcomes("eats_memory", "fine", limits=Limits(wall=600, memory=300), steps=20)
    assert found["eats_memory"].status == "out-of-memory"
    assert found["fine"].status == "learned"
    assert found["fine"].limits == {"wall": 600.0, "cpu": None, "memory": 300}


def test_users_are_nowhere_in_the_agents_process():
    found = outcomes("searches", plays=100)
    assert (found["searches"].status, found["searches"].error) == ("learned", None)
    # and where they are, the search finds them
    assert ua.run(faulty_agents.searches, TASK, plays=100).status == "failed"


def test_cheap_steps_are_no_false_clock():
    found = outcomes("steps_cheaply", seconds=3)["steps_cheaply"]
    assert (found.status, found.error) == ("learned", None)
    assert found.ranked is not None


@pytest.mark.skipif(sys.platform != "linux", reason="asks for the clocks of other processes")
def test_processes_that_an_agent_leaves_working_are_its_time():
    found = outcomes("hires", seconds=1)["hires"]
    assert found.status == "learned"
    assert found.cpu > 0.9
    assert found.wall < 60
    assert found.ranked is not None
    assert found.ranked.cpu <= 1


def test_an_agent_that_fills_the_disk_is_ended(monkeypatch):
    monkeypatch.setattr(workers, "_MOST_PRINTED", 2**24)
    found = outcomes("prints_for_ever", "fine", steps=20)
    assert found["prints_for_ever"].error == "it printed more than 16 MB"
    assert len(found["prints_for_ever"].output) <= 4000
    assert found["fine"].status == "learned"


def test_a_worker_that_cannot_begin_is_an_error(monkeypatch):
    """And not a wait for ever."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(workers.Worker, "__init__", full)
    with pytest.raises(OSError, match="No space left"):
        outcomes("fine", steps=1)


def test_a_process_that_dies_before_it_calls_is_noticed(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EOFError):
        starting._spawned(f"{PLACE}:fine", Path())


def test_whose_turn_it_is_to_be_asked_is_not_known_from_the_seed():
    """An agent knows the task's seed, and could draw what is drawn from it."""
    asked = TASK.for_agents("picks").users()
    mine = UserDraws(TASK.scenario.populations, TASK.seed)
    types, numbers = mine.draw(0, np.zeros(200, np.int64))
    shown = np.tile(np.arange(3), (200, 1))
    guessed = TASK.scenario.populations[0].pick(types, shown, numbers)
    assert (guessed == asked.pick(shown)).mean() < 0.8


@pytest.mark.skipif(sys.platform != "linux", reason="asks for the clock of another process")
def test_a_clock_that_is_stopped_is_noticed():
    found = outcomes("stops_the_clock", seconds=10)
    assert found["stops_the_clock"].status == "failed"
    assert re.match(r"its own clock says -?0.0. seconds of CPU, but its", str(found["stops_the_clock"].error))


_POOR_SYSTEM = """
import os, sys
sys.modules["fcntl"] = sys.modules["resource"] = None
for name in ("fork", "killpg", "sched_yield"):
    delattr(os, name)
import ualign_env as ua
if __name__ == "__main__":
    found = ua.Benchmark(["german-goals"], ["nlhf", "exp3"], 1, steps=2).run(ua.Processes(1), "out")
    print(sorted({(one.agent, one.status, one.limits["memory"]) for one in found.results}))
"""


def test_where_systems_lack_everything_runs_are_made_and_limits_are_not_claimed(tmp_path):
    """No fork, no locks, no limits: as on Windows, of which this is as much as can be tried elsewhere."""
    command = [sys.executable, "-c", _POOR_SYSTEM]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout == "[('exp3', 'learned', None), ('nlhf', 'learned', None)]\n"


def test_plays_are_counted_by_who_answers():
    found = outcomes("plays_on", "denies_plays", "one_at_a_time", plays=1030)
    assert (found["denies_plays"].plays, found["denies_plays"].trace[-1].plays) == (1000, 1000)
    assert (found["plays_on"].status, found["plays_on"].plays) == ("learned", 1000)
    assert (found["one_at_a_time"].plays, found["one_at_a_time"].steps) == (1030, 1030)
    here = ua.run(faulty_agents.one_at_a_time, TASK, plays=1030)
    assert here.policy_digest == found["one_at_a_time"].policy_digest
    assert not here.enforced


@pytest.mark.parametrize("name", ["mirror-descent", "mirror-descent-mixture", "es-mccfr", "exp3", "pairs-dpo"])
def test_runs_are_the_same_bits_in_this_process_in_others_and_several_at_a_time(name):
    made = ua.Benchmark([ua.Task("impartial/responses:4/users:9", 2)], [name], 2, steps=30)
    runs = [made.run(executor).results for executor in (ua.Inline(), ua.Processes(1), ua.Processes(2))]
    for results in zip(*runs, strict=True):
        assert len({result.policy_digest for result in results}) == 1
        assert len({tuple(look.shortfall for look in result.trace) for result in results}) == 1
        assert len({tuple((look.steps, look.plays) for look in result.trace) for result in results}) == 1


def test_where_systems_cannot_fork_each_run_is_started_anew(monkeypatch):
    init = workers.Nursery.__init__

    def without_fork(self):
        with monkeypatch.context() as patched:
            patched.setattr(starting.sys, "platform", "darwin")
            init(self)

    monkeypatch.setattr(starting.Nursery, "__init__", without_fork)
    found = outcomes("fine", "dies", "one_at_a_time", steps=10)
    assert [found[name].status for name in ("fine", "dies", "one_at_a_time")] == ["learned", "died", "learned"]
    assert found["one_at_a_time"].plays == 10
    assert found["fine"].enforced


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise RuntimeError('no')", "RuntimeError\\('no'\\)"),
        ("import os; os._exit(4)", "its process ended while it was imported"),
        ("import time; time.sleep(3600)", "its import took more than 2 seconds"),
        ("import sys; sys.exit(4)", "SystemExit"),
        ("import no_such_module_anywhere", "no_such_module_anywhere"),
        ("learn = 7", "is 7, but must be a generator function"),
        ("print('x' * 100_000)\ndef other(task): yield", "has no attribute 'learn'"),
    ],
)
def test_what_goes_wrong_on_import_is_its_agents_alone(tmp_path, source, message):
    # a name that is nowhere in its file is refused before anything runs
    (tmp_path / "mine.py").write_text(f"{source}\n# learn is made elsewhere\n")
    limits = Limits(wall=2 if "sleep" in source else 600)
    made = ua.Benchmark([TASK], [f"{tmp_path}/mine.py:learn", "uniform"], 1, steps=1, limits=limits)
    found = {result.agent.rpartition(":")[2]: result for result in made.run(ua.Processes(1)).results}
    assert found["learn"].status == ("timeout" if "sleep" in source else "failed")
    assert re.search(message, str(found["learn"].error)), found["learn"].error
    assert found["uniform"].status == "learned"


def test_functions_of_this_process_are_found_in_others_where_they_are_in_files():
    made = ua.Benchmark([TASK], [faulty_agents.fine], 1, steps=3)
    assert made.run(ua.Processes(1)).results[0].status == "learned"
    made = ua.Benchmark([TASK], [lambda _: iter([[1, 0, 0, 0]])], 1, steps=3)
    assert made.run().results[0].status == "learned"
    assert made.run(ua.Processes(1)).results[0].status == "failed"


def test_an_executor_that_is_left_ends_its_runs():
    made = ua.Benchmark([TASK], [f"{PLACE}:hangs", f"{PLACE}:fine"], 1, limits=PATIENT, steps=5)
    results = ua.Processes(2).results(made.runs)
    assert next(results).agent == "faulty_agents:fine"
    results.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert not [thread for thread in threading.enumerate() if thread.name.endswith("(_work)")]  # of whoever made runs


def test_a_killed_child_is_one_run_that_died(tmp_path, monkeypatch):
    """kill -9 of agents, at whatever moment it comes: the run is named as what it is, and the next one is made."""
    code = (
        "import os, time\n"
        "def learn(task):\n"
        "    yield 'uniform'\n"
        "    open(os.environ['UALIGN_TEST_PID'], 'w').write(str(os.getpid()))\n"
        "    time.sleep(3600)\n"
    )
    place, told = tmp_path / "killed.py", tmp_path / "pid"
    place.write_text(code)
    monkeypatch.setenv("UALIGN_TEST_PID", str(told))

    def kill():
        while not (told.exists() and told.read_text()):
            time.sleep(0.01)
        os.kill(int(told.read_text()), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        made = ua.Benchmark([TASK], [f"{place}:learn", "uniform"], 1, limits=PATIENT, steps=5)
        found = {result.agent.rpartition(":")[2]: result for result in made.run(ua.Processes(1)).results}
    finally:
        thread.join()
    assert (found["learn"].status, found["learn"].error) == ("died", "its process was ended by SIGKILL")
    assert found["uniform"].status == "learned"


def test_seconds_of_another_process():
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        while not (spent := cpu_of(process.pid)) or spent < 0.2:
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert cpu_of(process.pid) is None or spent >= 0.2
    assert np.isfinite(spent)
