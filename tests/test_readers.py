"""Readers of other people's tables, held against the definition of each rule computed cell by cell in fractions."""

import itertools
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import orders, write

from ualign_env import (
    Population,
    load_scenario,
    read_ballots,
    read_orders,
    read_pairwise,
    read_picks,
    read_ratings,
    read_wide_ratings,
    robust_win_rate,
)
from ualign_env.readers import table
from ualign_env.readers.choose import reader_options

DATA = Path(__file__).parents[2] / "shared" / "data"


RATINGS = """question,annotator,model,score,team
q1,ann,a,1,red
q1,ann,b,2,red
q1,bob,a,3,blue
q1,bob,b,1,blue
q2,ann,b,1,red
q2,ann,a,1,red
q2,bob,b,1,blue
q2,cy,a,2,
q2,cy,b,3,
q2,bob,a,,blue
"""
NAMED: dict[str, Any] = {"prompt": "question", "user": "annotator", "response": "model"}
SPEC = "prompt:question/user:annotator/response:model"


# --- ratings, one a row


def test_prompts_with_the_same_responses_number_them_alike():
    """A policy of one row means the same of each; where rows are missing, they come in another order."""
    rows = [("x", "a"), ("x", "b"), ("x", "c"), ("y", "c"), ("y", "a"), ("y", "b"), ("z", "b"), ("z", "a")]
    judged = [(prompt, user, response) for prompt, response in rows for user in ("u", "v")]
    frame = {
        "prompt": [prompt for prompt, _, _ in judged],
        "user": [user for _, user, _ in judged],
        "response": [response for _, _, response in judged],
        "score": [ord(response) * (1 if user == "u" else -1) for _, user, response in judged],
    }
    read = read_ratings(frame)
    assert [users.responses for users in read.populations] == [("a", "b", "c"), ("a", "b", "c"), ("a", "b")]
    chosen = [
        (p, u, a, b) for p, a, b in (("x", "a", "b"), ("x", "c", "a"), ("y", "c", "a"), ("y", "a", "b")) for u in "uv"
    ]
    compared = read_pairwise(
        dict(zip(("prompt", "user", "chosen", "rejected"), map(list, zip(*chosen, strict=True)), strict=True)),
        rule="copeland",
    )
    assert [users.responses for users in compared.populations] == [("a", "b", "c"), ("a", "b", "c")]
    both = read.part([0, 1])
    always_a = [robust_win_rate(users, [1, 0, 0], 2) for users in both.populations]
    assert robust_win_rate(both, [1, 0, 0], 2) == pytest.approx(sum(always_a) / 2)


def test_ratings_are_read_in_order_of_appearance(tmp_path):
    scenario = read_ratings(write(tmp_path / "r.csv", RATINGS), **NAMED)
    assert scenario.prompts == ("q1", "q2")
    assert [users.responses for users in scenario.populations] == [("a", "b"), ("a", "b")]
    assert orders(scenario.populations[0]) == {"b > a": 1, "a > b": 1}
    assert orders(scenario.populations[1]) == {"a = b": 1, "b > a": 1}
    assert scenario.notes == (
        "1 row without a score: left out",
        "1 of 5 users (counted for each prompt) judged only some of the responses: left out",
    )
    assert load_scenario(f"{tmp_path / 'r.csv'}/{SPEC}") == scenario


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"missing": "bottom"}, [{"b > a": 1, "a > b": 1}, {"a = b": 1, "b > a": 2}]),
        ({"lower_is_better": True}, [{"a > b": 1, "b > a": 1}, {"a = b": 1, "a > b": 1}]),
        ({"tie_width": 1.5}, [{"a = b": 1, "a > b": 1}, {"a = b": 2}]),
        ({"tie_width": 1.0}, [{"b > a": 1, "a > b": 1}, {"a = b": 1, "b > a": 1}]),
        ({"responses": 1}, [{"a": 2}, {"b": 3}]),
        ({"min_users": 3, "missing": "bottom"}, [{"a = b": 1, "b > a": 2}]),
    ],
)
def test_options_of_ratings(tmp_path, options: Any, expected):
    path = write(tmp_path / "r.csv", RATINGS)
    scenario = read_ratings(path, **NAMED, **options)
    assert [orders(users) for users in scenario.populations] == expected
    written = "/".join(f"{key.replace('_', '-')}:{str(value).lower()}" for key, value in options.items())
    assert load_scenario(f"{path}/{SPEC}/{written}") == scenario


def test_nobody_is_left_out_uncounted(tmp_path):
    path = write(tmp_path / "r.csv", RATINGS)
    notes = read_ratings(path, **NAMED, min_users=3, missing="bottom").notes
    assert "1 prompt with fewer than 3 users left: left out, with 2 users" in notes
    with pytest.raises(ValueError, match=r"no prompt has 4 users or more; 1 row.*; 2 prompts with fewer"):
        read_ratings(path, **NAMED, min_users=4)
    assert read_ratings(path, **NAMED, responses=1).notes[1] == (
        "2 responses that fewer users judged than others: left out"
    )


def test_prompts_can_be_as_likely_as_they_have_users(tmp_path):
    path = write(tmp_path / "r.csv", RATINGS)
    scenario = read_ratings(path, **NAMED, probabilities="users", missing="bottom")
    np.testing.assert_allclose(scenario.probabilities, [2 / 5, 3 / 5])
    np.testing.assert_allclose(read_ratings(path, **NAMED, missing="bottom").probabilities, [1 / 2, 1 / 2])


def test_groups_are_kept_apart(tmp_path):
    scenario = read_ratings(write(tmp_path / "r.csv", RATINGS), **NAMED, group="team", missing="bottom")
    assert [{name: orders(users) for name, users in known.items()} for known in scenario.groups] == [
        {"red": {"b > a": 1}, "blue": {"a > b": 1}},
        {"red": {"a = b": 1}, "blue": {"b > a": 1}},
    ]
    saved = tmp_path / "s.npz"
    scenario.save(saved)
    assert load_scenario(saved) == scenario == load_scenario(scenario.spec)
    assert load_scenario(saved).groups[0]["red"] == scenario.groups[0]["red"]
    assert scenario != read_ratings(tmp_path / "r.csv", **NAMED, missing="bottom")


def test_repeated_ratings(tmp_path):
    path = write(tmp_path / "r.csv", "user,response,score\nu,a,1\nu,b,2\nv,a,1\nv,b,0\nu,a,4\n")
    with pytest.raises(ValueError, match=r"r\.csv:6: user 'u' judged response 'a' .* before, at .*r\.csv:2; repeated"):
        read_ratings(path)
    assert orders(read_ratings(path, repeated="last").populations[0]) == {"a > b": 2}
    mean = read_ratings(path, repeated="mean")  # (1 + 4) / 2 > 2
    assert orders(mean.populations[0]) == {"a > b": 2}
    assert mean.notes == ("1 rating beyond a user's first of a response: their mean counts",)
    tied = write(tmp_path / "tied.csv", "user,response,score\nu,a,1\nu,b,2\nv,a,1\nv,b,0\nu,a,3\n")
    assert orders(read_ratings(tied, repeated="mean").populations[0]) == {"a = b": 1, "a > b": 1}


@st.composite
def long_tables(draw):
    """Rows of few prompts, users and responses, some cells missing."""
    cells = list(itertools.product(range(2), range(4), range(3)))
    scores = draw(st.lists(st.sampled_from([None, 0, 1, 2, 2.5]), min_size=len(cells), max_size=len(cells)))
    rows = [(*cell, score) for cell, score in zip(cells, scores, strict=True) if score is not None]
    return draw(st.permutations(rows))


@settings(max_examples=100, deadline=None)
@given(long_tables(), st.sampled_from(["complete", "bottom"]), st.sampled_from([0.0, 0.6, 1.0]), st.booleans())
def test_ratings_equal_what_their_definition_makes(rows, missing, tie_width, lower):
    names = ("prompt", "user", "response", "score")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    expected = []
    for prompt in dict.fromkeys(row[0] for row in rows):
        said = {(u, y): s for p, u, y, s in rows if p == prompt}
        numbered = dict.fromkeys(y for _, _, y, _ in rows)  # by the whole file
        responses = [y for y in numbered if any((p, r) == (prompt, y) for p, _, r, _ in rows)]
        users = list(dict.fromkeys(u for p, u, _, _ in rows if p == prompt))
        kept = [u for u in users if missing == "bottom" or all((u, y) in said for y in responses)]
        if len(kept) < 2:
            continue

        def above(u, a, b, said=said):
            """Whether a is above b: no chain of near scores joins them."""
            sign = -1 if lower else 1
            if (u, a) not in said or (u, b) not in said:
                return (u, a) in said and (u, b) not in said
            high, low = sign * said[u, a], sign * said[u, b]
            steps = sorted(sign * s for (v, _), s in said.items() if v == u and low <= sign * s <= high)
            gaps = [after - before for before, after in itertools.pairwise(steps)]
            return high > low and max(gaps) >= tie_width

        ranks = [[sum(above(u, b, a) for b in responses) for a in responses] for u in kept]
        expected.append(Population.from_ranks(ranks, responses=list(map(str, responses))))
    options: Any = {"missing": missing, "tie_width": tie_width, "lower_is_better": lower}
    if not expected:
        with pytest.raises(ValueError, match="no prompt has 2 users"):
            read_ratings(columns, **options)
        return
    assert list(read_ratings(columns, **options).populations) == expected


def test_frames_give_what_files_give(tmp_path):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    path = write(tmp_path / "r.csv", RATINGS)
    expected = read_ratings(path, **NAMED).populations
    polars.read_csv(path).write_parquet(tmp_path / "r.parquet")
    lines = [json.dumps(row) for row in polars.read_csv(path).to_dicts()]
    frames = [
        pandas.read_csv(path),
        pandas.read_csv(path).convert_dtypes(),
        polars.read_csv(path),
        polars.read_csv(path).to_dict(as_series=False),
        tmp_path / "r.parquet",
        write(tmp_path / "r.jsonl", "\n".join(lines)),
        write(tmp_path / "r.tsv", RATINGS.replace(",", "\t")),
        write(tmp_path / "semicolons.csv", "\ufeff" + RATINGS.replace(",", ";").replace("\n", "\r\n")),
    ]
    for frame in frames:
        assert read_ratings(frame, **NAMED).populations == expected


def test_a_column_of_jsonl_may_come_late(tmp_path):
    rows: list[Any] = [{"user": u, "response": y, "score": u * y % 3} for u in range(100) for y in range(2)]
    rows.append({"user": 100, "response": 0, "score": 2, "team": "late"})
    rows.append({"user": 100, "response": 1, "score": 1, "team": "late"})
    path = write(tmp_path / "r.jsonl", "\n".join(map(json.dumps, rows)))
    assert set(read_ratings(path, group="team").groups[0]) == {"late"}
    with pytest.raises(ValueError, match="unknown column 'tem'; did you mean 'team'"):
        read_ratings(path, group="tem")


def test_of_columns_that_are_called_otherwise_the_option_is_told(tmp_path):
    path = write(tmp_path / "r.csv", "rater,response,score\nr,a,1\ns,a,2\n")
    told = "unknown column 'user'; known: rater, response, score; the option 'user' names another, as in user:COLUMN"
    with pytest.raises(ValueError, match=told):
        read_ratings(path)
    with pytest.raises(ValueError, match=r"known: rater, response, score$"):
        read_ratings(path, user="judge")
    assert set(table._OPTIONS) == {name for name, usual in reader_options().items() if usual in (name, (name,))}


# --- ratings, one user a row


def test_wide_ratings(tmp_path):
    text = "user,a,b,c,times,\nu,1,2,3,2,x\nv,3,,1,1,y\nw,2,2,NA,5,z\n"
    path = write(tmp_path / "w.csv", text)
    scenario = read_wide_ratings(path, weight="times", missing="bottom")
    assert orders(scenario.populations[0]) == {"c > b > a": 2, "a > c > b": 1, "a = b > c": 5}
    assert load_scenario(f"{path}/reader:wide-ratings/weight:times/missing:bottom") == scenario
    complete = read_wide_ratings(path, weight="times", min_users=1)
    assert orders(complete.populations[0]) == {"c > b > a": 2}
    assert complete.notes == (
        "3 columns are the responses: a, b, c",
        "6 of 8 users judged only some of the responses: left out",
    )
    lower = read_wide_ratings(path, weight="times", missing="bottom", lower_is_better=True)
    assert orders(lower.populations[0]) == {"a > b > c": 2, "c > a > b": 1, "a = b > c": 5}
    with pytest.raises(ValueError, match=r"w\.csv:2: times is '-1', but must be a number of users"):
        read_wide_ratings(write(path, text.replace("3,2,x", "3,-1,x")), weight="times")
    with pytest.raises(ValueError, match=r"w\.csv:3: a is 'much', but must be a number, or blank"):
        read_wide_ratings(write(path, text.replace("v,3", "v,much")))


def test_columns_that_may_be_no_responses_are_said(tmp_path):
    path = write(tmp_path / "wide.csv", "user,a,b,c,age,count\nu,1,5,3,34,2\nv,4,2,,61,1\nw,2,2,1,19,4\n")
    notes = read_wide_ratings(path, missing="bottom").notes
    assert "5 columns are the responses: a, b, c, age, count" in notes
    assert "column 'count' is a response: as the weight, it says how many users a row stands for" in notes
    assert any(note.startswith("column 'age' holds 19 to 61, and the others 1 to 5") for note in notes)
    named = read_wide_ratings(path, columns=("a", "b"), weight="count").notes
    plain = read_wide_ratings({"user": list("uv"), "a": [1, 5], "b": [4, 2], "c": [5, 5]}).notes
    assert not [note for note in (*named, *plain) if note.startswith("column ")]
    write(path, "user,a,b\nu,1,5\nv,4,2\nu,2,2\n")
    with pytest.raises(ValueError, match=r"wide.csv:4: user 'u' has a row before, at .*wide.csv:2"):
        read_wide_ratings(path)


def test_columns_that_may_be_weights_are_said(tmp_path):
    said = "column 'ballots' is not used: as the weight, it says how many users a row stands for"
    path = write(tmp_path / "votes.csv", BALLOTS)
    assert said in read_ballots(path).notes
    assert said not in read_ballots(path, weight="ballots").notes
    orders = {"order": ["a>b", "b>a"], "ballots": [3, 4]}
    assert said in read_orders(orders).notes
    assert said not in read_orders(orders, weight="ballots").notes
    assert said not in read_orders(orders | {"ballots": ["x", "y"]}).notes


def test_wide_ratings_from_arrays(tmp_path):
    ratings = np.array([[1.0, 2, 3], [3, np.nan, 1], [2, 2, np.nan]])
    expected = read_wide_ratings(ratings, missing="bottom")
    assert orders(expected.populations[0]) == {"2 > 1 > 0": 1, "0 > 2 > 1": 1, "0 = 1 > 2": 1}
    np.save(tmp_path / "w.npy", ratings)
    assert load_scenario(f"{tmp_path / 'w.npy'}/missing:bottom").populations == expected.populations
    np.savez(tmp_path / "w.npz", ratings=ratings, responses=["a", "b", "c"], weights=[2, 1, 5])
    named = load_scenario(f"{tmp_path / 'w.npz'}/missing:bottom").populations[0]
    assert orders(named) == {"c > b > a": 2, "a > c > b": 1, "a = b > c": 5}
    for wrong, message in (
        ({"ratings": ratings, "other": ratings}, "holds ratings, other, but must hold ratings"),
        ({"ratings": ratings[0]}, r"has shape \(3,\), but must be"),
        ({"ratings": ratings, "responses": ["a"]}, "responses has 1 names, but ratings have 3 columns"),
        ({"ratings": np.full((2, 2), np.inf)}, "holds an infinite number"),
    ):
        np.savez(tmp_path / "wrong.npz", **wrong)  # pyright: ignore[reportArgumentType]
        with pytest.raises(ValueError, match=message):
            load_scenario(tmp_path / "wrong.npz")


# --- ballots


BALLOTS = """id,rank1,rank2,rank3,ballots
1,Ann,Bob,Cy,3
2,Bob,skipped,Ann,1
3,overvote,Cy,Cy,1
4,undervote,,SKIPPED,4
5,Cy,Ann,,2
6,Cy,,,1
"""


def test_ballots(tmp_path):
    path = write(tmp_path / "b.csv", BALLOTS)
    scenario = load_scenario(path)
    assert scenario.prompts == ("b",)
    (users,) = scenario.populations
    assert users.responses == ("Ann", "Bob", "Cy")
    # an only response that is left out is the last
    assert orders(users) == {"Ann > Bob > Cy": 1, "Bob > Ann > Cy": 1, "Cy > Ann = Bob": 2, "Cy > Ann > Bob": 1}
    assert scenario.notes == (
        "1 ballot without a name: left out",
        "1 ballot with a name that occurs again: its best place counts",
        "2 ballots with a place skipped: closed up",
        "column 'ballots' is not used: as the weight, it says how many users a row stands for",
        "2 of 5 users judged only some of the responses: the others tie at the bottom",
    )
    assert orders(read_ballots(path, weight="ballots", unranked="drop").populations[0]) == {
        "Ann > Bob > Cy": 3,
        "Bob > Ann > Cy": 1,
        "Cy > Ann > Bob": 2,
    }
    assert load_scenario(f"{path}/weight:ballots/unranked:drop") == read_ballots(
        path, weight="ballots", unranked="drop"
    )
    # without words for blank, they are names
    words = load_scenario(f'{path}/blank:""').populations[0]
    assert words.responses == ("Ann", "Bob", "Cy", "skipped", "overvote", "undervote", "SKIPPED")
    with pytest.raises(ValueError, match=r"b\.csv: has no columns place1, place2, \.\.\., only id, rank1"):
        read_ballots(path, rank=("place",))


# --- orders


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("A>B=C>D", "A > B = C > D"),
        (" A > B = C > D ", "A > B = C > D"),
        ('["A", ["B", "C"], "D"]', "A > B = C > D"),
        ("A>B", "A > B > C = D"),
        ("C>A>B", "C > A > B > D"),
        ("D", "D > A = B = C"),
    ],
)
def test_orders(tmp_path, order, expected):
    full = "A>B>C>D"
    path = write(tmp_path / "o.tsv", f"user\torder\nu\t{full}\nv\t{order}\n")
    scenario = load_scenario(path)
    found = orders(scenario.populations[0])
    assert expected in found
    assert sum(found.values()) == 2


def test_repeated_orders_and_prompts(tmp_path):
    rows = [
        ("p", "u", "A>B"),
        ("q", "u", "B>A"),
        ("p", "v", "A=B"),
        ("p", "u", "B>A"),
        ("q", "v", ["A", "B"]),
        ("q", "w", None),
    ]
    lines = [json.dumps(dict(zip(("prompt", "user", "order"), row, strict=True))) for row in rows]
    path = write(tmp_path / "o.jsonl", "\n".join(lines) + "\n\n")
    with pytest.raises(ValueError, match=r"o\.jsonl:4: user 'u' ordered .* prompt 'p' before, at .*o\.jsonl:1"):
        read_orders(path)
    first, last = read_orders(path, repeated="first"), read_orders(path, repeated="last")
    assert [orders(users) for users in first.populations] == [{"A > B": 1, "A = B": 1}, {"B > A": 1, "A > B": 1}]
    assert [orders(users) for users in last.populations] == [{"B > A": 1, "B = A": 1}, {"B > A": 1, "A > B": 1}]
    assert first.notes == (
        "1 row without an order: left out",
        "1 order beyond a user's first of a prompt: the first counts",
    )


@pytest.mark.parametrize("order", ["A>>B", "A>B>A", ">", "A=", '["A", "A"]', "[]", {"A": [1]}])
def test_malformed_orders(order):
    if isinstance(order, dict):
        order = [["A", ""]]
    with pytest.raises(ValueError, match=r"row 1: order is .*, but must be names joined by"):
        read_orders({"user": ["u", "v"], "order": ["A>B", order]})


# --- picks


def test_picks():
    table = {
        "prompt": ["p", "p", "p", "p", "q", "q"],
        "user": ["u", "v", "w", "x", "u", "v"],
        "response_a": ["red", "green", "red", "red", "one", "one"],
        "response_b": ["green", "red", "green", "blue", "two", "two"],
        "chosen": ["response_b", "red", "green", "response_a", "two", ""],
    }
    shown = ("response_a", "response_b")
    scenario = read_picks(table, shown=shown)
    # where other responses are shown, it is another prompt
    assert [orders(users) for users in scenario.populations] == [{"green > red": 2, "red > green": 1}]
    assert scenario.prompts == ("p",)
    assert scenario.notes[0] == "1 row without a choice: left out"
    assert "2 prompts with fewer than 2 users" in scenario.notes[2]
    assert "of each user only the favourite is known" in scenario.notes[1]
    lists = {**table, "shown": list(zip(table["response_a"], table["response_b"], strict=True))}
    lists["chosen"] = ["green", "red", "green", "red", "two", None]
    assert read_picks(lists).populations == scenario.populations
    lists["chosen"][0] = "blue"
    with pytest.raises(ValueError, match=r"table, row 0: 'blue' was chosen, but shown were \['red', 'green'\]"):
        read_picks(lists)


def test_picks_of_three_tie_the_rest():
    table = {
        "user": ["u", "v", "u"],
        "shown": [["a", "b", "c"], ["c", "b", "a"], ["a", "b", "c"]],
        "chosen": ["a", "c", "b"],
    }
    with pytest.raises(ValueError, match="row 2: user 'u' chose among these before, at table, row 0"):
        read_picks(table)
    assert orders(read_picks(table, repeated="first").populations[0]) == {"a > b = c": 1, "c > a = b": 1}
    assert orders(read_picks(table, repeated="last").populations[0]) == {"b > a = c": 1, "c > a = b": 1}


def test_fractions_of_incomplete_orders(tmp_path):
    """The case of `.soi`: 3: 1,2 | 2: 3 | 1: 4,3,2,1 | 1: 2,1,3, by orders as text."""
    rows = ["1>2"] * 3 + ["3"] * 2 + ["4>3>2>1", "2>1>3"]
    path = write(tmp_path / "o.csv", "user,order\n" + "".join(f"{u},{order}\n" for u, order in enumerate(rows)))
    (users,) = read_orders(path).populations
    by_name = dict(zip(users.responses, users.favourites(), strict=True))
    expected = {"1": Fraction(3, 7), "2": Fraction(1, 7), "3": Fraction(2, 7), "4": Fraction(1, 7)}
    assert {name: pytest.approx(float(share)) for name, share in expected.items()} == by_name
    (dropped,) = read_orders(path, unranked="drop").populations
    assert dropped.n_users == 2
