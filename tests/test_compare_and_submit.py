"""Comparisons, exports and submissions of results, and the commands that make them."""

import json
import subprocess
import sys
import tarfile
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

import ualign_env as ua
from ualign_env.benchmark import suite as suites
from ualign_env.benchmark.reporting.compare import compare, compare_folders
from ualign_env.benchmark.reporting.export import TensorBoard, replay
from ualign_env.benchmark.reporting.statistics import difference_of
from ualign_env.benchmark.store import Store
from ualign_env.benchmark.submit import submit

SMALL = """
name = "{name}"
version = 1
title = "for tests"
seconds = 0.5
plays = 300
agents = ["exp3", "q-learning", "nlhf", "cfr-plus"]

[[task]]
scenario = "german-goals"
k = [1, 2]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results of a suite that comes with the package, as far as these tests know."""
    place = tmp_path_factory.mktemp("submit")
    (place / "suites").mkdir()
    (place / "suites" / "small.toml").write_text(SMALL.format(name="small"))
    ua.Benchmark(str(place / "suites" / "small.toml")).run(ua.Processes(2), place / "out")
    return place


@pytest.fixture
def packaged(folder, monkeypatch):
    monkeypatch.setattr(suites, "_own", lambda: folder / "suites")
    return folder


def runs(folder, agent):
    return [one for one in Store(folder / "out").read().results.values() if one.agent == agent]


def test_an_agent_is_the_same_as_itself(folder):
    (found,) = compare_folders(f"{folder}/out:exp3", f"{folder}/out:exp3")
    assert found.same
    assert found.difference.value == 0
    assert found.improvement.value == 0.5
    assert "are the same within noise" in found.summary()
    every = compare_folders(str(folder / "out"), str(folder / "out"))
    assert [one.first.split()[-1] for one in every] == ["cfr-plus", "exp3", "nlhf", "q-learning"]


def test_differences_are_in_decades_and_their_interval_covers_noise(folder):
    worse = runs(folder, "exp3")
    better = [
        replace(one, agent="better", trace=tuple(replace(look, shortfall=look.shortfall / 100) for look in one.trace))
        for one in worse
    ]
    found = compare(worse, better, ("exp3", "better"))
    np.testing.assert_allclose(found.differences, 2)
    assert found.difference.value == pytest.approx(2)
    assert found.improvement.value == 1
    assert not found.same
    assert found.summary().startswith("better is better than exp3, by a factor of 100")
    assert compare(better, worse, ("better", "exp3")).summary().startswith("better is better than exp3")
    rng, covered = np.random.default_rng(0), 0
    for _ in range(200):
        first, second = ([rng.normal(size=4) for _ in range(8)] for _ in range(2))
        interval = difference_of(first, second, rng, 200)
        assert interval.low is not None
        assert interval.high is not None
        covered += interval.low <= 0 <= interval.high
    assert covered > 160


def test_what_cannot_be_compared_is_said(folder):
    exp3, nlhf = runs(folder, "exp3"), runs(folder, "nlhf")
    with pytest.raises(ValueError, match="differ in their information: exact, picks"):
        compare(exp3, nlhf, ("exp3", "nlhf"))
    with pytest.raises(ValueError, match="differ in their suite"):
        compare(exp3, [replace(one, suite="other 1") for one in exp3], ("a", "b"))
    with pytest.raises(ValueError, match="have no task in common"):
        compare(exp3[:1], [replace(one, task="other") for one in exp3], ("a", "b"))
    with pytest.raises(ValueError, match="holds no results: expected a folder of them, or FOLDER:AGENT"):
        compare_folders(f"{folder}/nowhere", str(folder / "out"))
    nothing = [replace(one, status="failed") for one in exp3]
    assert compare(nothing, nothing, ("a", "b")).summary() == "neither a nor b has learned anything"
    found = compare(exp3, [one for one in exp3 if one.k == 1], ("a", "b"))
    assert found.only_first == (("german-goals", 2, 1),)


def test_results_are_replayed_to_tensorboard(folder, tmp_path):
    pytest.importorskip("tensorboardX")
    assert replay(folder / "out", TensorBoard(tmp_path / "events")) == 2 * (2 + 2 * 3)
    files = list((tmp_path / "events").rglob("events.out.*"))
    assert len(files) == 16
    assert "exp3/german-goals-k2-l1-s1" in " ".join(map(str, files))

    class Counts:
        looks = ends = 0

        def on_look(self, result, look):
            assert look in result.trace
            self.looks += 1

        def on_run(self, result):
            assert result.ranked
            self.ends += 1

    hook = Counts()
    replay(folder / "out", hook)
    assert hook.ends == 16
    assert hook.looks == sum(len(one.trace) for one in Store(folder / "out").read().results.values())
    with pytest.raises(ValueError, match="holds no results"):
        replay(tmp_path / "nothing", hook)


def test_a_submission_is_checked_made_again_and_packed(packaged, tmp_path):
    found = submit(packaged / "out", tmp_path / "s.tar.gz")
    assert found.complaints == (), found.summary()
    assert len(found.reruns) == 3
    assert all(one.same_bits for one in found.reruns), found.summary()
    assert "the same bits" in found.summary()
    with tarfile.open(tmp_path / "s.tar.gz") as archive:
        names = archive.getnames()
        file = archive.extractfile("exp3/summary.jsonl")
        assert file is not None
        lines = [json.loads(line) for line in file.read().splitlines()]
    assert {"suite.toml", "checked.jsonl", "exp3/agent.toml", "exp3/policies.jsonl", "nlhf/summary.jsonl"} <= set(names)
    assert len(lines) == 6
    one = submit(packaged / "out", tmp_path / "one.tar.gz", ["exp3"])
    assert (one.agents, one.runs) == (("exp3",), 6)


@pytest.mark.usefixtures("packaged")
def test_an_agent_of_ones_own_is_submitted_from_its_file(tmp_path, monkeypatch):
    place = tmp_path / "mine.py"
    source = "def learn(task):\n    yield 'uniform'\n    yield 'nlhf'\n"
    place.write_text(source)
    ua.Benchmark("small", [f"{place}:learn"]).run(ua.Processes(2), tmp_path / "out")
    monkeypatch.chdir(tmp_path.parent)
    found = submit(tmp_path / "out", tmp_path / "s.tar.gz")
    assert found.complaints == (), found.summary()
    assert found.agents == ("mine:learn",)
    assert all(one.same_bits for one in found.reruns)
    place.write_text(source + "# edited\n")
    found = submit(tmp_path / "out", tmp_path / "t.tar.gz")
    assert any("is of another version by now" in text for text in found.complaints)


def test_results_are_held_against_seeds_of_their_own_task(packaged, tmp_path):
    """The same agent is much nearer to the optimum of another k: that is no excuse."""

    def change(one):
        one["machine"]["processor"] = "another"
        one["table"] = "Mixture"  # which cannot be scored again
        if one["k"] == 2:
            one["trace"]["rows"][one["final"]][one["trace"]["columns"].index("shortfall")] = 1e-9

    found = changed(packaged, tmp_path, change)
    held = {one.run.rpartition(", seed")[0]: one.holds for one in found.reruns}
    assert held
    for run, holds in held.items():
        assert "cfr-plus" in run or holds == ("k = 1" in run), found.summary()


def test_on_another_machine_results_have_to_be_as_near_as_seeds_are(packaged, tmp_path):
    for path in (packaged / "out").rglob("results/exp3/*.json"):
        content = json.loads(path.read_text())
        content["machine"]["processor"] = "another"
        place = tmp_path / "out" / path.relative_to(packaged / "out")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(content))
    (tmp_path / "out" / "suite.toml").write_text((packaged / "out" / "suite.toml").read_text())
    found = submit(tmp_path / "out", tmp_path / "s.tar.gz", ["exp3"])
    assert found.complaints == ()
    assert all(one.same_bits is None for one in found.reruns)
    assert "another machine or versions: within seeds" in found.summary()


def changed(packaged, tmp_path, change):
    """Returns a submission of results that were changed."""
    for path in (packaged / "out").rglob("results/*/*.json"):
        content = json.loads(path.read_text())
        place = tmp_path / "out" / path.relative_to(packaged / "out")
        place.parent.mkdir(parents=True, exist_ok=True)
        if change(content) is not False:
            place.write_text(json.dumps(content))
    (tmp_path / "out" / "suite.toml").write_text((packaged / "out" / "suite.toml").read_text())
    return submit(tmp_path / "out", tmp_path / "s.tar.gz")


def shorter(one):
    one["trace"]["rows"][one["final"]][one["trace"]["columns"].index("shortfall")] /= 2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda one: one.update(policy_digest="0"), "made again, it learned something else"),
        (lambda one: one.update(enforced=False), "was scored in its own process"),
        (lambda one: one["limits"].update(wall=1e6), "was given more time or memory than the"),
        (lambda one: one.update(seed=one["seed"] + 4), "has had the seeds [4, 5, 6], but they must be 0, 1"),
        (shorter, "of its policies do not score what is reported, such as that of seed"),
        (lambda one: one.update(policy=None), "of its policies do not score what is reported"),
        (lambda one: one.update(scenario_digest="0"), "of its policies do not score what is reported"),
        (lambda one: one["seed"] != 1, "has had fewer than three"),
        (lambda one: one["k"] != 2, "lacks 1 of 2 tasks"),
        (lambda one: one.update(suite="small 2"), "they are not of small 1 as it is"),
        (lambda one: one.update(suite="large 2"), "leaderboards are of small"),
        (lambda one: one.update(schema=0), "a result of schema 0"),
    ],
)
def test_what_is_not_accepted_is_not_packed(packaged, tmp_path, change, complaint):
    if complaint.startswith("a result of"):
        first = next((packaged / "out").rglob("results/exp3/*.json"))
        place = tmp_path / "out" / first.relative_to(packaged / "out")
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(json.loads(first.read_text()) | {"schema": 0}))
        place.with_name("other.json").write_text(first.read_text())
        found = submit(tmp_path / "out", tmp_path / "s.tar.gz")
    else:
        found = changed(packaged, tmp_path, change)
    assert any(complaint in text for text in found.complaints), found.summary()
    assert found.path is None
    assert not (tmp_path / "s.tar.gz").exists()


def test_the_commands(folder, tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "ualign_env", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    out = str(folder / "out")
    result = run("report", out)
    assert (result.returncode, result.stderr) == (0, "")
    assert "16 runs:" in result.stdout
    result = run("compare", f"{out}:exp3", f"{out}:q-learning")
    assert result.returncode == 0
    assert "decades" in result.stdout
    assert json.loads(run("compare", out, out, "--json").stdout)[0]["improvement"]["value"] == 0.5
    result = run("submit", out, "--out", str(tmp_path / "s.tar.gz"))
    assert result.returncode == 1
    assert "not accepted: they are of small 1, but leaderboards are of" in result.stdout
    assert run("submit", out, "--out", "s.zip").stderr == "ualign: error: out is 's.zip', but must end in .tar.gz\n"
    for name in ("report", "submit", *["export"] * bool(find_spec("tensorboardX"))):
        more = ["--tensorboard", str(tmp_path / "t")] if name == "export" else []
        result = run(name, str(tmp_path / "nothing"), *more)
        assert (result.returncode, result.stdout) == (2, "")
        assert "holds no results" in result.stderr
