"""Prompts that are seen by their features alone, prompts that are held out, and responses with features."""

import json
import pickle
import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import ualign_env as ua
from ualign_env import ualign_v0, ualign_versus_v0
from ualign_env.benchmark.tasks import Task


def seen(features: Any, observe: str = "features", **more: Any) -> ua.Scenario:
    """Returns prompts whose users differ, seen by features."""
    users = [ua.load_scenario(f"impartial/responses:3/users:9/seed:{x}").populations[0] for x in range(len(features))]
    return ua.Scenario(users, features=features, observe=observe, **more)


FEATURES = [[0.5, -2.0, 3.0], [0.1, 0.2, 0.3], [0.5, -2.0, 3.0], [9.0, 8.0, 7.0]]


def observations(scenario: ua.Scenario) -> dict[str, np.ndarray]:
    """Returns the different observations that each framework shows."""
    found: dict[str, list[Any]] = {}
    parallel, versus = ualign_v0.parallel_env(scenario), ualign_versus_v0.parallel_env(scenario, k=2, l=1)
    aec = ualign_v0.env(scenario)
    single = gym.make("ualign/Exploiter-v0", scenario=scenario, k=2, disable_env_checker=True)
    seats = gym.make_vec("ualign/Seats-v0", num_envs=3, scenario=scenario, players=3)
    for seed in range(60):
        for name, env in (("parallel", parallel), ("versus", versus)):
            found.setdefault(name, []).extend(env.reset(seed=seed)[0].values())
        aec.reset(seed=seed)
        found.setdefault("aec", []).append(aec.observe(aec.agents[0]))
        found.setdefault("single", []).append(single.reset(seed=seed)[0])
        found.setdefault("seats", []).extend(seats.reset(seed=seed)[0])
    return {name: np.unique(rows, axis=0) for name, rows in found.items()}


def test_the_observation_is_the_features_alone_in_every_framework():
    scenario = seen(FEATURES)
    np.testing.assert_array_equal(scenario.observations, np.array(FEATURES, np.float32))
    for name, table in observations(scenario).items():
        np.testing.assert_array_equal(table, np.unique(scenario.observations, axis=0), err_msg=name)
        assert len(table) == 3, name  # two prompts look alike


def test_observations_that_hold_the_number_are_told_apart():
    """The broken twin of what is seen by features."""
    for name, table in observations(seen(FEATURES, observe="number")).items():
        assert table.shape == (4, 4 + 3), name


def test_equal_features_have_equal_answers_and_permuted_prompts_permuted_ones():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    scenario, module = (
        seen(FEATURES),
        torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)),
    )
    table = ua.tabulate(scenario, module, 2).average()
    np.testing.assert_array_equal(table[0], table[2])
    order = [3, 1, 0, 2]
    np.testing.assert_allclose(ua.tabulate(scenario.part(order), module, 2).average(), table[order], rtol=1e-6)
    called = ua.tabulate(scenario, lambda row: np.exp(row) / np.exp(row).sum(), 2).average()
    np.testing.assert_array_equal(called[0], called[2])


def test_one_feature_is_two_wide():
    assert seen([[0.5], [0.25]]).observations.tolist() == [[0.5, 0], [0.25, 0]]


def test_bad_features():
    users = seen(FEATURES).populations
    with pytest.raises(ValueError, match="observe is 'features', but the prompts have none"):
        ua.Scenario(users, observe="features")
    with pytest.raises(ValueError, match="unknown observe 'feature'; did you mean 'features'"):
        ua.Scenario(users, features=FEATURES, observe="feature")
    with pytest.raises(ValueError, match="held_out is 3, but must be a Scenario"):
        ua.Scenario(users, features=FEATURES, held_out=3)  # pyright: ignore[reportArgumentType]
    whole = ua.Scenario(users, features=FEATURES, observe="features")
    with pytest.raises(ValueError, match="held_out has observe 'number', but the prompts to learn on have 'features'"):
        ua.Scenario(users, features=FEATURES, observe="features", held_out=seen(FEATURES, observe="number"))
    with pytest.raises(ValueError, match="held_out has n_features 2"):
        ua.Scenario(users, features=FEATURES, observe="features", held_out=seen([[1, 2]]))
    with pytest.raises(ValueError, match="held_out has a held-out part itself"):
        ua.Scenario(users, features=FEATURES, observe="features", held_out=whole.split(2))


# Splits.


@pytest.mark.parametrize("train", [0.5, 2, 0.74])
def test_parts_of_a_split_share_no_prompt_and_leave_none_out(train):
    scenario = seen(FEATURES, probabilities=[0.1, 0.2, 0.3, 0.4])
    for seed in range(5):
        learned_on = scenario.split(train, seed)
        held_out = learned_on.held_out
        assert held_out is not None
        names = [*learned_on.prompts, *held_out.prompts]
        assert sorted(names) == sorted(scenario.prompts)
        assert len(set(names)) == len(names)
        assert (learned_on.observe, held_out.observe) == ("features", "features")
        for part in (learned_on, held_out):
            index = [scenario.prompts.index(name) for name in part.prompts]
            np.testing.assert_array_equal(part.features, scenario.features[index])
            assert part.populations == tuple(scenario.populations[x] for x in index)
            chances = scenario.probabilities[index]
            np.testing.assert_allclose(part.probabilities, chances / chances.sum())
    assert scenario.split(2, 0) == scenario.split(2, 0)
    assert len({scenario.split(2, seed).prompts for seed in range(20)}) > 1


def test_bad_splits():
    scenario = seen(FEATURES)
    for train, size in ((0, 0), (4, 4), (0.05, 0), (0.99, 4), (1.0, 4)):
        with pytest.raises(ValueError, match=f"leaves {size} of 4 prompts to learn on"):
            scenario.split(train)
    for train in (1.5, -1, "half", None, True):
        with pytest.raises(ValueError, match="train is"):
            scenario.split(train)  # pyright: ignore[reportArgumentType]
    for prompts in ([], [0, 0], [4], [-1], [0.5], "a"):
        with pytest.raises(ValueError, match="prompts"):
            scenario.part(prompts)


def test_splits_survive_specs_files_and_names(tmp_path):
    scenario = seen(FEATURES).split(2)
    assert scenario != scenario.learned_on()
    assert scenario != seen(FEATURES).split(2, seed=3)
    copies = [ua.load_scenario(scenario.spec), scenario.renamed("another")]
    scenario.save(tmp_path / "split.npz")
    copies.append(ua.load_scenario(tmp_path / "split.npz"))
    for copy in copies:
        assert copy == scenario
        assert copy.held_out == scenario.held_out
        assert copy.observe == "features"
    joined = ua.Scenario.joined([scenario, seen(FEATURES).split(2, 1)])
    assert joined.held_out is not None
    assert (joined.n_prompts, joined.held_out.n_prompts) == (4, 4)
    with pytest.raises(ValueError, match="and all have a held-out part or none"):
        ua.Scenario.joined([scenario, seen(FEATURES)])


def test_nothing_held_out_reaches_an_agent():
    scenario = seen(FEATURES).split(2)
    for information in ("exact", "tree", "picks", "pairs"):
        task = Task(scenario, 2).for_agents(information)
        assert task.scenario.held_out is None
        assert task.scenario.n_prompts == 2
        np.testing.assert_array_equal(task.scenario.observations, scenario.observations)
        assert task.scenario.observe == "features"
    game = Task(scenario, 2).for_agents("tree").game()
    assert game.scenario.held_out is None


def test_every_spec_has_parts(tmp_path):
    whole = ua.load_scenario("mallows/prompts:10")
    split = ua.load_scenario("mallows/prompts:10/train:0.7/split-seed:3")
    assert split == whole.split(0.7, 3)
    assert split.held_out is not None
    assert split.name == split.spec == "mallows/prompts:10/train:0.7/split-seed:3"
    train, held_out = (ua.load_scenario(f"mallows/train:7/part:{part}/prompts:10") for part in ("train", "held-out"))
    assert (train.n_prompts, held_out.n_prompts, train.held_out) == (7, 3, None)
    assert held_out == whole.split(7).held_out
    for one in (split, train, held_out):
        assert ua.load_scenario(one.spec) == one
        assert pickle.loads(pickle.dumps(one)) == one
    world = ua.load_scenario("moving-opinions/prompts:3/held-out:2")
    assert ua.load_scenario("moving-opinions/prompts:3/held-out:2/part:held-out") == world.held_out
    assert ua.load_scenario("moving-opinions/prompts:3/held-out:2/part:train").held_out is None
    assert world.held_out is not None
    assert world.held_out.name == "moving-opinions, held-out"  # what is kept is not changed
    ua.register_scenario("ours-with-parts", whole)
    assert ua.load_scenario(ua.load_scenario("ours-with-parts/train:7").spec) == whole.split(7)
    whole.save(tmp_path / "whole.npz")
    assert ua.load_scenario(f"{tmp_path / 'whole.npz'}/train:7/part:held-out") == held_out
    assert ua.load_scenario(f"{whole.spec}/train:7") == whole.split(7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("part:held-out", "has no held-out part: train:0.8 makes one"),
        ("train:7/part:test", "unknown part 'test'"),
        ("train:10", "leaves 10 of 10 prompts to learn on"),
        ("train:much", "train is 'much'"),
        ("train:7/split-seed:x", "split-seed is 'x'"),
        ("split-seed:3", "has a split-seed, but no train"),
        ("train:7/train:8", "option 'train' is given twice"),
        ("train:7/part:", "'part:' is not of the form key:value"),
    ],
)
def test_bad_parts(options, message):
    with pytest.raises(ValueError, match=message):
        ua.load_scenario(f"mallows/prompts:10/{options}")


def test_what_is_split_is_not_split_again():
    with pytest.raises(ValueError, match="has a held-out part already"):
        ua.load_scenario("moving-opinions/prompts:3/held-out:2/train:2")


def test_commands_take_parts_as_flags():
    command = [
        sys.executable,
        "-m",
        "ualign_env",
        "score",
        "mallows/prompts:4",
        "--policy",
        "nlhf",
        "--k",
        "2",
        "--json",
    ]
    found = [
        json.loads(subprocess.run([*command, *flags], capture_output=True, text=True, check=True).stdout)
        for flags in (["--train", "3", "--part", "held-out"], ["--train=3", "--part=train"])
    ]
    whole = ua.load_scenario("mallows/prompts:4").split(3)
    for card, part in zip(found, (whole.held_out, whole.learned_on()), strict=True):
        assert part is not None
        assert card["robust_win_rate"] == pytest.approx(ua.robust_win_rate(part, "nlhf", 2))


# Responses with features: policies that score them, whatever their number.


def texts(sizes: list[int], **more: Any) -> ua.Scenario:
    """Returns prompts with so many responses each, of which users like those whose first feature is high."""
    rng = np.random.default_rng(0)
    tables = [rng.normal(size=(size, 2)) for size in sizes]
    users = [ua.Population.from_scores(table[:, 0] + rng.normal(0, 0.3, (7, len(table)))) for table in tables]
    return ua.Scenario(users, features=rng.normal(size=(len(sizes), 1)), response_features=tables, **more)


def first_is_best(seen: np.ndarray, responses: np.ndarray) -> np.ndarray:
    assert (seen.shape, responses.shape[1], responses.dtype) == ((2,), 2, np.float32)
    weights = np.exp(3 * responses[:, 0])
    return weights / weights.sum()


def test_policies_that_score_responses_are_read(tmp_path):
    scenario = texts([3, 5, 2, 4], observe="features")
    assert scenario.response_features.shape == (4, 5, 2)
    table = ua.tabulate(scenario, first_is_best, 2).average()
    assert ua.robust_win_rate(scenario, first_is_best, 2) > ua.robust_win_rate(scenario, "uniform", 2)
    torch = pytest.importorskip("torch")

    class Scorer(torch.nn.Module):
        def forward(self, seen, responses):
            assert (seen.shape, responses.shape) == ((4, 2), (4, 5, 2))
            return 3 * responses[:, :, 0]

    np.testing.assert_allclose(ua.tabulate(scenario, Scorer(), 2).average(), table, atol=1e-6)
    numbering = ua.tabulate(scenario, lambda _: np.eye(5)[0][:5], 2).average()  # who takes one argument is given one
    assert (numbering[:, 0] == 1).all()
    scenario.save(tmp_path / "texts.npz")
    copies = [ua.load_scenario(scenario.spec), ua.load_scenario(tmp_path / "texts.npz"), scenario.renamed("x")]
    for copy in [*copies, pickle.loads(pickle.dumps(scenario))]:
        assert copy == scenario
        np.testing.assert_array_equal(copy.response_features, scenario.response_features)
    plain = ua.Scenario(scenario.populations, features=scenario.features, observe="features")
    assert plain != scenario


def test_what_is_held_out_may_have_another_number_of_responses():
    scenario = texts([3, 5, 2, 4], observe="features").split(2, seed=1)
    assert scenario.held_out is not None
    assert scenario.n_responses != scenario.held_out.n_responses
    for part in (scenario, scenario.held_out):
        assert ua.robust_win_rate(part, first_is_best, 2) > ua.robust_win_rate(part, "uniform", 2)
    numbered = ua.Scenario(scenario.populations, features=scenario.features)
    with pytest.raises(ValueError, match="held_out has n_responses"):
        ua.Scenario(
            numbered.populations,
            features=numbered.features,
            held_out=ua.Scenario(scenario.held_out.populations, features=scenario.held_out.features),
        )
    joined = ua.Scenario.joined([texts([3, 2]), texts([4])])
    assert joined.response_features.shape == (3, 4, 2)
    with pytest.raises(ValueError, match="as many features of responses"):
        ua.Scenario.joined([texts([3, 2]), ua.Scenario(texts([4]).populations, features=[[0.0]])])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[[1.0]]], "response_features has 1 tables, but the scenario has 2 prompts"),
        ([[[1.0]], [[1.0]]], r"response_features\[0\] has shape \(1, 1\), but must have \[2, 1\]"),
        ([[[1.0], [2]], [[1.0, 2], [2, 1]]], r"response_features\[1\] has shape \(2, 2\), but must have \[2, 1\]"),
        ([[[1.0], [np.nan]], [[1.0], [2]]], r"response_features\[0\]\[1, 0\] is nan"),
        ([np.zeros((2, 0))] * 2, "at least 1"),
        (3, "response_features"),
    ],
)
def test_bad_features_of_responses(given, message):
    users = ua.Population.from_scores([[1, 2]])
    with pytest.raises(ValueError, match=message):
        ua.Scenario([users, users], response_features=given)


# Ratings with a column of features.


def ratings(**changed: Any) -> dict[str, Any]:
    """Returns ratings of three responses to four prompts, which appear in another order to every prompt."""
    rng, rows = np.random.default_rng(0), []
    for x in range(4):
        for user in "uvw":
            rows += [(f"p{x}", user, name, float(rng.random()), [float(x), 0.5]) for name in np.roll(list("abc"), x)]
    columns = ("prompt", "user", "response", "score", "embedding")
    return dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)) | changed


@pytest.mark.parametrize("written", [list, json.dumps, lambda row: ";".join(map(str, row)), np.array])
def test_embeddings_of_rated_prompts_are_features(written):
    table = ratings(embedding=[written(row) for row in ratings()["embedding"]])
    scenario = ua.read_ratings(table, features="embedding")
    assert scenario.observe == "features"
    assert scenario.observations.tolist() == [[x, 0.5] for x in range(4)]
    plain = ua.read_ratings(ratings())
    for users, before in zip(scenario.populations, plain.populations, strict=True):
        assert users.responses == ("a", "b", "c")  # whoever answers with numbers means the same by them everywhere
        assert users == before.restricted([before.responses.index(name) for name in "abc"])
    assert scenario.split(3).held_out is not None


def test_a_folder_of_ratings_with_embeddings(tmp_path):
    table = ratings()
    for i, part in enumerate((slice(0, 18), slice(18, 36))):
        rows = zip(*(column[part] for column in table.values()), strict=True)
        lines = [json.dumps(dict(zip(table, row, strict=True))) for row in rows]
        (tmp_path / f"{i}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    specs = [f"{tmp_path / name}/features:embedding" for name in ("0.jsonl", "1.jsonl")]
    joined = ua.Scenario.joined(map(ua.load_scenario, specs))
    assert joined.observe == "features"
    assert joined.features[:, 0].tolist() == [0, 1, 2, 3]
    assert joined.split(0.5).held_out is not None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"embedding": [[0.0]] + [[1.0, 2.0]] * 35}, "embedding of prompt 'p0' is another than before"),
        ({"embedding": [[0.0]] * 9 + [[1.0, 2.0]] * 27}, "row 9: embedding has 2 numbers, but before 1"),
        ({"embedding": ["a;b"] * 36}, "row 0: embedding is .*, but must be finite numbers: a list, or joined by ';'"),
        ({"embedding": [[]] * 36}, "must be finite numbers"),
        ({"embedding": [[np.nan]] * 36}, "must be finite numbers"),
        ({"embedding": [None] * 36}, "must be finite numbers"),
        ({"response": [*["d", "b", "c"] * 3, *ratings()["response"][9:]]}, "has other responses than 'p0'"),
    ],
)
def test_bad_embeddings(changed, message):
    with pytest.raises(ValueError, match=message):
        ua.read_ratings(ratings(**changed), features="embedding")


def test_features_are_of_prompts():
    table = {name: column for name, column in ratings().items() if name != "prompt"}
    with pytest.raises(ValueError, match="there is no column of prompts that have them"):
        ua.read_ratings(table, features="embedding", repeated="last")
