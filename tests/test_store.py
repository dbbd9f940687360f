"""A folder of results: what is finished stays finished, whatever ends the program, and one runner has it at a time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ualign_env as ua
from ualign_env.benchmark import store as storing
from ualign_env.benchmark.agents import describe_agent
from ualign_env.benchmark.reporting.write import write_report
from ualign_env.benchmark.results import RunResult
from ualign_env.benchmark.store import Store, shard

SUITE = """
name = "small"
version = 1
title = "for tests"
seeds = 2
agents = ["mirror-descent", "exp3", "pairs-borda", "nlhf", "es-mccfr"]

[[task]]
scenario = "german-goals"
k = [1, 2]

[[task]]
scenario = "impartial/responses:4/users:9"
k = [2]
"""


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SUITE)
    return str(path)


def benchmark(suite):
    return ua.Benchmark(suite, steps=12)


def essence(results):
    return [(r.agent, r.task, r.k, r.seed, r.status, r.policy_digest, [x.shortfall for x in r.trace]) for r in results]


def test_results_are_kept_and_not_made_again(suite, tmp_path):
    made = benchmark(suite)
    first = made.run(out=tmp_path / "out")
    assert first.summary() == "24 runs: 24 learned, 0 missing"
    assert first.to_dict()["results"][0] == first.results[0].to_dict()
    told = []
    again = benchmark(suite).run(out=tmp_path / "out", on_result=told.append)
    assert told == []
    assert again.results == first.results
    assert len(first.results) == len(made.runs) == 3 * (2 + 2 * 3)
    assert essence(made.run().results) == essence(first.results)
    files = [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.json")]
    assert "results/exp3/german-goals-k2-l1-s1-" in " ".join(files)
    assert not list((tmp_path / "out").rglob("*.partial"))


def test_another_budget_agent_or_scenario_is_another_run(suite):
    digests = [run.digest for run in benchmark(suite).runs]
    assert len(set(digests)) == len(digests)
    assert not {run.digest for run in ua.Benchmark(suite, steps=13).runs} & set(digests)
    other = SUITE.replace("users:9", "users:10")
    Path(suite).write_text(other)
    changed = {run.digest for run in benchmark(suite).runs} - set(digests)
    assert len(changed) == 2 + 3 * 2


def test_an_agent_in_a_file_that_is_edited_is_another(tmp_path):
    place = tmp_path / "mine.py"
    place.write_text("def learn(task):\n    yield 'uniform'\n")
    one = ua.Benchmark(["german-goals"], [f"{place}:learn"], 1, steps=1).runs[0].digest
    assert ua.Benchmark(["german-goals"], [f"{place}:learn"], 1, steps=1).runs[0].digest == one
    place.write_text("def learn(task):\n    yield 'nlhf'\n")
    assert ua.Benchmark(["german-goals"], [f"{place}:learn"], 1, steps=1).runs[0].digest != one


def test_reports_are_of_the_version_that_was_run_last(tmp_path):
    path = tmp_path / "mine.py"
    for policy, seeds in (("[1, 0, 0, 0]", 3), ("[0.4, 0.1, 0.5, 0]", 2)):
        path.write_text(f"def learn(task):\n    yield {policy}\n")
        ua.Benchmark([ua.Task("german-goals", 2)], [f"{path}:learn"], seeds, steps=1).run(out=tmp_path / "out")
    found = Store(tmp_path / "out").read()
    assert len(list((tmp_path / "out").rglob("results/*/*.json"))) == 5
    assert [one.policy for one in found.results.values()] == [[[0.4, 0.1, 0.5, 0]]] * 2
    assert len(found.old) == 3
    written = write_report(tmp_path / "out")
    assert (written.runs, len(written.old)) == (2, 3)


def test_functions_that_are_in_no_file_are_run_again(tmp_path):
    """Nothing says whether they are what they were."""
    for policy in ([1.0, 0, 0, 0], [0.0, 0, 1, 0]):

        def mine(_, policy=policy):
            yield policy

        found = ua.Benchmark([ua.Task("german-goals", 1)], [mine], 1, steps=1).run(out=tmp_path)
        assert [one.policy for one in found.results] == [[policy]]


def test_tasks_of_one_name_are_told_apart(tmp_path):
    tasks = [ua.Task("mallows", 1), ua.Task("mallows/seed:0", 1)]
    found = ua.Benchmark(tasks, ["uniform"], 1).run(out=tmp_path)
    assert [one.task for one in found.results] == [task.scenario.name for task in tasks]
    assert not found.missing
    with pytest.raises(ValueError, match=r"2 tasks are called 'mallows.*', with k = 1 and l = 1: name them apart"):
        ua.Benchmark([tasks[0], tasks[0]], ["uniform"])


def test_whatever_an_executor_raises_what_is_finished_is_written(suite, tmp_path, monkeypatch):
    class Breaks(ua.Inline):
        def results(self, runs):
            yield from super().results(runs[:3])
            raise RuntimeError("out of order")

    tried, real = [], storing.write_file

    def once_full(path, write):
        if "results" in str(path) and len(tried) < 3:
            tried.append(path)
            raise ValueError("no space")
        return real(path, write)

    monkeypatch.setattr(storing, "write_file", once_full)
    with pytest.raises(RuntimeError, match="out of order"):
        benchmark(suite).run(Breaks(), tmp_path / "out")
    assert len(Store(tmp_path / "out").read().results) == 3


def test_a_declaration_that_is_edited_is_read_anew(tmp_path):
    """Within one process, too: notebooks go on."""
    path = tmp_path / "mine.py"
    found = []
    for information in ("exact", "picks"):
        path.write_text(f"@ua.agent(information={information!r})\ndef learn(task):\n    yield 'uniform'\n")
        found.append(describe_agent(f"{path}:learn").declared)
    assert [one.information for one in found] == ["exact", "picks"]
    assert found[0].version != found[1].version


def test_shards_are_all_runs_together(suite, tmp_path):
    made = benchmark(suite)
    parts = [made.run(out=tmp_path / "out", part=(i, 3)).results for i in (1, 2, 3)]
    assert sorted(map(len, parts)) == [8, 8, 8]
    told = []
    assert made.run(out=tmp_path / "out", on_result=told.append).results == made.run(out=tmp_path / "out").results
    assert told == []
    assert [run for i in (1, 2) for run in shard(made.runs, i, 2)] != made.runs
    assert {run.digest for i in (1, 2) for run in shard(made.runs, i, 2)} == {run.digest for run in made.runs}
    for part, message in (((0, 3), "part is 0"), ((4, 3), "part is 4"), ((1, 0), "parts is 0")):
        with pytest.raises(ValueError, match=message):
            made.run(part=part)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text(path.read_text()[:200]),
        lambda path: path.write_bytes(b"\xff\x00"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 0})),
        lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | {"digest": "another"})),
        lambda path: path.unlink(),
    ],
)
def test_what_is_damaged_is_made_again(suite, tmp_path, damage):
    made = benchmark(suite)
    first = made.run(out=tmp_path / "out")
    path = Store(tmp_path / "out").path(made.runs[3].file)
    damage(path)
    told = []
    again = made.run(out=tmp_path / "out", on_result=told.append)
    assert len(told) == 1
    assert essence(again.results) == essence(first.results)
    RunResult.from_dict(json.loads(path.read_text()))


def test_failures_are_finished_and_retried_where_that_is_asked_for(tmp_path):
    place = tmp_path / "mine.py"
    place.write_text("def learn(task):\n    raise RuntimeError('no')\n    yield\n")
    made = ua.Benchmark(["german-goals"], [f"{place}:learn", "nlhf"], 1, steps=1)
    told = []
    assert {result.status for result in made.run(out=tmp_path / "out").results} == {"failed", "learned"}
    made.run(out=tmp_path / "out", on_result=told.append)
    assert told == []
    made.run(out=tmp_path / "out", on_result=told.append, retry_failed=True)
    assert [result.agent for result in told] == ["mine:learn"] * 3


def test_a_folder_has_one_runner_at_a_time(suite, tmp_path):
    with Store(tmp_path / "out").locked(), pytest.raises(ValueError, match="another runner holds"):
        benchmark(suite).run(out=tmp_path / "out")
    benchmark(suite).run(out=tmp_path / "out", part=(1, 24))


def test_where_the_system_has_no_locks_a_file_is_one(suite, tmp_path, monkeypatch):
    monkeypatch.setattr(storing, "fcntl", None)
    with Store(tmp_path / "out").locked(), pytest.raises(ValueError, match=r"if there is none, remove '.*\.lock'"):
        benchmark(suite).run(out=tmp_path / "out")
    assert not benchmark(suite).run(out=tmp_path / "out").missing


def test_more_seeds_join_those_that_are_there(suite, tmp_path):
    first = ua.Benchmark(suite, seeds=2, steps=12).run(out=tmp_path / "out")
    told = []
    second = ua.Benchmark(suite, seeds=3, steps=12).run(out=tmp_path / "out", on_result=told.append)
    assert {result.seed for result in told} == {2}
    assert len(second.results) == len(first.results) + len(told)


def test_a_folder_is_of_one_suite_and_one_budget(suite, tmp_path):
    benchmark(suite).run(out=tmp_path / "out", part=(1, 24))
    with pytest.raises(ValueError, match="holds results of another suite"):
        ua.Benchmark(suite, steps=13).run(out=tmp_path / "out")
    with pytest.raises(ValueError, match="holds results of another suite, version or budget, which differs in\\n"):
        ua.Benchmark("quick", ["nlhf"]).run(out=tmp_path / "out")


def test_results_that_cannot_be_written_are_returned_and_written_when_there_is_room(suite, tmp_path, monkeypatch):
    write, calls = storing.write_file, []

    def full(path, content):
        calls.append(path)
        if 3 <= len(calls) <= 6:
            raise ValueError(f"cannot write {str(path)!r}: No space left on device")
        write(path, content)

    monkeypatch.setattr(storing, "write_file", full)
    outcome = benchmark(suite).run(out=tmp_path / "out")
    assert outcome.unwritten is None
    assert not outcome.missing
    assert len(Store(tmp_path / "out").read().results) == 24
    monkeypatch.setattr(storing, "write_file", lambda *_: (_ for _ in ()).throw(ValueError("No space left")))
    with pytest.raises(ValueError, match="No space left"):  # before anything is run
        benchmark(suite).run(out=tmp_path / "other")


def test_a_folder_that_is_removed_is_made_again(suite, tmp_path):
    out = tmp_path / "out"

    def remove(result):
        if result.agent == "exp3" and out.exists():
            for path in [*out.rglob("*.json")]:
                path.unlink()

    outcome = benchmark(suite).run(out=out, on_result=remove)
    assert len(outcome.results) == 24
    again = benchmark(suite).run(out=out)
    assert essence(again.results) == essence(outcome.results)


def test_what_cannot_be_a_folder_is_said(suite, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write results to"):
        benchmark(suite).run(out=tmp_path / "file" / "out")


_COMMAND = [sys.executable, "-m", "ualign_env", "bench", "--steps", "12", "--workers", "2"]


@pytest.mark.parametrize(("number", "kill"), [(4, signal.SIGKILL), (9, signal.SIGKILL), (6, signal.SIGTERM)])
def test_a_runner_that_is_ended_loses_nothing_and_the_next_one_goes_on(suite, tmp_path, number, kill):
    """Killed at different moments: what is there afterwards, and after another run, is what one run would have made."""
    out = tmp_path / "out"
    command = [*_COMMAND, "--suite", suite, "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while len(list(out.rglob("results/*/*.json"))) < number and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(kill)
    _, err = process.communicate(timeout=600)
    if kill == signal.SIGTERM and process.returncode != 0:
        assert process.returncode == 143, err
        assert "missing: " in err
    found = Store(out).read()
    assert not found.damaged
    assert len(found.results) >= number
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    whole = [repr(one) for one in essence(benchmark(suite).run().results)]
    kept = sorted(Store(out).read().results.values(), key=lambda r: r.digest)
    assert sorted(map(repr, essence(kept))) == sorted(whole)
    assert not list(out.rglob("*.partial")) or kill == signal.SIGKILL
    assert os.path.exists(out / "suite.toml")
