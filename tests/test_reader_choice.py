"""Which reader a file gets, what a spec of a file means, and that flags mean the same."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tables import ualign

from ualign_env import load_game, load_scenario, read_orders, read_ratings
from ualign_env._options import decoded, encoded
from ualign_env.readers.choose import READERS, choose, describe_readers, reader_options

HEADERS = {
    "prompt,user,response,score": "ratings",
    "user,response,score,order": None,  # both ratings and orders
    "user,order": "orders",
    "user,chosen,rejected": "pairwise",
    "user,shown,chosen": "picks",
    "id,rank1,rank2": "ballots",
    "id,Rank 1,Rank 2": "ballots",
    "user,a,b": "wide-ratings",
    "User ,a,b": "wide-ratings",
    "id,1st Choice,2nd Choice": "ballots",
    "a,b": None,  # of which one may say whose row it is
    "user,prompt,item,score": None,
    "userId,movieId,rating,timestamp": None,
    "a": None,
    "name,text": None,
}


def reader_of(path, given=()):
    function = choose(str(path), dict(given)).function
    return next(name for name, one in READERS.items() if one.function.endswith(f":{function.__name__}"))


@pytest.mark.parametrize("header", HEADERS)
def test_tables_are_known_by_their_columns(tmp_path, header):
    path, n = tmp_path / "x.csv", header.count(",") + 1
    words = header.startswith("name")
    path.write_text(f"{header}\n{','.join(['word' if words else '1'] * n)}\n", encoding="utf-8")
    if HEADERS[header] is not None:
        assert reader_of(path) == HEADERS[header]
    elif "order" in header:
        with pytest.raises(ValueError, match="ratings and orders fit its columns: choose by reader:ratings"):
            reader_of(path)
        assert reader_of(path, {"reader": "orders"}) == "orders"
    else:
        with pytest.raises(ValueError, match=r"has columns .*, which fit no reader \(ratings: user, response, score;"):
            reader_of(path)


def test_named_columns_count(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("annotator,mark,what\nu,1,a\n", encoding="utf-8")
    assert reader_of(path, {"user": "annotator", "response": "what", "score": "mark"}) == "ratings"
    with pytest.raises(ValueError, match="unknown reader 'rating'; did you mean 'ratings'"):
        reader_of(path, {"reader": "rating"})


def test_paths_and_values_are_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = "who/when,über alles: 100%;x,y (z)\nu,A>B,1\nv,B>A,2\n"
    names = ["plain.csv", "a, b (c)=d.csv", "ünï – 日本.csv", "100%25.csv", "key:value.csv", "x.csv.csv", "a.csv/b.csv"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(table, encoding="utf-8")
        expected = read_orders(name, user="who/when", order="über alles: 100%;x")
        spec = f"{name}/user:who%2Fwhen/order:über alles: 100%25%3Bx"
        assert load_scenario(spec) == expected
        assert load_scenario(f"{tmp_path}/{spec}") == expected
        assert encoded("über alles: 100%;x") != (value := "über alles: 100%;x") == decoded(encoded(value))
    # OpenSpiel's parser stops at commas, brackets and = in values: paths can be percent-encoded
    spec = "a%2C%20b%20%28c%29%3Dd.csv/user:who%2Fwhen/order:%C3%BCber%20alles:%20100%25%3Bx"
    code = f"import pyspiel, ualign_env; print(pyspiel.load_game('python_ualign(players=3,scenario={spec})').scenario)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert "n_prompts=1, n_responses=2" in made.stdout
    expected = read_orders("a, b (c)=d.csv", user="who/when", order="über alles: 100%;x")
    assert load_game(spec, 3).scenario == expected


def test_missing_files_are_named(tmp_path):
    (tmp_path / "folder").mkdir()
    for spec in ("folder/x.csv", "x.csv/user:u", "folder/x.csv/user:u", "x.csv/user:a.csv"):
        name = spec.partition("/user")[0]
        with pytest.raises(ValueError, match=rf"{name}: no such file"):
            load_scenario(f"{tmp_path}/{spec}")
    with pytest.raises(ValueError, match=r"is a folder without participants-votes\.csv: ualign convert"):
        load_scenario(tmp_path / "folder")


def test_options_of_the_wrong_kind(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("user,response,score\nu,a,1\nv,a,2\n", encoding="utf-8")
    for pair, message in {
        "min-users:two": "min-users is 'two', but must be an integer, as in min-users:2",
        "lower-is-better:maybe": "lower-is-better is 'maybe', but must be true or false",
        "tie-width:-1": "tie_width is -1.0, but must be a number from 0",
        "missing:some": "unknown missing 'some'; known: bottom, complete",
        "responses:none": "responses is 'none', but must be an integer",
        "responses:0": "responses is 0, but must be 'all' or an integer of at least 1",
        "min_users:1": "unknown option 'min_users'; did you mean 'min-users'",
        "user": "'user' is not of the form key:value",
        "user:u/user:v": "option 'user' is given twice",
    }.items():
        with pytest.raises(ValueError, match=message):
            load_scenario(f"{path}/{pair}")


def test_described_options_are_the_defaults(tmp_path):
    for name, spec, summary in describe_readers():
        assert summary.endswith(".")
        if name in ("ratings", "orders", "ballots"):
            assert spec.startswith("FILE.csv|.tsv|.jsonl|.json|.parquet/")
    tables = {
        "ratings": "user,response,score\nu,a,1\nv,a,2\nu,b,1\nv,b,3\n",
        "wide-ratings": "user,a,b\nu,1,2\nv,3,0\n",
        "ballots": "rank1,rank2\na,b\nb,a\n",
        "orders": "user,order\nu,a>b\nv,b>a\n",
        "picks": "user,shown,chosen\nu,a;b,a\nv,a;b,b\n",
    }
    path = tmp_path / "x.csv"
    for reader, text in tables.items():
        path.write_text(text, encoding="utf-8")
        described = next(spec for name, spec, _ in describe_readers() if name == reader).partition("/")[2]
        assert load_scenario(f"{path}/{described}") == load_scenario(path)


def test_flags_are_options(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("who/when,model,score\nu,a,1\nu,b,0\nv,b,2\nv,a,5\nw,a,1\n", encoding="utf-8")
    flags = ["--user", "who/when", "--response=model", "--missing", "bottom", "--lower-is-better"]
    scenario = load_scenario(f"{path}/user:who%2Fwhen/response:model/missing:bottom/lower-is-better:true")
    shown = ualign("score", path, *flags, "--k", 2, "--json")
    assert shown.stderr == "note: 1 of 3 users judged only some of the responses: the others tie at the bottom\n"
    assert json.loads(shown.stdout)["scenario"] == scenario.name
    made = ualign("convert", path, *flags, "--out", tmp_path / "x.npz")
    assert made.returncode == 0
    assert load_scenario(tmp_path / "x.npz") == scenario
    for wrong, message in (
        (["--user"], "--user needs a value"),
        (["--user", "x", "--user", "y"], "option 'user' is given twice"),
        (["--nobody", "x"], "No such option"),
        (["--score", "sc%6Fre"], "unknown column 'sc%6Fre'; did you mean 'score'"),
    ):
        refused = ualign("score", path, *wrong)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert message in refused.stderr
    assert (
        json.loads(ualign("solve", "mallows", "--seed", 3, "--responses", 4, "--k", 1, "--json").stdout)[0]["scenario"]
        == "mallows/seed:3/responses:4"
    )


def test_commands_without_a_scenario_take_no_options_of_one():
    for option, told in (("--phi", "--phi"), ("--jsn", "--jsn; did you mean --json?")):
        refused = ualign("list", option, "0.5")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == f"ualign: error: No such option: {told}\n"


def test_no_option_has_two_meanings():
    """A flag stands for one option, whose values are of one kind in all readers."""
    found = {}
    for name in READERS:
        function, defaults = choose_options(name)
        for key, default in defaults.items():
            kind = "count or all" if key == "responses" else type(default)
            assert found.setdefault(key, kind) == kind, (function, key)
    assert set(found) < set(reader_options())


def choose_options(name):
    choice = choose("x.csv", {"reader": name})
    return choice.function, choice.defaults


def test_folders_become_prompts(tmp_path):
    for name, score in (("one", 1), ("two", 3)):
        text = f"user,response,score\nu,a,{score}\nu,b,2\nv,a,2\nv,b,2\n"
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    np.save(tmp_path / "zz.npy", np.eye(2))
    (tmp_path / "notes.txt").write_text("no table", encoding="utf-8")
    assert ualign("convert", tmp_path, "--out", tmp_path / "all.npz").returncode == 0
    found = load_scenario(tmp_path / "all.npz")
    assert found.prompts == ("one", "two", "zz")
    assert found.populations[0] == read_ratings(tmp_path / "one.csv").populations[0]
