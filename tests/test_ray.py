"""Runs on a Ray cluster are the same bits as elsewhere, whatever is killed on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ualign_env as ua
from ualign_env.benchmark.store import Store

pytest.importorskip("ray")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals")

SUITE = """
name = "small"
version = 1
title = "for tests"
seeds = 4
agents = ["exp3", "policy-gradient", "nlhf"]

[[task]]
scenario = "german-goals"
k = [1, 2]
"""


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SUITE)
    return path


def essence(results):
    return sorted((r.digest, r.status, r.policy_digest, *(look.shortfall for look in r.trace)) for r in results)


def started(suite, out):
    """Returns a runner on a local cluster, in a session of its own that can be searched for its processes."""
    command = [sys.executable, "-m", "ualign_env", "bench", "--suite", str(suite), "--steps", "400", "--ray", "local"]
    return subprocess.Popen(
        [*command, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def workers(session):
    """Returns the workers of Ray in a session that make a run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            name = (entry / "cmdline").read_bytes()
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if name.startswith(b"ray::one_run") and int(stat[3]) == session:
            found.append(int(entry.name))
    return found


def results_in(out):
    return list(out.rglob("results/*/*.json"))


@pytest.mark.skipif(sys.platform != "linux", reason="looks through /proc")
def test_killed_workers_and_a_killed_driver_lose_nothing(suite, tmp_path):
    expected = essence(ua.Benchmark(str(suite), steps=400).run().results)
    out = tmp_path / "out"

    # a worker is killed: its run is made again by another
    driver = started(suite, out)
    while not (results_in(out) and workers(driver.pid)):
        assert driver.poll() is None, driver.communicate()
        time.sleep(0.02)
    for worker in workers(driver.pid)[:1]:
        os.kill(worker, signal.SIGKILL)
    _, err = driver.communicate(timeout=900)
    assert driver.returncode == 0, err
    assert essence(Store(out).read().results.values()) == expected

    # the driver is killed: what is written stays, and the next one goes on
    out = tmp_path / "again"
    driver = started(suite, out)
    while len(results_in(out)) < 3:
        assert driver.poll() is None, driver.communicate()
        time.sleep(0.01)
    driver.kill()
    driver.communicate(timeout=900)
    kept = {path: path.read_bytes() for path in results_in(out)}
    assert not Store(out).read().damaged
    driver = started(suite, out)
    _, err = driver.communicate(timeout=900)
    assert driver.returncode == 0, err
    assert essence(Store(out).read().results.values()) == expected
    for path, content in kept.items():
        assert path.read_bytes() == content
        assert json.loads(content)["enforced"]
