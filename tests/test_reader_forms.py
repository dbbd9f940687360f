"""Readers of comparisons, of Polis and of Pabulib: each rule by hand on small files, and real conversations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import orders, write

from ualign_env import (
    Population,
    load_scenario,
    read_pabulib,
    read_pairwise,
    read_polis,
    read_preferences,
)

DATA = Path(__file__).parents[2] / "shared" / "data"


# --- comparisons


def comparisons(text: str) -> dict[str, list[str]]:
    """Returns a table of `user:chosen>rejected` texts."""
    rows = [part.replace(">", ":").split(":") for part in text.split()]
    return dict(zip(("user", "chosen", "rejected"), map(list, zip(*rows, strict=True)), strict=True))


# of the first user a beats b twice and c once, b beats c, and c beats a and b once: shares 3/4, 2/5, 2/5
CYCLES = "u:a>b u:a>b u:b>c u:c>a u:a>c u:c>b v:c>b v:b>a v:c>a"


@pytest.mark.parametrize(
    ("rule", "options", "expected"),
    [
        # a beats b, and is even with c; b is even with c
        ("copeland", {}, {"a > c > b": 1, "c > b > a": 1}),
        ("win-share", {}, {"a > c > b": 1, "c > b > a": 1}),
        ("bradley-terry", {"prior": 0.1}, {"a > c > b": 1, "c > b > a": 1}),
    ],
)
def test_rules_for_comparisons(rule, options: Any, expected):
    scenario = read_pairwise(comparisons(CYCLES), rule=rule, **options)
    assert orders(scenario.populations[0]) == expected
    assert "3.0 pairs a user on the mean; 0 of 2 users contradict themselves" in scenario.notes[-1]
    assert scenario.notes[0].startswith(f"orders by {rule}")


def test_a_user_in_a_circle_contradicts_herself():
    notes = read_pairwise(comparisons("u:a>b u:b>c u:c>a v:a>b v:b>c v:a>c"), rule="copeland").notes
    assert "1 of 2 users contradict themselves" in notes[-1]


def test_bradley_terry_strengths_solve_its_equations():
    from ualign_env.readers.pairwise import bradley_terry

    won = np.array([[0, 4, 1.0], [2, 0, 3], [2, 1, 0]])
    strengths = np.exp(bradley_terry(won, 0.0, "test"))
    expected = strengths[:, None] / (strengths[:, None] + strengths) * (won + won.T)
    np.testing.assert_allclose((won - expected).sum(axis=1), 0, atol=1e-9)  # as many wins as expected
    two = bradley_terry(np.array([[0, 3.0], [1, 0]]), 0.0, "test")
    np.testing.assert_allclose(two[0] - two[1], np.log(3))


def test_bradley_terry_needs_a_chain_of_wins_or_a_prior():
    table = comparisons("u:a>b u:b>c v:a>b v:b>a v:b>c v:c>b")
    with pytest.raises(ValueError, match=r"user 'u', prompt '': has no finite Bradley-Terry .* prior such as 0\.1"):
        read_pairwise(table, rule="bradley-terry")
    scenario = read_pairwise(table, rule="bradley-terry", prior=0.5)
    assert orders(scenario.populations[0]) == {"a > b > c": 1, "a = b = c": 1}
    assert "with a prior of 0.5" in scenario.notes[0]


def test_single_comparisons_are_for_one_sample():
    table = {"user": list("uvw"), "chosen": list("abc"), "rejected": list("bca")}
    with pytest.raises(ValueError, match="compared all responses to a prompt: the rule pooled keeps what single"):
        read_pairwise(table, rule="copeland")


def test_comparisons_need_a_rule():
    with pytest.raises(ValueError, match=r"rule is '', but must be chosen.*: bradley-terry, copeland, win"):
        read_pairwise(comparisons(CYCLES))
    with pytest.raises(ValueError, match="rule is 'bt', but must be one of bradley-terry, copeland, win"):
        read_pairwise(comparisons(CYCLES), rule="bt")


def test_prompts_that_no_column_tells_are_noted(tmp_path):
    path = tmp_path / "x.csv"
    rows = [f"{q},{u},{y},{i}" for q, own in (("p", "ab"), ("q", "cd")) for u in "uv" for i, y in enumerate(own)]
    path.write_text("\n".join(["question,user,response,score", *rows]), encoding="utf-8")
    said = "all is one prompt: no column is called 'prompt' (the option prompt names one), not used: 'question'"
    assert said in load_scenario(f"{path}/missing:bottom").notes
    assert len(load_scenario(f"{path}/prompt:question/missing:bottom").prompts) == 2
    for options in ("prompt:question", 'prompt:""'):
        assert not any("all is one prompt" in note for note in load_scenario(f"{path}/missing:bottom/{options}").notes)
    path.write_text("\n".join(["question,user,response,score", *rows, "r,u,a,1"]), encoding="utf-8")
    with pytest.raises(
        ValueError,
        match=r"'u' judged response 'a' of the only prompt before, at .*; the option prompt names a column of prom",
    ):
        load_scenario(path)
    texts = {
        "order": "question,user,order\np,u,a>b\np,v,b>a\n",
        "picks": "question,user,shown,chosen\np,u,a;b,a\np,v,a;b,b\n",
        "pairs": "question,user,chosen,rejected\np,u,a,b\np,v,b,a\n",
    }
    for name, text in texts.items():
        path.write_text(text, encoding="utf-8")
        assert said in load_scenario(f"{path}{'/rule:copeland' * (name == 'pairs')}").notes, name


def test_ties_and_unseen_responses():
    table = {
        "user": ["u", "u", "v", "w", "w"],
        "chosen": ["a", "b", "a", "a", "b"],
        "rejected": ["b", "c", "c", "b", "c"],
        "tied": ["yes", "", "", "0", "true"],
    }
    scenario = read_pairwise(table, rule="copeland", tie="tied")
    # u: a 0, b +1, c -1; w: a +1, b -1, c 0; v did not compare b
    assert orders(scenario.populations[0]) == {"b > a > c": 1, "a > c > b": 1}
    assert "1 of 3 users judged only some of the responses: left out" in scenario.notes
    bottom = read_pairwise(table, rule="copeland", tie="tied", missing="bottom")
    assert orders(bottom.populations[0]) == {"b > a > c": 1, "a > c > b": 2}


def test_pooled_comparisons_play_with_one_sample_alone():
    table = {"chosen": ["a", "a", "b", "a"], "rejected": ["b", "b", "a", "c"]}
    scenario = read_pairwise(table, rule="pooled")
    (users,) = scenario.populations
    np.testing.assert_allclose(users.pairwise(), [[0.5, 2 / 3, 1], [1 / 3, 0.5, 0.5], [0, 0.5, 0.5]])
    assert users.n_users == 4
    assert scenario.notes == (
        "1 pair of responses that nobody compared: counted as tied",
        "pooled comparisons: they determine payoffs for k = 1 alone",
    )


def test_matrices_of_preferences(tmp_path):
    matrix = np.array([[0.5, 0.7, 0.2], [0.3, 0.5, 1.0], [0.8, 0.0, 0.5]])
    np.save(tmp_path / "p.npy", matrix)
    scenario = load_scenario(tmp_path / "p.npy")
    assert scenario.prompts == ("p",)
    np.testing.assert_allclose(scenario.populations[0].pairwise(), matrix)
    assert "k = 1 alone" in scenario.notes[0]
    np.savez(tmp_path / "p.npz", preferences=matrix, responses=["a", "b", "c"])
    named = load_scenario(f"{tmp_path / 'p.npz'}/prompt:why")
    assert (named.prompts, named.populations[0].responses) == (("why",), ("a", "b", "c"))
    assert read_preferences(matrix).populations == scenario.populations
    np.save(tmp_path / "q.npy", matrix + 0.1)  # these are ratings
    assert load_scenario(tmp_path / "q.npy").populations[0].n_users == 3
    with pytest.raises(ValueError, match=r"q\.npy: preferences must be chances from 0 to 1 that add up to 1"):
        load_scenario(f"{tmp_path / 'q.npy'}/reader:preferences")


# --- Polis


VOTES = "participant,group-id,n-votes,0,1,2,3\n0,0,4,1,-1,1,\n1,1,3,1,1,-1,0\n2,,3,-1,0,1,\n3,0,1,,,,1\n"
COMMENTS = (
    "comment-id,agrees,disagrees,moderated,comment-body\n"
    '0,2,1,1,"taxes, lower"\n1,1,1,1,parks\n2,2,1,-1,spam\n3,1,0,0,buses\n'
)


def conversation(folder: Path, votes: str = VOTES, comments: str = COMMENTS) -> Path:
    write(folder / "participants-votes.csv", votes)
    write(folder / "comments.csv", comments)
    return folder


def test_polis(tmp_path):
    scenario = read_polis(conversation(tmp_path), responses=3)
    (users,) = scenario.populations
    assert users.responses == ("taxes, lower", "parks", "spam")
    assert orders(users) == {
        "taxes, lower = spam > parks": 1,
        "taxes, lower = parks > spam": 1,
        "spam > parks > taxes, lower": 1,
    }
    assert {name: orders(group) for name, group in scenario.groups[0].items()} == {
        "0": {"taxes, lower = spam > parks": 1},
        "1": {"taxes, lower = parks > spam": 1},
    }
    assert scenario.notes == (
        "1 response that fewer users judged than others: left out",
        "1 of 4 users judged none of the responses kept: left out",
        "1 user without a group: in no group's win rate",
    )
    assert load_scenario(f"{tmp_path}/responses:3") == scenario
    moderated = read_polis(tmp_path, moderated=True, responses=2)
    assert moderated.populations[0].responses == ("taxes, lower", "parks")
    assert moderated.notes[0] == "1 statement that moderators rejected: left out"


def test_polis_has_agreement_the_right_way_round(tmp_path):
    header, *rows = [line.split(",") for line in VOTES.splitlines()]
    other = {"1": "-1", "-1": "1"}
    swapped = [header, *([*row[:3], *(other.get(vote, vote) for vote in row[3:])] for row in rows)]
    conversation(tmp_path, "\n".join(",".join(row) for row in swapped))
    with pytest.raises(ValueError, match=r"with agree:1, agreements differ .* by \d+ in all, and with agree:-1 by \d+"):
        read_polis(tmp_path)
    assert orders(read_polis(tmp_path, agree=-1, responses=3).populations[0]) == orders(
        read_polis(conversation(tmp_path), responses=3).populations[0]
    )
    with pytest.raises(ValueError, match=r"participants-votes\.csv:2: a vote is 2, but must be -1, 0, 1 or blank"):
        read_polis(conversation(tmp_path, VOTES.replace("0,0,4,1", "0,0,4,2")))


@pytest.mark.skipif(not DATA.exists(), reason="the real data is not here")
@pytest.mark.parametrize(
    ("name", "users", "complete"),
    [
        ("american-assembly.bowling-green", 2031, 721),
        ("scoop-hivemind.biodiversity", 536, 294),
        ("vtaiwan.uberx", 1921, 494),
    ],
)
def test_real_conversations(name, users, complete):
    """Counts made from the files by counting cells."""
    scenario = read_polis(DATA / "polis" / name)
    (population,) = scenario.populations
    lines = (DATA / "polis" / name / "participants-votes.csv").read_text(encoding="utf-8").splitlines()
    header, *rows = [line.split(",") for line in lines]
    numbers = [i for i, column in enumerate(header) if column.isdecimal()]
    most = sorted(sorted(numbers, key=lambda i: -sum(row[i] != "" for row in rows))[:8])
    assert len(rows) == users
    kept = [tuple(int(row[i]) for i in most) for row in rows if all(row[i] for i in most)]
    assert len(kept) == population.n_users == complete
    assert population == Population.from_scores(kept, responses=population.responses)


# --- Pabulib


BUS, TREE = "bus; fast > park > tree", "tree > park = bus; fast"


def pb(kind: str, votes: str, columns: str = "voter_id;vote") -> str:
    return (
        "META\nkey;value\ndescription;x\nnum_projects;3\n"
        f"num_votes;{votes.count(chr(10)) + 1}\nvote_type;{kind}\n"
        f'PROJECTS\nproject_id;cost;name\n7;10;park\n8;20;"bus; fast"\n9;5;tree\nVOTES\n{columns}\n{votes}\n'
    )


@pytest.mark.parametrize(
    ("kind", "columns", "votes", "expected"),
    [
        (
            "ordinal",
            "voter_id;vote",
            "1;8,7\n2;9\n3;7,8,9",
            {"bus; fast > park > tree": 1, "tree > park = bus; fast": 1, "park > bus; fast > tree": 1},
        ),
        (
            "approval",
            "voter_id;age;vote",
            "1;30;8,7\n2;;9",
            {"park = bus; fast > tree": 1, "tree > park = bus; fast": 1},
        ),
        ("choose-1", "voter_id;vote", "1;8\n2;8", {"bus; fast > park = tree": 2}),
        (
            "cumulative",
            "voter_id;vote;points",
            "1;8,7;3,1\n2;9,8,7;2,2,1",
            {"bus; fast > park > tree": 1, "bus; fast = tree > park": 1},
        ),
    ],
)
def test_pabulib(tmp_path, kind, columns, votes, expected):
    path = tmp_path / "x.pb"
    path.write_bytes(pb(kind, votes, columns).replace("\n", "\r\n").encode())
    scenario = load_scenario(path)
    assert orders(scenario.populations[0]) == expected
    assert scenario.notes[0] == "what projects cost: ignored"
    assert load_scenario(f"{path}/unranked:bottom") == scenario


def test_pabulib_unranked(tmp_path):
    path = write(tmp_path / "x.pb", pb("ordinal", "1;8,7\n2;9\n3;\n4;7,8,9"))
    assert orders(read_pabulib(path, unranked="drop").populations[0]) == {
        "bus; fast > park > tree": 1,
        "park > bus; fast > tree": 1,
    }
    assert read_pabulib(path).notes[1:] == (
        "1 of 4 users judged none of the responses: left out",
        "1 of 4 users judged only some of the responses: the others tie at the bottom",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s.replace("num_votes;2", "num_votes;3"),
            r"x\.pb:5: num_votes is '3', but there are 2; is the",
        ),
        (lambda s: s.replace("ordinal", "guess"), r"x\.pb:6: vote_type is 'guess', but must be one of ordinal"),
        (lambda s: s.replace("1;8,7", "1;8,6"), r"x\.pb:14: vote is '8,6', but must name different projects"),
        (lambda s: s.replace("1;8,7", "1;8,8"), r"x\.pb:14: vote is '8,8'"),
        (lambda s: s.replace("1;8,7", "1;8,7;2"), r"x\.pb:14: has 3 cells, but VOTES has 2 columns"),
        (lambda s: s.replace("8;20", "7;20"), r"x\.pb:9: projects must have a project_id each"),
        (lambda s: s[: s.index("VOTES")], r"x\.pb: has no rows in its section VOTES"),
        (lambda _: "hello\n", r"x\.pb:1: begins with 'hello', but must begin with META"),
    ],
)
def test_malformed_pabulib(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        read_pabulib(write(tmp_path / "x.pb", change(pb("ordinal", "1;8,7\n2;9"))))
