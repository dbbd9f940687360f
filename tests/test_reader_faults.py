"""Faults of other people's tables that once passed silently, or stopped what could be read."""

import json
import pickle
from importlib import import_module, util
from typing import Any

import numpy as np
import pytest
from tables import orders

import ualign_env as ua
from ualign_env import Population, Scenario, load_scenario


def ratings(**columns: Any) -> dict[str, Any]:
    return {"user": list("uuvv"), "response": list("abab"), "score": [1, 2, 2, 1], **columns}


def test_large_numbers_stay_different_names():
    found = ua.read_ratings(ratings(user=[2**53, 2**53, 2**53 + 1, 2**53 + 1]))
    assert found.populations[0].n_users == 2
    with pytest.raises(ValueError, match=r"row 2: user: 1e\+17 is a number that was rounded"):
        ua.read_ratings(ratings(user=[1.0, 1.0, 1e17, 1e17]))
    # whole numbers come as floats where a column has gaps
    assert ua.read_ratings(ratings(user=[1.0, 1.0, 2.0, 2.0], response=[1.0, 2.0, 1, 2])).populations[0].responses == (
        "1",
        "2",
    )


@pytest.mark.parametrize("word", [True, 1, 1.0, "1.0", "Tie", "tie (bothbad)", "both", "draw", "yes", "T"])
def test_words_for_ties(word):
    table = {"chosen": ["a", "a"], "rejected": ["b", "b"], "tie": [word, ""]}
    (users,) = ua.read_pairwise(table, rule="pooled", tie="tie").populations
    assert users.pairwise()[0, 1] == 0.75


def test_other_words_for_ties_are_refused():
    table = {"chosen": ["a"], "rejected": ["b"], "tie": ["nonsense"]}
    with pytest.raises(ValueError, match="row 0: tie is 'nonsense', but must be true, 1, yes or tie, or else blank"):
        ua.read_pairwise(table, rule="pooled", tie="tie")


def test_winners_of_two():
    table = {"model_a": list("xyxx"), "model_b": list("yxyy"), "winner": ["model_a", "x", "tie (bothbad)", "model_b"]}
    named: Any = {"chosen": "model_a", "rejected": "model_b", "winner": "winner", "rule": "pooled"}
    assert ua.read_pairwise(table, **named).populations[0].pairwise()[0, 1] == pytest.approx(2.5 / 4)
    with pytest.raises(ValueError, match="row 1: winner is 'z', but must be model_a, model_b, what stands there"):
        ua.read_pairwise({**table, "winner": ["x", "z", "x", "x"]}, **named)


def test_pooled_comparisons_heed_their_options():
    table = {"prompt": list("ppq"), "chosen": list("aba"), "rejected": list("bab"), "team": list("xyx")}
    found = ua.read_pairwise(table, rule="pooled", group="team")
    assert found.prompts == ("p",)
    assert found.notes[0] == "1 prompt with fewer than 2 comparisons: left out"
    assert {name: users.pairwise()[0, 1] for name, users in found.groups[0].items()} == {"x": 1, "y": 0}
    both = ua.read_pairwise(table, rule="pooled", min_users=1, probabilities="users")
    np.testing.assert_allclose(both.probabilities, [2 / 3, 1 / 3])
    with pytest.raises(ValueError, match="missing is 'bottom', but of pooled comparisons nobody's are complete"):
        ua.read_pairwise(table, rule="pooled", missing="bottom")


def test_many_answers_that_are_compared_once_need_little_memory():
    n = 20_000
    table = {"user": range(n), "chosen": range(n), "rejected": range(n, 2 * n)}
    with pytest.raises(ua.TooLargeError, match="1,600,000,000 scores are more than the 200,000,000"):
        ua.read_pairwise(table, rule="pooled")
    own = {"prompt": range(n), **table}
    assert ua.read_pairwise({k: list(v)[:5000] for k, v in own.items()}, rule="copeland", min_users=1).n_prompts == 5000


def test_an_incomplete_user_does_not_stop_the_others():
    table = {"user": list("uuuvvvw"), "chosen": list("abcabca"), "rejected": list("bcabcab")}
    found = ua.read_pairwise(table, rule="bradley-terry")
    assert found.populations[0].n_users == 2
    assert "3.0 pairs a user on the mean; 2 of 2 users contradict themselves" in found.notes


def test_rows_that_stand_for_many_count_as_many():
    ballots: dict[str, Any] = {
        "rank1": ["a", "b", "a"],
        "rank2": ["b", "", "c"],
        "rank3": ["c", "", "b"],
        "n": [100, 50, 7],
    }
    found = ua.read_ballots(ballots, weight="n", unranked="drop")
    assert found.populations[0].n_users == 107
    assert found.notes == ("50 of 157 users judged only some of the responses: left out",)
    assert ua.read_ballots({"rank1": ["a"], "rank2": ["b"], "n": [100]}, weight="n").populations[0].n_users == 100
    weighted = ua.read_orders({"order": ["a>b", "b>a"], "n": [3, 1]}, weight="n")
    assert orders(weighted.populations[0]) == {"a > b": 3, "b > a": 1}


def test_prompts_of_one_name_are_counted_each():
    shown = [["a", "b"], ["a", "c"], ["b", "c"], ["a", "d"], ["a", "d"]]
    table = {"prompt": ["p"] * 5, "user": list("uuuuv"), "shown": shown, "chosen": list("aabaa")}
    assert "3 prompts with fewer than 2 users left: left out, with 3 users" in ua.read_picks(table).notes


def test_groups_of_any_name_in_any_order(tmp_path):
    users = Population.from_rankings([[0, 1], [1, 0]])
    groups = {"shape": users.resampled([0]), "array": users.resampled([1]), "first": users}
    scenario = Scenario([users], groups=[groups])
    scenario.save(tmp_path / "x.npz")
    assert load_scenario(tmp_path / "x.npz") == scenario == load_scenario(scenario.spec)
    assert Scenario([users], groups=[dict(reversed(groups.items()))]) == scenario
    assert pickle.loads(pickle.dumps(scenario)).groups[0]["shape"] == groups["shape"]


def test_users_are_of_one_group():
    with pytest.raises(ValueError, match="row 1: user 'u' is of group 'y', but before of 'x'"):
        ua.read_ratings(ratings(team=list("xyxx")), group="team")
    pairs = {"user": list("uuvv"), "chosen": list("abab"), "rejected": list("baba"), "team": ["x", "y", "", ""]}
    with pytest.raises(ValueError, match="row 1: user 'u' is of group 'y', but before of 'x'"):
        ua.read_pairwise(pairs, rule="copeland", group="team")
    found = ua.read_pairwise({**pairs, "team": ["", "x", "y", ""]}, rule="copeland", group="team")
    assert {name: users.n_users for name, users in found.groups[0].items()} == {"x": 1, "y": 1}


def test_rounding_is_no_preference():
    steps = {"user": list("uuuuvvvv"), "response": list("abcdabcd"), "score": [0.1, 0.2, 0.3, 0.4] * 2}
    assert orders(ua.read_ratings(steps, tie_width=0.1).populations[0]) == {"d > c > b > a": 2}
    twice = {"user": list("uuuuvv"), "response": list("aabbab"), "score": [0.1, 0.2, 0.3, 0.0, 1, 2]}
    assert orders(ua.read_ratings(twice, repeated="mean").populations[0]) == {"a = b": 1, "b > a": 1}


def test_names_that_look_like_gaps():
    table = {"user": list("uvw"), "shown": [["None", "b"]] * 3, "chosen": ["None", "None", "NA"]}
    found = ua.read_picks(table)
    assert orders(found.populations[0]) == {"None > b": 2}
    assert found.notes[0] == "1 row without a choice: left out"
    ballots = ua.read_ballots({"rank1": ["Na", "b"], "rank2": ["NA", "nan"], "rank3": ["b", None]})
    assert orders(ballots.populations[0]) == {"Na > b": 1, "b > Na": 1}


def test_projects_that_nobody_named_have_no_points(tmp_path):
    path = tmp_path / "x.pb"
    path.write_text(
        "META\nkey;value\nvote_type;scoring\nPROJECTS\nproject_id\n1\n2\n3\nVOTES\nvoter_id;vote;points\n1;1,2;-3,2\n",
        encoding="utf-8",
    )
    assert orders(ua.read_pabulib(path).populations[0]) == {"2 > 3 > 1": 1}
    path.write_text(
        path.read_text(encoding="utf-8").replace("scoring", "cumulative").replace("-3", "0"), encoding="utf-8"
    )
    assert orders(ua.read_pabulib(path, unranked="drop").populations[0]) == {"2 > 1 = 3": 1}


def test_a_prompt_column_may_come_late(tmp_path):
    rows = [{"user": u, "response": y, "score": 1} for u in range(60) for y in "ab"]
    rows += [{"user": u, "response": y, "score": 1, "prompt": "late"} for u in range(2) for y in "ab"]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.jsonl:1: prompt is None, but must be a name"):
        load_scenario(path)


def test_orders_that_are_no_orders():
    with pytest.raises(ValueError, match="no order has two names, which '>' joins"):
        ua.read_orders({"user": [1, 2], "order": ["a;b;", "b;a;"]})
    found = ua.read_orders({"user": [1, 2], "order": ["a;b;", "b;a;"]}, separator=";")
    assert orders(found.populations[0]) == {"a > b": 1, "b > a": 1}


def test_headers_of_cast_vote_records():
    for first, second in (
        ("1st Choice", "2nd Choice"),
        ("choice_1", "choice_2"),
        ("1ST CHOICE MAYOR", "2ND CHOICE MAYOR"),
    ):
        found = ua.read_ballots({"id": [1, 2], first: ["a", "b"], second: ["b", "undervote"]})
        assert orders(found.populations[0]) == {"a > b": 1, "b > a": 1}
    named = ua.read_ballots({"best": ["a", "b"], "next": ["b", "a"]}, rank=("best", "next"))
    assert orders(named.populations[0]) == {"a > b": 1, "b > a": 1}


def test_surveys(tmp_path):
    path = tmp_path / "survey.csv"
    text = "\n\nTimestamp;Email;Parks are good;Taxes are low\n1/2;u@x;agree;neutral\n1/3;v@x;disagree;agree\n"
    path.write_text(text, encoding="utf-16")
    options = "columns:Parks are good;Taxes are low/levels:disagree;neutral;agree"
    found = load_scenario(f"{path}/reader:wide-ratings/{options}")
    assert orders(found.populations[0]) == {"Parks are good > Taxes are low": 1, "Taxes are low > Parks are good": 1}
    with pytest.raises(ValueError, match=r"survey\.csv:4: Parks are good is 'agree', but must be one of no, yes"):
        load_scenario(f"{path}/reader:wide-ratings/columns:Parks are good/levels:no;yes")
    thumbs = ua.read_ratings(ratings(score=[True, False, "true", "FALSE"]))
    assert orders(thumbs.populations[0]) == {"a > b": 2}
    with pytest.raises(ValueError, match="score is '1,5', but must be a number, or blank; decimals have a point"):
        ua.read_ratings(ratings(score=["1,5", "2", "1", "2"]))
    path.write_bytes("user,response,score\nü,a,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"survey\.csv.*; it must be saved as UTF-8"):
        load_scenario(path)


def test_frames_that_people_have(tmp_path):
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    shown = [["a", "b"], ["b", "a"]]
    picks = {"user": ["u", "v"], "shown": shown, "chosen": ["a", "b"]}
    expected = ua.read_picks(picks).populations
    arrays = pd.DataFrame({**picks, "shown": [np.array(one, object) for one in shown]})
    frames = [arrays, pl.DataFrame(picks), pl.DataFrame(picks).lazy()]
    if util.find_spec("pyarrow"):
        frames.append(import_module("pyarrow").table(picks))
    for frame in frames:
        assert ua.read_picks(frame).populations == expected
    tied = pd.DataFrame({"user": ["u", "v"], "order": [np.array(["a", "b"]), np.array(["b", "a"])]})
    assert orders(ua.read_orders(tied).populations[0]) == {"a > b": 1, "b > a": 1}
    (tmp_path / "x.json").write_text(json.dumps([{"user": u, "order": "a>b"} for u in "uv"]), encoding="utf-8")
    assert orders(load_scenario(tmp_path / "x.json").populations[0]) == {"a > b": 2}
    unknown = np.array([[False, False], [False, True], [False, False]])
    masked = ua.read_wide_ratings(np.ma.array([[1.0, 2], [2, 1], [3, 0]], mask=unknown))
    assert masked.populations[0].n_users == 2


def test_separators_within_quoted_headers(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('user,response,"score; 1;2;3"\nu,a,1\nv,a,2\n', encoding="utf-8")
    assert ua.read_ratings(path, score="score; 1;2;3").populations[0].n_users == 2
    with pytest.raises(ValueError, match="unknown column 'votr'"):
        load_scenario(f"{path}/user:votr/score:score; 1;2;3")
