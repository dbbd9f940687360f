import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import typer

from ualign_env import __version__, cli, score, specs
from ualign_env.benchmark import agents
from ualign_env.cli import flags
from ualign_env.readers.choose import reader_options
from ualign_env.solvers import best_responses
from ualign_env.solvers.baselines import BASELINES
from ualign_env.specs import list_scenarios, load_scenario


@pytest.fixture
def ualign(capsys, monkeypatch, tmp_path):
    """Runs the command line in this process; returns exit status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ualign", *arguments])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        output = capsys.readouterr()
        return exit_.value.code or 0, output.out, output.err

    return run


def test_list_names_everything(ualign):
    status, out, _ = ualign("list")
    assert status == 0
    for name in [*list_scenarios(), *agents.list_agents(), *BASELINES]:
        assert name in out
    assert "euclidean/responses:10/users:100/dimensions:2/space:cube/seed:0/prompts:1" in out


def test_version(ualign):
    assert ualign("--version")[1] == f"ualign-env {__version__}\n"


def test_score_baseline_and_file_agree(ualign, tmp_path):
    np.save(tmp_path / "policy.npy", np.full(4, 0.25))
    outputs = [
        ualign("score", "german-goals", "--k", "3", "--policy", policy, "--json")
        for policy in ("uniform", "policy.npy")
    ]
    assert outputs[0] == outputs[1]
    card = json.loads(outputs[0][1])
    assert card == json.loads(json.dumps(score("german-goals", np.full(4, 0.25), 3).to_dict()))


def test_users_of_groups_are_said_to_be_of_all_prompts(ualign, tmp_path):
    rows = "prompt,user,response,score,group\n"
    for prompt, count in (("one", 1), ("two", 2)):
        for q in range(count):
            rows += "".join(f"{prompt}{q},{u},{y},{(u + y) % 3},{'ab'[u % 2]}\n" for u in range(4) for y in range(3))
        (tmp_path / f"{prompt}.csv").write_text(rows, encoding="utf-8")
        out = ualign("inspect", f"{prompt}.csv", "--group", "group")[1]
        assert ("users: of all prompts together" in out) == (prompt == "two")


def test_a_response_is_a_policy_by_its_name(ualign, tmp_path):
    named = ualign("score", "german-goals", "--k", "3", "--policy", "free speech", "--json")[1]
    (users,) = load_scenario("german-goals").populations
    row = np.eye(4)[users.responses.index("free speech")]
    assert json.loads(named) == json.loads(json.dumps(score("german-goals", row, 3).to_dict()))
    text = "prompt,order\np,a>b\np,b>a\nq,c>a\nq,a>c\n"  # to which `a` is another number
    (tmp_path / "two.csv").write_text(text, encoding="utf-8")
    assert ualign("score", "two.csv", "--policy", "a")[0] == 0
    status, _, err = ualign("score", "two.csv", "--policy", "b")  # which only one prompt has
    message = "policy names 'b' for every prompt, but only 1 of 2 have it, and 'q' is none of these"
    assert (status, message in err) == (2, True)
    assert "unknown policy 'd'" in ualign("score", "two.csv", "--policy", "d")[2]


def test_a_policy_of_one_s_own_names_prompts_and_responses(ualign, tmp_path):
    (tmp_path / "two.csv").write_text("prompt,order\np,a>b\np,b>a\nq,c>a\nq,a>c\n", encoding="utf-8")
    own = {"q": {"a": 0.25, "c": 0.75}, "p": {"a": 1}}
    (tmp_path / "own.json").write_text(json.dumps(own), encoding="utf-8")
    card = json.loads(ualign("score", "two.csv", "--k", "2", "--policy", "own.json", "--json")[1])
    expected = score("two.csv", [[1, 0], [0.25, 0.75]], 2)  # in the order of the file
    assert load_scenario("two.csv").populations[1].responses == ("a", "c")
    assert card["prompt_win_rates"] == pytest.approx(expected.prompt_win_rates, abs=1e-15)
    for text, message in (
        ('{"p": {"a": 0.5, "a": 0.5}, "q": {"a": 1}}', "cannot read a policy from 'bad.json': 'a' is named twice"),
        ("{", "cannot read a policy from 'bad.json'"),
        ("[[[" * 100_000, "cannot read a policy from 'bad.json'"),
        ('{"p": {"a": NaN, "b": 1}, "q": {"a": 1}}', "probability of 'a' on 'p' is nan"),
        ('{"p": {"a": 1}}', "policy says nothing of 'q'"),
        ('"nlhf"', "it holds 'nlhf', but must hold probabilities by names, or an array"),
    ):
        (tmp_path / "bad.json").write_text(text, encoding="utf-8")
        status, out, err = ualign("score", "two.csv", "--policy", "bad.json")
        assert (status, out, err.count("\n"), message in err) == (2, "", 1, True), err
    assert ualign("score", "two.csv", "--policy", "none.json")[0] == 2


def test_every_command_tells_whom_it_left_out(ualign, tmp_path):
    (tmp_path / "x.csv").write_text("user,response,score\nu,a,1\nu,b,0\nv,b,2\nv,a,5\nw,a,1\n", encoding="utf-8")
    said = "1 of 3 users judged only some of the responses: left out"
    more = {"convert": ["--out", "x.npz"], "bench": ["--k", "1", "--agent", "uniform"]}
    assert ualign("cite", "x.csv", "--missing", "bottom")[0] == 0  # which computes nothing of anybody
    for name, command in typer.main.get_command(cli.application()).commands.items():  # pyright: ignore[reportAttributeAccessIssue]
        if name == "cite" or not any(param.name in flags.SCENARIOS for param in command.params):
            continue
        given = ["--scenario", "x.csv"] if name == "bench" else ["x.csv"]
        for as_json in ([], ["--json"]):
            data = [["--nfg", "x.nfg"], ["--croissant", f"data{len(as_json)}"]]
            for options in data if name == "export" else [more.get(name, [])]:
                status, out, err = ualign(name, *given, *options, *as_json)
                assert status == 0, err
                assert (out + err).count(said) == 1, (name, out, err)
                if as_json:
                    json.loads(out)


def test_every_command_takes_one_prompt_alone(ualign, tmp_path):
    spec = "mallows/responses:4/users:30/prompts:3"
    alone = load_scenario(spec).part([1])
    note = "note: 'prompt 1' alone, one of 3 prompts, whose notes these are\n"
    for command in (["score", "--k", "2"], ["solve", "--k", "2"], ["curve", "--k", "1,2"], ["versus", "--k", "2"]):
        status, out, err = ualign(command[0], spec, *command[1:], "--on", "prompt 1")
        assert (status, note in out, err) == (0, True, ""), command
        assert "prompt 2" not in out
        assert note in ualign(command[0], spec, *command[1:], "--on", "1", "--json")[2]
    card = json.loads(ualign("score", spec, "--k", "2", "--on", "1", "--policy", "nlhf", "--json")[1])
    assert card["robust_win_rate"] == score(alone, "nlhf", 2).robust_win_rate
    assert ualign("solve", spec, "--k", "2", "--on", "1", "--out", "x.npz")[0] == 0
    solved = ualign("score", spec, "--k", "2", "--on", "1", "--policy", "x.npz", "--json")[1]
    equilibrium = ualign("score", spec, "--k", "2", "--on", "1", "--policy", "equilibrium", "--json")[1]
    assert json.loads(solved)["robust_win_rate"] == pytest.approx(2 / 3, abs=1e-9)
    assert json.loads(equilibrium)["robust_win_rate"] == json.loads(solved)["robust_win_rate"]
    (tmp_path / "x.csv").write_text("prompt,order\n2,a>b\n2,b>a\n0,c>a\n0,a>c\n", encoding="utf-8")
    assert "x.csv: 2\n" in ualign("family", "x.csv", "--k", "1")[1]  # the first, not the one that is called 0
    assert "x.csv: 0\n" in ualign("family", "x.csv", "--k", "1", "--on", "0")[1]


def test_curves_show_policies_of_one_s_own(ualign, tmp_path):
    (tmp_path / "own.json").write_text(json.dumps({"maintain order": 0.5, "more say": 0.5}), encoding="utf-8")
    status, out, _ = ualign(
        "curve", "german-goals", "--k", "1,2", "--policy", "own.json", "--policy", "more say", "--json"
    )
    policies = json.loads(out)["policies"]
    own = load_scenario("german-goals").populations[0].responses
    rows = {"own.json": np.isin(own, ["maintain order", "more say"]) / 2, "more say": np.isin(own, ["more say"]) * 1.0}
    assert (status, set(policies)) == (0, set(rows))
    for name, row in rows.items():
        assert policies[name] == [score("german-goals", row, k).robust_win_rate for k in (1, 2)]
    assert "own.json  " in ualign("curve", "german-goals", "--k", "1,2", "--policy", "own.json", "--out", "x.png")[1]
    ualign("solve", "german-goals", "--k", "1,2", "--out", "x.npz")
    for wrong, message in (
        ("x.npz", "'x.npz' holds an equilibrium for each k"),
        ("nlhf", "is another line of the curve"),
    ):
        status, _, err = ualign("curve", "german-goals", "--policy", wrong)
        assert (status, message in err) == (2, True)


def test_sizes_of_a_folder_can_be_chosen(ualign, tmp_path):
    (tmp_path / "votes").mkdir()
    (tmp_path / "votes" / "x.csv").write_text("who,response,score\nu,a,1\nu,b,0\nv,b,2\nv,a,5\n", encoding="utf-8")
    given = ["bench", "--suite", "folder:votes", "--user", "who", "--agent", "uniform", "--json"]
    for wanted, sizes in (([], {(1, 1), (2, 1), (3, 1), (8, 1)}), (["--k", "2,5", "--l", "2"], {(2, 2), (5, 2)})):
        status, out, err = ualign(*given, *wanted)
        assert status == 0, err
        assert {(result["k"], result["l"]) for result in json.loads(out)["results"]} == sizes
    assert "leave out --scenario" in ualign("bench", "--suite", "quick", "--k", "2")[2]


def test_the_listing_names_the_extras_that_agents_need(ualign):
    said = json.loads(ualign("list", "--json")[1])["agents"]
    assert said["ppo"].endswith("(needs the extra sb3)")
    assert "extra" not in said["nlhf"]


def test_files_are_cited_with_their_columns_as_flags(ualign, tmp_path):
    (tmp_path / "x.csv").write_text("who,response,score\nu,a,1\nu,b,0\nv,b,2\nv,a,5\n", encoding="utf-8")
    cited = json.loads(ualign("cite", "x.csv", "--user", "who", "--json")[1])
    assert cited[0]["digest"] == load_scenario(tmp_path / "x.csv/user:who").digest
    assert "No such option: --usr; did you mean --user?" in ualign("cite", "x.csv", "--usr", "who")[2]


def test_errors_list_some_of_many_names(ualign, tmp_path):
    answers = [(i, f"long answer {i} {'x' * 2000}") for i in range(90)]
    rows = "".join(f"prompt {i},{y},{u},{len(y) * u}\n" for i, long in answers for y in (long, "b") for u in (-1, 1))
    (tmp_path / "x.csv").write_text(f"prompt,response,user,score\n{rows}", encoding="utf-8")
    err = ualign("score", "x.csv", "--policy", "nlhff")[2]
    assert "unknown policy 'nlhff'; did you mean 'nlhf'? known: equilibrium, nlhf" in err
    assert "and 81 more" in err
    with pytest.raises(
        ValueError, match=r"unknown prompt 'prompt 99'; did you mean 'prompt 9'.* and 40 more$"
    ) as error:
        specs.one_prompt("x.csv", "prompt 99")
    assert len(str(error.value)) < 1000


def test_one_of_several_prompts_is_named(ualign):
    spec = "mallows/responses:4/users:30/prompts:3"
    out = ualign("family", spec, "--k", "1,2")[1]
    assert f"{spec}: prompt 0\none of 3 prompts, each a game of its own (--on: another)\n" in out
    assert "one of" not in ualign("family", "cycle", "--k", "1,2")[1]
    out = ualign("inspect", spec, "--out", "all.png")[1]
    (x,) = [i for i in range(3) if f"picture: all.png, pairs and favourites on prompt {i}, where NLHF" in out]
    alone = ualign("inspect", spec, "--on", str(x), "--out", "one.png")[1]
    assert alone.endswith("picture: one.png\n")
    assert f"prompt              prompt {x}\n" in alone
    assert ualign("inspect", spec, "--on", "prompt 1", "--json") == ualign("inspect", spec, "--on", "1", "--json")
    assert "unknown prompt 'prompt 9'" in ualign("inspect", spec, "--on", "prompt 9")[2]


def test_files_that_are_called_like_options_are_files(ualign, tmp_path):
    (tmp_path / "users.csv").write_text("who,response,score\nu,a,1\nu,b,2\nv,a,3\nv,b,1\n", encoding="utf-8")
    assert ualign("inspect", "users.csv", "--user", "who")[0] == 0
    status, _, err = ualign("inspect", "users.csv", "--usr", "who")
    assert (status, "No such option: --usr; did you mean --user?" in err) == (2, True)
    assert "No such option: --zzzzzz\n" in ualign("inspect", "users.csv", "--zzzzzz", "who")[2]


def test_pictures_are_drawn_only_where_they_are_asked_for(ualign, tmp_path):
    for command in ("curve", "family"):
        (tmp_path / f"{command}.png").write_text("mine")
        assert ualign(command, "cycle", "--k", "1,2")[0] == 0
        assert (tmp_path / f"{command}.png").read_text() == "mine"


def test_convert_makes_the_folder(ualign, tmp_path):
    assert ualign("convert", "cycle", "--out", "new/x.npz")[0] == 0
    assert load_scenario(tmp_path / "new" / "x.npz") == load_scenario("cycle")


def test_no_option_of_a_command_hides_one_of_scenarios():
    known = specs.source_options() | reader_options() | specs.PARTS
    for command in typer.main.get_command(cli.application()).commands.values():  # pyright: ignore[reportAttributeAccessIssue]
        if any(param.name in flags.SCENARIOS for param in command.params):
            own = {option for param in command.params for option in param.opts}
            assert not own & {f"--{name}" for name in known}, command.name


def test_prompts_are_named_or_numbered(ualign):
    drawn = [ualign("family", "mallows/prompts:2", "--on", prompt, "--json") for prompt in ("1", "prompt 1")]
    assert drawn[0] == drawn[1]
    status, _, err = ualign("family", "mallows/prompts:2", "--on", "prompt 2", "--json")
    assert (status, "unknown prompt 'prompt 2'; did you mean" in err) == (2, True)


def test_score_prints_the_rate_and_the_worst_opponent(ualign):
    status, out, _ = ualign("score", "--k", "3", "--policy", "nlhf")
    assert status == 0
    assert "0.531830" in out
    assert "0.750000" in out
    assert "maintain order" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "nope"], "unknown scenario 'nope'; known: FILE.csv, FILE.json, FILE.jsonl, FILE.npy"),
        (["score", "mallows/phi:2"], "phi is 2.0, but must be a number from 0 to 1"),
        (["score", "missing.soc"], "missing.soc: no such file"),
        (["score", "--k", "0"], "k is 0, but must be an integer from 1 to 1000000"),
        (["score", "--k", "two"], "k is 'two', but must be an integer"),
        (["score", "--policy", "uniforn"], "unknown policy 'uniforn'; did you mean 'uniform'"),
        (["score", "impartial", "--resposes", "5"], "No such option: --resposes; did you mean --responses?"),
        (["score", "--policy", "missing.npy"], "cannot read a policy from 'missing.npy'"),
        (["score", "--policy", "bad.npy"], "cannot read a policy from 'bad.npy'"),
        (["score", "--policy", "short.npy"], "policy has 2 entries, but the scenario has 4 responses"),
        (["bench", "--agent", "cfr-pus"], "unknown agent 'cfr-pus'; did you mean 'cfr-plus'"),
        (["bench", "--scenario", "nope"], "unknown scenario 'nope'"),
        (["bench", "--k", "1,,2"], "k is '', but must be an integer"),
        (["bench", "--seconds", "0"], "seconds is 0.0, but must be positive and finite"),
        (["bench", "--seconds", "nan"], "seconds is 'nan', but must be a number"),
        (["bench", "--seeds", "0"], "seeds is 0"),
        (["bench", "--shard", "3/2"], "shard is 3, but must be an integer from 1 to 2"),
        (["bench", "--workers", "0"], "workers is 0"),
        (["bench", "--suite", "cor"], "unknown suite 'cor'; did you mean 'core'"),
        (["bench", "--suite", "core", "--k", "2"], "leave out --scenario, --k and --l, or --suite"),
        (["bench", "--l", "0"], "l is 0"),
        (["bench", "--out", "short.npy/x"], "cannot write results to 'short.npy/x'"),
    ],
)
def test_bad_input_is_one_line_and_status_2(ualign, tmp_path, arguments, message):
    np.save(tmp_path / "short.npy", [0.5, 0.5])
    (tmp_path / "bad.npy").write_text("not an array")
    status, out, err = ualign(*arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("ualign: error: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    "arguments", [["bench", "--seconds", "abc"], ["nonsense"], ["score", "--what"], ["score", "a", "b"]]
)
def test_wrong_usage_is_one_line_too(ualign, arguments):
    status, out, err = ualign(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("ualign: error: ")


def test_names_from_data_are_never_markup(ualign, tmp_path):
    lines = [
        "# NUMBER ALTERNATIVES: 2",
        "# ALTERNATIVE NAME 1: see [/b]",
        "# ALTERNATIVE NAME 2: [bold]",
        "1: 1,2",
        "2: 2,1",
    ]
    (tmp_path / "x[red]y.soc").write_text("\n".join(lines))
    status, out, _ = ualign("score", "x[red]y.soc")
    assert status == 0
    assert "[bold]" in out
    assert "x[red]y" in out
    assert "see [/b]" in ualign("solve", "x[red]y.soc", "--k", "64")[1]


def test_solve_prints_and_stores_certificates(ualign, tmp_path):
    status, out, _ = ualign("solve", "--k", "3,1,8", "--out", "eq.npz")
    assert status == 0
    assert "fight prices 0.5558, maintain order 0.4442" in out
    with np.load(tmp_path / "eq.npz") as file:
        stored = dict(file)
    assert stored["k"].tolist() == [1, 3, 8]
    assert stored["policy"].shape == (3, 1, 4)
    assert (stored["exploitability"] < 1e-10).all()
    assert stored["converged"].all()
    assert load_scenario(str(stored["scenario"])) == load_scenario("german-goals")


def test_solve_says_where_there_are_other_maximal_lotteries(ualign):
    said = "k = 1: not the only maximal lottery; the one of greatest entropy is shown"
    assert said in ualign("solve", "two-groups/majority:0.5", "--k", "1,2")[1].splitlines()
    assert "not the only" not in ualign("solve", "german-goals", "--k", "1,2")[1]
    several = ualign("solve", "two-groups/majority:0.5/prompts:2", "--k", "1")[1]
    assert "k = 1: not the only maximal lottery on every prompt; the one of greatest entropy is shown" in several
    found = json.loads(ualign("solve", "two-groups/majority:0.5", "--k", "1,2", "--json")[1])
    assert [one["unique"] for one in found] == [False, True]


def test_solve_with_a_temperature_prints_its_certificate(ualign):
    status, out, _ = ualign("solve", "--k", "3", "--temperature", "0.05")
    assert status == 0
    assert "regularised certificate" in out


def test_what_has_not_converged_is_one_line_of_warning_and_status_1():
    command = [sys.executable, "-m", "ualign_env", "solve", "impartial/responses:40", "--k=2,3", "--tolerance=1e-300"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "NOT CONVERGED" in result.stdout
    assert all(line.startswith("ualign: warning: interior-point stopped") for line in result.stderr.splitlines())
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize("command", ["curve", "family"])
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_pictures(ualign, tmp_path, command, ending):
    status, out, _ = ualign(command, "two-groups", "--k", "1,2,4", "--out", f"picture.{ending}")
    assert status == 0
    assert f"picture: picture.{ending}" in out
    content = (tmp_path / f"picture.{ending}").read_bytes()
    assert content.startswith(b"\x89PNG" if ending == "png" else b"<?xml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["curve", "--out", "x.gif"], "'x.gif' must end in .png, .svg or .pdf"),
        (["curve", "--out", "no/such/folder.png"], "cannot write 'no/such/folder.png'"),
        (["family", "--on", "1"], "prompt is 1, but must be an integer from 0 to 0"),
        (["solve", "--tolerance", "0"], "tolerance is 0.0, but must be positive"),
        (["solve", "--method", "magic"], "unknown method 'magic'"),
        (["solve", "--out", "x.txt"], "out is 'x.txt', but must end in .npz"),
        (
            ["solve", "--out", "no/folder/x.npz"],
            "out is 'no/folder/x.npz', but must end in .npz, in a folder that exists",
        ),
        (["solve", "--temperature", "-1"], "temperature is -1"),
    ],
)
def test_bad_input_to_the_solver(ualign, arguments, message):
    status, _, err = ualign(*arguments)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1


def test_versus_prints_values_strategies_and_what_samples_reach(ualign, tmp_path):
    status, out, _ = ualign("versus", "--k", "2", "--l", "1", "--out", "map.svg")
    assert status == 0
    assert "0.734085" in out  # the value
    assert "0.666667" in out  # samples of the equilibrium, and the bound
    assert "model     1.0000  maintain order + fight prices" in out
    assert "head-room of choosing together over samples, value - k/(k+1): 0.067418" in out
    assert (tmp_path / "map.svg").read_text().startswith("<?xml")
    status, out, _ = ualign("versus", "cycle/prompts:2", "--k", "3", "--l", "2")
    assert status == 0
    assert "3 responses against 2" in out
    assert "head-room" not in out
    assert out.count("solved by linear-program") == 2


def test_versus_tells_what_was_sought_greedily(ualign, monkeypatch):
    for limit in ("_MAX_LOOKS", "_MAX_CELLS"):
        monkeypatch.setattr(best_responses, limit, 0)
    status, out, _ = ualign("versus", "impartial/responses:7/users:12", "--k", "2", "--l", "3")
    assert status == 0
    assert "a..b: the worst opponent was sought greedily, and leaves at least a and at most b" in out
    assert re.search(r"0\.\d{4}\.\.0\.\d{4}", out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--k", "0"), "k is 0"),
        (("--l", "x"), "l is 'x', but must be an integer"),
        (("--tolerance", "0"), "tolerance is 0"),
        (("--out", "map.bmp"), "must end in .png, .svg or .pdf"),
        (("--k", "20", "--l", "20", "--out", "map.png"), "the heat map would show 400 games, but at most 100"),
    ],
)
def test_versus_with_wrong_input(ualign, arguments, message):
    status, out, err = ualign("versus", *arguments)
    assert (status, out) == (2, "")
    assert message in err


def test_score_against_several_responses(ualign):
    status, out, _ = ualign("score", "--k", "3", "--l", "2", "--policy", "uniform")
    assert status == 0
    assert "k = 3 against 2 responses, found by enumeration" in out
    assert "bound" in out


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["list"], {"scenarios", "agents", "policies", "suites"}),
        (["score", "--l", "2"], {"robust_win_rate", "l", "shortfall", "certificate", "advice"}),
        (["solve", "--k", "1,2"], {"policy", "certificate", "converged"}),
        (["versus", "--k", "2", "--l", "1"], {"games", "sampled"}),
        (["curve", "--k", "1,2"], {"equilibria", "baselines"}),
        (["family", "--k", "1,2"], {"policies", "favourites"}),
        (["bench", "--agent", "uniform", "--k", "1"], {"suite", "boards", "results"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_every_command_prints_json_and_nothing_else(ualign, tmp_path, arguments, keys):
    status, out, _ = ualign(*arguments, "--json")
    assert status == 0
    content = json.loads(out)
    assert keys <= set(content[0] if isinstance(content, list) else content)
    assert not list(tmp_path.glob("*.png"))  # no picture that nobody asked for


def test_json_with_a_picture(ualign, tmp_path):
    status, out, err = ualign("curve", "--k", "1,2", "--json", "--out", "own.png")
    assert (status, err) == (0, "picture: own.png\n")
    assert json.loads(out)["sizes"] == [1, 2]
    assert (tmp_path / "own.png").exists()


@pytest.mark.parametrize("width", ["0", "40", "200"])
def test_tables_are_the_same_whatever_the_terminal(width):
    command = [sys.executable, "-m", "ualign_env", "score"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": width})
    assert "robust win rate           0.629317\n" in result.stdout
    assert "prompt 0  2262   0.629317  fight prices\n" in result.stdout


def test_convert_makes_one_scenario_of_several(ualign, tmp_path):
    (tmp_path / "votes").mkdir()
    for name, order in (("b", "1,2"), ("a", "2,1"), ("c", "1")):
        ending = "soi" if name == "c" else "soc"
        text = f"# NUMBER ALTERNATIVES: {3 if name == 'c' else 2}\n2: {order}\n1: 2,1\n"
        (tmp_path / "votes" / f"{name}.{ending}").write_text(text)
    (tmp_path / "votes" / "README").write_text("not a file of votes")
    status, out, err = ualign("convert", "votes", "cycle", "--out", "all of it.npz")
    assert (status, err) == (0, "")
    voters = "votes/c.soi: 2 of 3 voters ranked some of the 3 alternatives: those that they left out tie at the bottom"
    assert out == f"all of it.npz: 4 prompts of up to 3 responses\nnote: {voters}\n"
    scenario = load_scenario(tmp_path / "all of it.npz")
    assert scenario.prompts == ("a", "b", "c", "prompt 0")
    status, out, _ = ualign("score", "all of it.npz")
    assert status == 0
    assert f"note: {voters}\n" in out
    assert ualign("bench", "--scenario", "all of it.npz", "--agent=nlhf", "--k=1")[0] == 0
    status, out, err = ualign("convert", "german-goals", "--out", "x.npz", "--json")
    assert json.loads(out)["digest"] == load_scenario("german-goals").digest
    for arguments, message in (
        (["votes", "--out", "x.txt"], "out is 'x.txt', but must end in .npz"),
        (["none.soc", "--out", "x.npz"], "none.soc: no such file"),
        (["cycl", "--out", "x.npz"], "did you mean 'cycle'"),
        (["cycle", "--out", "/dev/null/x.npz"], "cannot write '/dev/null/x.npz'"),
    ):
        status, out, err = ualign("convert", *arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert message in err
