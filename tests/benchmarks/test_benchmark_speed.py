"""What the benchmark itself costs: runs, plays, resuming, reports and bootstraps.

Run: pytest tests/benchmarks/test_benchmark_speed.py --benchmark-enable -s
"""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ualign_env as ua
from ualign_env.benchmark.oracle import OracleServer, RemoteUsers, UserOracle
from ualign_env.benchmark.reporting.statistics import overall
from ualign_env.benchmark.reporting.write import write_report
from ualign_env.benchmark.running.starting import Nursery
from ualign_env.benchmark.running.workers import Worker
from ualign_env.benchmark.store import Store

TASK = ua.Task("german-goals", 3)
AGENT = "def learn(task):\n    yield 'uniform'\n"


@pytest.fixture
def runs(tmp_path):
    """Runs that do nothing, of an agent that imports PyTorch and of one that doesn't."""
    pytest.importorskip("torch")
    made = []
    for name, imports in (("plain", ""), ("deep", "import torch\n")):
        (tmp_path / f"{name}.py").write_text(imports + AGENT)
        made += ua.Benchmark([TASK], [f"{tmp_path}/{name}.py:learn"], list(range(40)), steps=1).runs
    return made


@pytest.mark.parametrize("kind", ["plain", "deep"])
def test_a_run_in_a_process_of_its_own(benchmark, runs, kind):
    """From one run to the next, once the agent's module is imported: 50 ms at most."""
    nursery = Nursery()
    worker = Worker(nursery, threading.Event())
    own = iter([run for run in runs if run.agent.name.startswith(kind)])
    try:
        worker.run(next(own))
        result = benchmark.pedantic(lambda: worker.run(next(own)), rounds=20, iterations=1)
        assert result.status == "learned"
    finally:
        worker.close()
        nursery.close()


@pytest.fixture
def users(tmp_path):
    """Users who are asked through a mailbox, as another process asks them."""
    server = OracleServer(TASK.scenario, 4, 0, 10**9, tmp_path / "plays")
    yield UserOracle(RemoteUsers(tmp_path / "plays", 4), [4], 4, 10**9)
    server.close()


def test_single_plays(benchmark, users):
    """200,000 a second."""
    shown = [0, 1, 2, 3]
    users.pick_one(shown)

    def thousand():
        for _ in range(1000):
            users.pick_one(shown)

    benchmark.pedantic(thousand, rounds=20, iterations=1)


def test_plays_in_batches(benchmark, users):
    shown = np.random.default_rng(0).integers(4, size=(100_000, 4))
    benchmark.pedantic(lambda: users.pick(shown), rounds=10, iterations=1)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of 2,000 results, of 20 agents, 25 tasks and 4 seeds, and their runs."""
    place, rng = tmp_path_factory.mktemp("many"), np.random.default_rng(0)
    learned = ua.run("exp3", ua.Task("german-goals", 3), plays=100_000)
    store, runs = Store(place), []
    first = ua.Benchmark([ua.Task("german-goals", 3)], ["exp3"], 1).runs[0]
    for i in range(2000):
        seed, rest = divmod(i, 500)
        agent, task = divmod(rest, 25)
        own = replace(first, agent=replace(first.agent, name=f"agent-{agent}"), task=replace(first.task, seed=seed))
        run = replace(own, name=f"task-{task}")
        factor = float(np.exp(rng.normal()))
        trace = tuple(replace(look, shortfall=look.shortfall * factor) for look in learned.trace)
        more = {"agent": run.agent.name, "task": run.name, "seed": seed, "trace": trace, "digest": run.digest}
        store.write(run.file, replace(learned, **more))
        runs.append(run)
    return place, runs


def test_what_is_finished_of_two_thousand_runs(benchmark, many):
    """0.1 s."""
    folder, runs = many
    assert len(benchmark.pedantic(lambda: Store(folder).finished(runs), rounds=5, iterations=1)) == 2000


def test_a_report_of_two_thousand_runs(benchmark, many):
    """10 s."""
    report = benchmark.pedantic(lambda: write_report(many[0]), rounds=2, iterations=1)
    size = Path(report.page).stat().st_size
    print(f"\nreport.html: {size:,} bytes")
    assert report.runs == 2000


def test_bootstraps_of_twenty_agents(benchmark):
    """30 tasks, 5 seeds: 1 s."""
    rng = np.random.default_rng(0)
    scores = [[rng.normal(size=5) for _ in range(30)] for _ in range(20)]
    benchmark.pedantic(lambda: [overall(one, rng) for one in scores], rounds=3, iterations=1)


@pytest.mark.parametrize("name", ["mirror-descent-average", "mirror-descent-mixture", "cfr-plus", "exp3"])
def test_scoring_is_a_small_part(benchmark, name):
    """A tenth of what the agent spends, at most."""
    result = benchmark.pedantic(lambda: ua.run(name, TASK, seconds=1.0), rounds=1, iterations=1)
    share = sum(look.score_seconds for look in result.trace) / max(result.cpu, 1e-9)
    print(f"\n{name}: {len(result.trace)} looks, scored in {share:.1%} of {result.cpu:.2f} s")
