"""`ualign bench` as people use it, each time in processes of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals")

AGENT = """
import shutil, time
from pathlib import Path
import ualign_env as ua

def dawdles(task):
    begin = time.process_time()
    while time.process_time() < begin + 0.1:
        pass
    yield "uniform"

def breaks(task):
    raise RuntimeError("bad [/foo] thing")
    yield

def removes(task):
    shutil.rmtree("out", ignore_errors=True)
    yield [0.25] * 4

def replaces(task):
    shutil.rmtree("out", ignore_errors=True)
    Path("out").write_text("")
    yield [0.25] * 4

def waits(task):
    yield [0.25] * 4
    Path("waiting").touch()
    time.sleep(3600)

@ua.agent(information="picks")
def asks(task):
    users = task.users()
    while True:
        users.pick_one([0] * task.slots)
        yield [0.25] * 4
"""


ONE = ("--out=out", "--workers=1", "--seeds=1")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(AGENT)
    return tmp_path


def command(*arguments):
    return [sys.executable, "-m", "ualign_env", "bench", *arguments]


def bench(folder, *arguments):
    return subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True, check=False)


def rows_of(out):
    """Returns the cells of a leaderboard's lines by agent."""
    found = {}
    for line in out.splitlines():
        cells = re.split(r" {2,}", line.strip())
        if len(cells) > 4:
            found[cells[0]] = cells
    return found


def test_what_is_printed_is_what_is_stored(folder):
    names = ("mirror-descent", "nlhf", "uniform", "exp3")
    chosen = [f"--agent={name}" for name in names]
    result = bench(folder, "--k", "2,3", "--plays", "1000", "--out", "out", *chosen)
    assert result.returncode == 0, result.stderr
    files = sorted((folder / "out" / "results").glob("*/*.json"))
    assert len(files) == 2 * 3 + 2 * 3
    assert {path.parent.name for path in files} == set(names)
    rows = rows_of(result.stdout)
    for path in files:
        row = json.loads(path.read_text())
        if row["agent"] in ("nlhf", "uniform"):
            shortfall = row["trace"]["rows"][row["final"]][4]
            assert f"{shortfall:.1e}" in rows[row["agent"]]
    assert "E: exact payoffs (2 tasks, 2 seconds of CPU)" in result.stdout
    assert "B: picks of users among k + 1 responses (2 tasks, 1,000 plays)" in result.stdout
    assert "results: out" in result.stdout
    plan = "12 runs of custom (version 1), by 4 agents on 2 tasks, each with 2 seconds of CPU or 1,000 plays, "
    assert result.stderr.startswith(f"{plan}and at most 600 s\n")
    assert "12/12" in result.stderr
    again = bench(folder, "--k", "2,3", "--plays", "1000", "--out", "out", *chosen)
    assert (again.returncode, again.stdout, again.stderr) == (0, result.stdout, "finished already: 12 of 12 runs\n")
    assert json.loads((folder / "out" / "machine.json").read_text())["python"]


def test_without_arguments_each_class_has_a_board(folder):
    result = bench(folder, "--seconds", "0.02", "--plays", "500", "--seeds", "1")
    assert result.returncode == 0, result.stderr
    for title in ("E: exact payoffs", "T: the game tree", "B: picks of users", "P: comparisons of two"):
        assert title in result.stdout
    assert "results: runs/quick-" in result.stdout  # with settings of its own


def test_a_number_of_the_opponents_responses_alone_is_not_ignored(folder):
    result = bench(folder, "--l", "2", "--steps=1", "--agent=nlhf")
    assert result.returncode == 0, result.stderr
    assert "samples against several responses (3 tasks, 1 step)" in result.stdout


def test_steps_make_the_same_bits(folder):
    found = []
    for out, workers in (("a", "1"), ("b", "2")):
        chosen = ["--agent=es-mccfr", "--agent=exp3", "--agent=mirror-descent-mixture"]
        result = bench(folder, "--k=2", "--steps=25", "--seeds=2", f"--workers={workers}", f"--out={out}", *chosen)
        assert result.returncode == 0, result.stderr
        paths = sorted((folder / out / "results").glob("*/*.json"))
        found.append([json.loads(path.read_text())["policy_digest"] for path in paths])
    assert len(found[0]) == 5
    assert found[0] == found[1]


def test_refusals_and_failures_are_told_and_others_go_on(folder):
    result = bench(folder, "--k=64", "--steps=1", "--agent=cfr-plus", "--agent=uniform")
    assert result.returncode == 0
    assert "cfr-plus, 1 run, cannot start: the tree of 65 players would have" in result.stdout
    assert rows_of(result.stdout)["cfr-plus"][-2] == "0/1"
    result = bench(folder, "--k=2", "--steps=1", "--agent=mine.py:breaks", "--agent=uniform", "--seeds=1")
    assert result.returncode == 1
    assert re.search(r"mine:breaks, 1 run, failed: RuntimeError: bad \[/foo\] thing \(mine.py:\d+\)\n", result.stdout)
    assert rows_of(result.stdout)["mine:breaks"][1:3] == ["-", "-"]  # no rank, and no score
    assert "uniform" in rows_of(result.stdout)


def test_agents_that_are_not_there_are_refused_at_once(folder):
    result = bench(folder, "--agent=mine.py:brakes")
    assert (result.returncode, result.stdout) == (2, "")
    assert "did you mean 'breaks'?" in result.stderr
    assert "mine.py:FUNCTION names an agent in it" in bench(folder, "--agent=mine.py").stderr


def test_what_comes_after_the_budget_is_said(folder):
    result = bench(folder, "--k=2", "--seconds=0.01", "--seeds=1", "--agent=mine.py:dawdles", "--agent=nlhf")
    assert "dawdles, german-goals, k = 2, seed 0: too late: what it learned first" in result.stderr
    said = "mine:dawdles, 1 run, too late: what it learned first came after its budget of 0.01 seconds of CPU"
    assert said in result.stdout


def test_the_columns_of_files_in_a_folder_are_flags(folder):
    (folder / "votes").mkdir()
    for name in ("a", "b"):
        text = "who,answer,stars\nu,x,3\nu,y,1\nv,x,2\nv,y,5\n"
        (folder / "votes" / f"{name}.csv").write_text(text, encoding="utf-8")
    columns = ("--user=who", "--response", "answer", "--score=stars")
    result = bench(folder, "--suite=folder:votes", *columns, "--agent=nlhf", "--steps=1")
    assert result.returncode == 0, result.stderr
    assert "(8 tasks, 1 step)" in result.stdout


def test_agents_that_need_what_is_not_installed_cannot_start(tmp_path):
    """Those of another package, whose extra is not there: it is said how to install it."""
    site = tmp_path / "site"
    (site / "mine-1.dist-info").mkdir(parents=True)
    (site / "mine_agent.py").write_text("import a_package_that_nobody_has\n")
    (site / "mine-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    entry = "[ualign.agents]\nmine = mine_agent:learn [deep]\n"
    (site / "mine-1.dist-info" / "entry_points.txt").write_text(entry)
    found = subprocess.run(
        command("--k=1", "--steps=1", *ONE, "--agent=mine", "--agent=nlhf"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])},
    )
    assert found.returncode == 0, found.stderr
    needed = "agent 'mine' needs a_package_that_nobody_has: pip install 'mine[deep]'"
    assert f"mine, 1 run, cannot start: {needed}" in found.stdout
    assert rows_of(found.stdout)["mine"][-2] == "0/1"


def test_agents_in_files_and_modules(folder):
    (folder / "package.py").write_text("def learn(task):\n    yield 'nlhf'\n")
    chosen = ["--agent=mine.py:asks", f"--agent={folder / 'package.py'}:learn", "--agent=package:learn2"]
    result = bench(folder, "--k=1", "--plays=50", "--seeds=1", *chosen[:2], "--json")
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)
    assert [row["agent"] for row in content["results"]] == ["mine:asks", "package:learn"]
    assert [row["information"] for row in content["results"]] == ["picks", "exact"]
    assert content["results"][0]["plays"] == 50
    result = bench(folder, "--k=1", "--agent=package:learn", "--seeds=1", "--steps=1")
    assert "package:learn" in rows_of(result.stdout)
    result = bench(folder, "--k=1", chosen[2], "--seeds=1", "--steps=1")
    assert (result.returncode, result.stdout) == (2, "")  # before anything runs
    assert "'learn2'; did you mean 'learn'?" in result.stderr
    result = bench(folder, "--k=1", "--agent=package.py:learn", "--agent=./package.py:learn")
    assert result.returncode == 2
    assert "several agents are called 'package:learn'" in result.stderr


def test_a_removed_folder_of_results_is_made_again(folder):
    result = bench(
        folder,
        "--k=1,2",
        "--steps=1",
        "--out=out",
        "--workers=1",
        "--seeds=1",
        "--agent=mine.py:removes",
        "--agent=nlhf",
    )
    assert result.returncode == 0, result.stderr
    assert list((folder / "out" / "results").glob("*/*.json"))


def test_results_that_cannot_be_written_are_printed(folder):
    result = bench(
        folder,
        "--k=1",
        "--steps=1",
        "--out=out",
        "--workers=1",
        "--seeds=1",
        "--agent=mine.py:replaces",
        "--agent=nlhf",
    )
    assert result.returncode == 1
    assert result.stderr.count("these results are nowhere but here") == 1
    assert {"mine:replaces", "nlhf"} <= set(rows_of(result.stdout))
    assert "results:" not in result.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_what_is_going_on_and_keep_what_is_finished(folder, number):
    arguments = ("--k=2", *ONE, "--agent=mine.py:waits", "--agent=nlhf")
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # background jobs ignore it
    code += "from ualign_env import cli; cli.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "bench", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (folder / "waiting").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=600)
    assert process.returncode in (130, 128 + number)
    assert "Traceback" not in err
    assert re.search(r"missing: [12] of 2 runs", err)
    assert out.rstrip().endswith("results: out")
    kept = [path.parent.name for path in (folder / "out" / "results").glob("*/*.json")]
    assert kept in ([], ["nlhf"])
    assert not Path(folder / "out" / "results" / "mine-waits").exists()


def test_two_runners_in_a_folder_are_one_too_many(folder):
    first = subprocess.Popen(
        command("--k=2", *ONE, "--agent=mine.py:waits"),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (folder / "waiting").exists():
            assert first.poll() is None
            time.sleep(0.01)
        second = bench(folder, "--k=2", "--out=out", "--seeds=1", "--agent=mine.py:waits")
        assert (second.returncode, second.stdout) == (2, "")
        assert "another runner holds 'out'" in second.stderr
    finally:
        first.kill()
        first.wait()
    again = bench(folder, "--k=2", "--out=out", "--seeds=1", "--agent=mine.py:waits", "--wall=0.5")
    assert again.returncode == 1
    assert "mine:waits, 1 run, timeout: it took more than 0.5 seconds" in again.stdout
