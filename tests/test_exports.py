"""Games for Gambit and data sets for whoever publishes them: read again by others, and nothing is lost or invented."""

import csv
import hashlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pyspiel
import pytest
from scipy.optimize import linprog
from slot_noise import SlotNoise

import ualign_env as ua
from ualign_env import cli

QUOTED = ua.Scenario([ua.Population.from_rankings([[0, 1, 2], [2, 1, 0]], responses=['say "no"', "a\\b", "a/b"])])


def read_nfg(path):
    """Returns title, players, strategies, description and `[K, ...]` payoffs of a file, read by Gambit's grammar."""
    text = path.read_text(encoding="utf-8")
    tokens = re.findall(r'"(?:\\"|[^"])*"|[{}]|[^\s{}"]+', text)
    assert tokens[:3] == ["NFG", "1", "R"]
    words = [token[1:-1].replace('\\"', '"') if token[0] == '"' else token for token in tokens]
    at = words.index("}", 5)
    players, strategies, at = words[5:at], [], at + 2
    while words[at] == "{":
        end = words.index("}", at)
        strategies.append(words[at + 1 : end])
        at = end + 1
    sizes = [len(own) for own in strategies]
    numbers = np.array(words[at + 2 :], float).reshape(-1, len(players))
    assert len(numbers) == np.prod(sizes)
    # the first player's strategy runs fastest
    return words[3], players, strategies, words[at + 1], numbers.T.reshape(len(players), *sizes[::-1]).T


def payoffs(path):
    """Returns `[K, ...]` payoffs, a player's strategies along her axis."""
    return np.moveaxis(read_nfg(path)[-1], -1, 0)


def test_a_game_in_normal_form_is_what_the_tensor_says(tmp_path):
    path = tmp_path / "goals.nfg"
    ua.save_nfg(ua.load_game("german-goals", 3), path)
    title, players, strategies, description, _ = read_nfg(path)
    assert title == "Alignment game, prompt 0: german-goals"
    assert players == ["player 0", "player 1", "player 2"]
    assert strategies == [list(ua.load_scenario("german-goals").populations[0].responses)] * 3
    cited = ua.cite("german-goals")
    assert f"Digest of the users: sha256:{cited.digest}." in description  # the one that data cards have
    assert cited.source in description
    assert "arXiv 2601.08777" in description
    np.testing.assert_allclose(payoffs(path), ua.payoff_tensor("german-goals", 3), rtol=0, atol=1e-15)
    # the broken twin: with the last player's strategy fastest, all three would have the same payoffs elsewhere
    assert not np.allclose(read_nfg(path)[-1].T, ua.payoff_tensor("german-goals", 3))


def test_k_against_l_in_normal_form(tmp_path):
    path = tmp_path / "versus.nfg"
    ua.save_nfg(ua.load_versus_game("cycle/prompts:2", 2, 1), path, prompt="prompt 1")
    _, _, strategies, _, _ = read_nfg(path)
    assert [len(own) for own in strategies] == [6, 3]
    found = payoffs(path)
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=0, atol=1e-15)
    value = ua.solve_versus("cycle/prompts:2", 2, 1, prompt="prompt 1").value
    assert value == pytest.approx(max_min(found[0]), abs=1e-6)


def max_min(matrix):
    """Returns the value of a matrix game to the row, by a linear program."""
    n, m = matrix.shape  # maximise v, with every column's payoff at least v
    bounds = np.hstack([-matrix.T, np.ones((m, 1))])
    found = linprog([0.0] * n + [-1.0], bounds, np.zeros(m), [[1.0] * n + [0.0]], [1.0])
    return -found.fun


def test_names_in_quotes(tmp_path):
    path = tmp_path / "quoted.nfg"
    ua.save_nfg(ua.load_game(QUOTED, 2), path)
    assert read_nfg(path)[2] == [['say "no"', "a/b", "a/b (3)"]] * 2


def test_games_that_are_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"'x.efg', but must end in .nfg"):
        ua.save_nfg(ua.load_game("cycle", 2), "x.efg")
    with pytest.raises(ValueError, match="choose one by prompt="):
        ua.save_nfg(ua.load_game("cycle/prompts:2", 2), tmp_path / "x.nfg")
    with pytest.raises(ValueError, match=r"game is .kuhn_poker.*, but must be an alignment game"):
        ua.save_nfg(pyspiel.load_game("kuhn_poker"), tmp_path / "x.nfg")
    with pytest.raises(ua.TooLargeError, match=r"6.71e7 payoffs, but at most 10,000,000 are written"):
        ua.save_nfg(ua.load_game("impartial/responses:64/users:3", 4), tmp_path / "x.nfg")
    with pytest.raises(ValueError, match="cannot write"):
        ua.save_nfg(ua.load_game("cycle", 2), tmp_path / "no" / "x.nfg")
    assert not list(tmp_path.iterdir())


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


TIED = ua.Population.from_scores([[3, 1, 1], [0, 0, 0], [1, 2, 3]], [3, 2, 1], responses=["Ä", 'b, "c"', "d\ne"])
NOISY = ua.LogitUsers([[1.0, 0.5, 0.0], [0.0, 1.0, 0.25]], 0.5, [3, 1], responses=["x", "y", "z"])
PAIRS = ua.PairwiseUsers([[0.5, 0.7], [0.3, 0.5]], responses=["x", "y"])
MANY = ua.Scenario(
    [TIED, NOISY, PAIRS],
    ["tied", "noisy", "pairs"],
    [0.5, 0.25, 0.25],
    features=[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    groups=[{"few": TIED.drawn(np.array([0, 0, 1]))}, {}, {}],
    notes=["2 users of 9 judged none of the responses: left out"],
    name="many",
)


def test_tables_hold_all_that_makes_the_users(tmp_path):
    folder = ua.save_croissant(MANY, tmp_path / "data").parent
    again = ua.load_scenario(f"{folder}/rankings.csv/reader:orders/weight:weight/min-users:1").populations[0]
    order = [again.responses.index(name) for name in TIED.responses]
    assert again.restricted(order) == TIED
    told = [row for row in rows_of(folder / "logit.csv") if row["prompt"] == "noisy"]
    utilities = np.array([float(row["utility"]) for row in told]).reshape(2, 3)
    kept = [[float(row[name]) for row in told[::3]] for name in ("temperature", "weight")]
    assert ua.LogitUsers(utilities, *kept, responses=[row["response"] for row in told[:3]]) == NOISY
    (pair,) = rows_of(folder / "pairwise.csv")
    assert (pair["response"], pair["other"], float(pair["preference"])) == ("y", "x", PAIRS.preferences[1, 0])
    groups = rows_of(folder / "rankings-of-groups.csv")
    assert {row["group"] for row in groups} == {"few"}
    prompts = rows_of(folder / "prompts.csv")
    assert [float(row["probability"]) for row in prompts] == [0.5, 0.25, 0.25]
    assert [float(row["feature_1"]) for row in prompts] == [2, 4, 6]
    assert [row["response"] for row in rows_of(folder / "responses.csv")] == [
        name for users in MANY.populations for name in users.responses
    ]


def test_users_of_another_kind_are_rows_of_their_content(tmp_path):
    users = SlotNoise([[1.0, 0.5], [0.0, 1.0]], 0.5, [1, 3])
    folder = ua.save_croissant(users, tmp_path / "data").parent
    told = rows_of(folder / f"{users.kind}.csv")
    assert len(told) == users.n_types
    assert [json.loads(row["utilities"]) for row in told] == [[1.0, 0.5], [0.0, 1.0]]
    assert [json.loads(row["temperature"]) for row in told] == [0.5, 0.5]


def test_held_out_prompts_are_told_apart(tmp_path):
    scenario = ua.load_scenario("moving-opinions/prompts:6/held-out:2/responses:4/users:5")
    folder = ua.save_croissant(scenario, tmp_path / "data").parent
    assert [row["part"] for row in rows_of(folder / "prompts.csv")] == ["learned on"] * 6 + ["held out"] * 2
    told = rows_of(folder / "rankings.csv")  # prompts of both parts have the same names
    assert scenario.held_out is not None
    for part, own in (("learned on", scenario), ("held out", scenario.held_out)):
        first = [row for row in told if (row["prompt"], row["part"]) == (own.prompts[0], part)]
        assert len(first) == own.populations[0].n_types


def test_too_many_users_are_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("ualign_env.exports.croissant.MAX_FIELDS", 10)
    with pytest.raises(ua.TooLargeError, match="96 places for responses, but at most 10 are written"):
        ua.save_croissant("german-goals", tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_metadata_and_card(tmp_path):
    told = {"name": "goals", "licence": "CC-BY-4.0", "url": "https://example.org/goals", "creator": "We"}
    path = ua.save_croissant(MANY, tmp_path / "data", published="2026-11-30", **told)
    metadata, card = json.loads(path.read_text("utf-8")), (path.parent / "README.md").read_text("utf-8")
    for one in metadata["distribution"]:
        assert hashlib.sha256((path.parent / one["contentUrl"]).read_bytes()).hexdigest() == one["sha256"]
    for text in ("goals", "CC-BY-4.0", "https://example.org/goals", "2026-11-30", MANY.digest, *MANY.notes):
        assert text in card
    for records in metadata["recordSet"]:
        columns = list(rows_of(path.parent / f"{records['name']}.csv")[0])
        assert [field["source"]["extract"]["column"] for field in records["field"]] == columns
    again = ua.save_croissant(MANY, tmp_path / "again", published="2026-11-30", **told)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")  # its own
def test_croissant_reads_it(tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant")
    told = {"url": "https://example.org", "creator": "We", "published": "2026-11-30", "licence": "CC-BY-4.0"}
    path = ua.save_croissant(MANY, tmp_path / "data", **told)
    data = mlcroissant.Dataset(jsonld=str(path))
    assert data.metadata.ctx.issues.report() == ""  # neither errors nor warnings
    for records in data.metadata.record_sets:
        found = list(data.records(records.uuid))
        assert len(found) == len(rows_of(path.parent / f"{records.name}.csv"))
    broken = json.loads(path.read_text("utf-8"))
    broken["recordSet"][0]["field"][0]["source"]["fileObject"]["@id"] = "nowhere.csv"
    path.write_text(json.dumps(broken), "utf-8")
    with pytest.raises(mlcroissant.ValidationError):
        mlcroissant.Dataset(jsonld=str(path))


def test_folders_that_are_not_written_to(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(ValueError, match="must be an empty folder, or not exist"):
        ua.save_croissant("cycle", tmp_path / "full")
    with pytest.raises(ValueError, match="must be an empty folder, or not exist"):
        ua.save_croissant("cycle", tmp_path / "full" / "mine")
    with pytest.raises(ValueError, match="licence is 3"):
        ua.save_croissant("cycle", tmp_path / "new", licence=3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="cannot write to"):
        ua.save_croissant("cycle", tmp_path / "full" / "mine" / "below")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def ualign(*arguments):
        monkeypatch.setattr(sys, "argv", ["ualign", "export", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0, *capsys.readouterr()

    Path("votes.csv").write_text("who,order\nu,a>b\nv,b>a\n", "utf-8")
    assert ualign("votes.csv", "--user", "who", "--croissant", "data") == (
        0,
        "data/croissant.json, with README.md, prompts.csv, rankings.csv, responses.csv\n",
        "",
    )
    assert ualign("votes.csv", "--user=who", "--nfg", "g.nfg", "--k", "2") == (0, "g.nfg\n", "")
    assert len(read_nfg(Path("g.nfg"))[1]) == 3
    told = str(ualign("german-goals", "--nfg", "v.nfg", "--k", "2", "--l", "2", "--json")[1])
    assert json.loads(told)["path"] == "v.nfg"
    assert [len(own) for own in read_nfg(Path("v.nfg"))[2]] == [10, 10]
    status, _, err = ualign("german-goals")
    assert (status, "nothing is asked for" in err) == (2, True)
    status, _, err = ualign("german-goals", "--nfg", "a.nfg", "--croissant", "b")
    assert (status, "--nfg and --croissant is asked for" in err) == (2, True)
    assert not Path("a.nfg").exists()
