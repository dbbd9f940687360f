"""Models compared by what users said of their samples: files of all forms, numbers by enumeration, what is refused."""

import json
import re
import subprocess
import sys
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from ualign_env import choice_shares, evaluate_generations, read_generations, sample_curve, solve

MODELS = {"alpha": 4, "beta": 3, "gamma": 2}  # samples of each prompt
PROMPTS, USERS = ("why", "how"), tuple(f"user {i}" for i in range(12))


def tables(seed=0, levels=5):
    """Returns long tables of generations and judgements: beta pleases half of the users much, alpha everybody a bit."""
    rng = np.random.default_rng(seed)
    said = {"prompt": [], "model": [], "sample": [], "text": []}
    judged = {"prompt": [], "model": [], "sample": [], "user": [], "score": [], "group": []}
    for prompt in PROMPTS:
        for model, n in MODELS.items():
            for sample in range(n):
                for column, cell in zip(said.values(), (prompt, model, sample, f"{model} {sample}"), strict=True):
                    column.append(cell)
                for i, user in enumerate(USERS):
                    liked = {"alpha": 2, "beta": 4 * (i % 2), "gamma": 1}[model]
                    score = int(np.clip(liked + rng.integers(-1, 2), 0, levels - 1))
                    row = (prompt, model, sample, user, score, ("even", "odd")[i % 2])
                    for column, cell in zip(judged.values(), row, strict=True):
                        column.append(cell)
    return said, judged


SAID, JUDGED = tables()


def changed(table, row, **cells):
    """Returns a table with some cells of a row changed."""
    copy = {name: list(column) for name, column in table.items()}
    for name, cell in cells.items():
        copy[name][row] = cell
    return copy


def curve_of(model):
    """Returns the rates of a model against the others' samples."""
    assert model.curve is not None
    return model.curve.robust_win_rates


def without(table, name):
    return {key: column for key, column in table.items() if key != name}


def test_generations_and_judgements_become_a_scenario():
    found = read_generations([JUDGED, SAID])
    assert found.scenario.prompts == PROMPTS
    assert set(found.models) == set(MODELS)
    for x, users in enumerate(found.scenario.populations):
        assert users.n_users == len(USERS)
        for model, rows in found.models.items():
            assert [users.responses[y] for y in rows[x]] == [f"{model}/{i}" for i in range(MODELS[model])]
            assert [found.texts[x][y] for y in rows[x]] == [f"{model} {i}" for i in range(MODELS[model])]
        assert {name: len(rows) for name, rows in found.members[x].items()} == {"even": 6, "odd": 6}
    assert found.scenario.notes == ()


@pytest.mark.parametrize("k", [1, 2])
def test_rates_are_what_enumeration_gives(k):
    found = read_generations([SAID, JUDGED])
    result = evaluate_generations(found, [k], rng=0, n_bootstrap=20)
    for number, rows in enumerate(found.models.values()):
        one = result.models[number]
        against_all, against_others = [], []
        for x, users in enumerate(found.scenario.populations):
            earned = {}
            for y in range(users.n_responses):
                own = [z for z in rows[x] if z != y]  # a sample meets the model's others
                if len(own) >= k:
                    shown = list(combinations(own, k))
                    earned[y] = np.mean([choice_shares(users, [y, *some])[0] for some in shown])
                else:
                    earned[y] = np.nan
            against_all.append(1 - max(earned.values()) if not np.isnan(list(earned.values())).any() else np.nan)
            against_others.append(1 - max(earned[y] for y in earned if y not in rows[x]))
            if not np.isnan([earned[y] for y in rows[x]]).any():
                assert np.mean([earned[y] for y in rows[x]]) == pytest.approx(1 / (k + 1))
        np.testing.assert_allclose(one.win_rates, [np.mean(against_all)])
        np.testing.assert_allclose(curve_of(one), [np.mean(against_others)])
        assert np.isnan(one.win_rates[0]) or one.win_rates[0] <= k / (k + 1) + 1e-12


def test_cross_play_is_what_enumeration_gives():
    found = read_generations([SAID, JUDGED])
    result = evaluate_generations(found, [1, 2, 3], rng=0, n_bootstrap=20)
    names = list(found.models)
    for s, k in enumerate((1, 2, 3)):
        for i, one in enumerate(names):
            for j, other in enumerate(names):
                if min(MODELS[one], MODELS[other]) < k:
                    assert np.isnan(result.cross_play[s, i, j])
                    continue
                if i == j:
                    assert result.cross_play[s, i, j] == 0.5
                    continue
                rates = []
                for x, users in enumerate(found.scenario.populations):
                    pairs = [
                        choice_shares(users, [*a, *b])[:k].sum()
                        for a in combinations(found.models[one][x], k)
                        for b in combinations(found.models[other][x], k)
                    ]
                    rates.append(np.mean(pairs))
                assert result.cross_play[s, i, j] == pytest.approx(np.mean(rates))


def test_quoted_numbers_are_what_they_say():
    found = read_generations([SAID, JUDGED])
    k, threshold = 2, 3
    result = evaluate_generations(found, [k], threshold=threshold, rng=0, n_bootstrap=20)
    one, rows = result.models[1].quoted[0], found.models["beta"]
    satisfied, covered = [], []
    for x, scores in enumerate(found.scores):
        some = list(combinations(rows[x], k))
        satisfied.append(np.mean([(scores[:, shown] >= threshold).any(axis=1).mean() for shown in map(list, some)]))
        means = np.array([scores[members].mean(axis=0) for members in found.members[x].values()])
        covered.append(np.mean([(means[:, shown] >= threshold).any(axis=1).mean() for shown in map(list, some)]))
    assert one.satisfied == pytest.approx(np.mean(satisfied))
    assert one.coverage == pytest.approx(np.mean(covered)) == pytest.approx(0.5)
    assert one.worst_group == "even"  # whom beta leaves cold
    rates = []
    for x, (users, row) in enumerate(zip(found.scenario.populations, rows, strict=True)):
        # samples against the others' and, of its own, each against the rest
        earned = [
            np.mean([choice_shares(users, [y, *some])[0] for some in combinations([z for z in row if z != y], k)])
            for y in range(users.n_responses)
        ]
        shown, group = combinations(row, k), found.scenario.groups[x]["even"]
        worst = int(np.argmax(earned))
        rates.append(1 - np.mean([choice_shares(group, [worst, *some])[0] for some in shown]))
    assert one.worst_group_rate == pytest.approx(np.mean(rates))
    policy = solve(found.scenario, k).policy
    masses = [(found.scores[x] >= threshold) @ policy[x] for x in range(2)]
    assert result.equilibrium[0].satisfied == pytest.approx(np.mean([(1 - (1 - one) ** k).mean() for one in masses]))
    unknown = evaluate_generations(found, [k], rng=0, n_bootstrap=20).models[1].quoted[0]
    assert (unknown.coverage, unknown.satisfied) == (None, None)


def test_the_curve_is_that_of_samples():
    found = read_generations([SAID, JUDGED])
    result = evaluate_generations(found, rng=0, n_bootstrap=20)
    assert [one.sizes for one in result.models] == [(1, 2, 4), (1, 2), (1, 2)]
    rows = found.models["alpha"]
    others = [np.setdiff1d(np.arange(9), row) for row in rows]
    alone = sample_curve(found.scenario, rows, [1, 2, 4], pool=others, rng=0, n_bootstrap=20)
    np.testing.assert_array_equal(curve_of(result.models[0]), alone.robust_win_rates)
    json.dumps(result.to_dict(), allow_nan=False)


def test_what_cannot_be_heeded_is_refused():
    chosen = {"prompt": ["a"] * 2, "user": [1, 2], "chosen": ["x", "y"], "rejected": ["y", "x"]}
    cases: list[dict[str, Any]] = [{"repeated": "mean"}, {"lower_is_better": True}]
    for unused in cases:
        with pytest.raises(ValueError, match=f"{next(iter(unused))} cannot be heeded, since users chose between two"):
            read_generations([chosen], **unused)
    with pytest.raises(ValueError, match="rule cannot be heeded, since users gave scores"):
        read_generations([SAID, JUDGED], rule="pooled")
    with pytest.raises(ValueError, match=r"threshold is 3, but users only chose between two, and gave no scores"):
        evaluate_generations(read_generations([chosen]), [1], threshold=3)


def test_samples_may_be_left_out_of_tables():
    one = {"prompt": ["a", "a"], "model": ["x", "y"]}
    judged = {"prompt": ["a"] * 4, "model": ["x", "y"] * 2, "user": [1, 1, 2, 2], "score": [1, 0, 0, 1]}
    found = read_generations([one, judged])
    assert found.scenario.populations[0].responses == ("x/0", "y/0")
    assert read_generations([judged]).scenario == found.scenario  # those judged are all there are
    numbered = {"prompt": ["a"] * 3, "model": ["x", "x", "y"]}
    with pytest.raises(ValueError, match=r"judges 'x' on 'a', of which there are 2 samples: a column must say which"):
        read_generations([numbered, judged])


def test_columns_may_have_any_names():
    judged = {"prompt": ["a"] * 4, "bot": ["x", "y"] * 2, "who": [1, 1, 2, 2], "stars": [1, 0, 0, 1]}
    columns = {"model": "bot", "user": "who", "score": "stars"}
    assert set(read_generations([judged], columns=columns).models) == {"x", "y"}
    with pytest.raises(ValueError, match="unknown column 'people'"):
        read_generations([judged], columns={"people": "who"})
    with pytest.raises(ValueError, match="must have those of one form"):
        read_generations([judged])


def test_choices_are_pooled_or_made_an_order():
    pairs = [("x/0", "y/0"), ("y/0", "x/1"), ("x/0", "x/1")]
    judged = {
        "prompt": ["a"] * 6,
        "user": [1, 1, 1, 2, 2, 2],
        "chosen": [one for one, _ in pairs] + [other for _, other in pairs],
        "rejected": [other for _, other in pairs] + [one for one, _ in pairs],
    }
    pooled = read_generations([judged])
    result = evaluate_generations(pooled, [1], rng=0, n_bootstrap=20)
    assert result.cross_play[0, 0, 1] == pytest.approx(0.5)
    assert evaluate_generations(pooled, rng=0, n_bootstrap=20).sizes == (1,)
    with pytest.raises(ValueError, match="users only compared two"):
        evaluate_generations(pooled, [2])
    ordered = read_generations([judged], rule="copeland")
    assert {users.n_types for users in ordered.scenario.populations} == {2}
    assert evaluate_generations(ordered, [1, 2], rng=0, n_bootstrap=20).models[0].sizes == (1, 2)


def test_names_of_models_may_hold_strokes():
    chosen = ["meta/one-8B", "mistral/two-7B", "meta/one-8B"]
    rejected = ["mistral/two-7B", "meta/three-70B", "meta/three-70B"]
    judged = {"prompt": ["p"] * 3, "user": [1, 2, 3], "chosen": chosen, "rejected": rejected}
    assert set(read_generations([judged]).models) == {*chosen, *rejected}
    models = {"prompt": ["p"] * 3, "model": ["meta/one-8B", "mistral/two-7B", "meta/three-70B"]}
    assert set(read_generations([models, judged]).models) == {*chosen, *rejected}
    alike = {"prompt": ["p"] * 2, "model": ["a/b", "a"], "sample": ["c", "b/c"]}
    scores = alike | {"user": ["u", "u"], "score": [1, 2]}
    found = read_generations([alike, scores])
    assert set(found.models) == {"a/b", "a"}
    assert found.scores[0].tolist() == [[1, 2]]


def test_one_model_alone_and_lower_scores():
    rows = [("p", "a", i, u, (i * 7 + u) % 3) for i in range(2) for u in range(4)]
    names = ("prompt", "model", "sample", "user", "score")
    judged = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    for threshold, lower in ((1, False), (1, True), (None, False)):
        found = read_generations([judged], lower_is_better=lower)
        result = evaluate_generations(found, threshold=threshold, rng=0, n_bootstrap=20)
        assert result.models[0].curve is None
        assert result.sizes == (1, 2)
        if threshold is not None:
            liked = found.scores[0] <= 1 if lower else found.scores[0] >= 1
            assert result.models[0].quoted[1].satisfied == pytest.approx(liked.any(axis=1).mean())


def test_equal_texts_are_one_response():
    models = {"same": ["x"] * 4, "varied": ["a", "b", "c", "d"]}
    said = {"prompt": [], "model": [], "sample": [], "text": []}
    judged = {"prompt": [], "model": [], "sample": [], "user": [], "score": []}
    for model, texts in models.items():
        for i, text in enumerate(texts):
            for column, cell in zip(said.values(), ("p", model, i, text), strict=True):
                column.append(cell)
            for user in range(4):
                score = 1 if model == "same" else 2 * (user == i)
                for column, cell in zip(judged.values(), ("p", model, i, user, score), strict=True):
                    column.append(cell)
    for files in ([said, judged], [judged]):  # told by texts, or by scores
        result = evaluate_generations(read_generations(files), [2], rng=0, n_bootstrap=20)
        same, varied = (one.quoted[0].effective_picks for one in result.models)
        assert same == pytest.approx(1)
        assert varied == pytest.approx(4)


def test_a_group_of_everybody_is_served_as_everybody_is():
    everybody = JUDGED | {"group": ["all"] * len(JUDGED["prompt"])}
    result = evaluate_generations(read_generations([everybody]), [1], rng=0, n_bootstrap=20)
    for one in result.models:
        assert one.quoted[0].worst_group_rate == pytest.approx(one.win_rates[0])
    assert result.equilibrium[0].worst_group_rate == pytest.approx(result.equilibrium_rates[0])


@pytest.mark.parametrize(("repeated", "kept"), [("last", 4), ("mean", 3)])
def test_repeated_scores_are_counted(repeated, kept):
    judged = {"prompt": ["p"] * 3, "model": ["x", "y", "x"], "user": [1, 1, 1], "score": [2, 0, 4]}
    found = read_generations([judged], repeated=repeated)
    assert found.scores[0].tolist() == [[kept, 0]]
    assert any(note.startswith("1 score beyond a user's first of a sample") for note in found.scenario.notes)


def test_errors_of_choices_name_the_row(tmp_path):
    file = tmp_path / "c.csv"
    file.write_text("prompt,user,chosen,rejected\np,1,a,b\np,1,b,b\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"c\.csv:3"):
        read_generations([str(file)])


def test_what_is_left_out_is_counted():
    fewer = {name: column[:-1] for name, column in JUDGED.items()}
    notes = read_generations([SAID, fewer]).scenario.notes
    assert any(
        "1 of 24 users (counted for each prompt) judged only some of the responses: left out" in n for n in notes
    )
    only_alpha = {
        name: [
            cell
            for cell, m, p in zip(column, JUDGED["model"], JUDGED["prompt"], strict=True)
            if m != "beta" or p == "why"
        ]
        for name, column in JUDGED.items()
    }
    found = read_generations([SAID, only_alpha])
    assert found.scenario.prompts == ("why",)
    assert any(note.startswith("1 prompt without a judged sample of beta (1)") for note in found.scenario.notes)
    assert any(note.startswith("3 samples that nobody judged") for note in found.scenario.notes)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([SAID], "nobody judged"),
        ([changed(SAID, 3, sample=0), JUDGED], "sample 0 of 'alpha' for 'why' is there before, at table, row 0"),
        (
            [SAID, changed(JUDGED, 5, sample=9)],
            r"row 5: judges sample '9' of 'alpha' on 'why', but there are only 0, 1",
        ),
        ([SAID, changed(JUDGED, 5, model="delta")], "judges sample '0' of 'delta' on 'why', but there are only none"),
        ([SAID, changed(JUDGED, 5, score="good")], "row 5: score is 'good', but must be a number"),
        ([SAID, changed(JUDGED, 5, user=JUDGED["user"][3])], "judged response 'alpha/0' of prompt 'why' before"),
        ([SAID, changed(JUDGED, 5, group="even")], "is of group 'odd', but before of 'even'"),
        ([without(SAID, "model"), JUDGED], "must have those of one form"),
        ([SAID, without(JUDGED, "user")], "has score, but no user"),
        (
            [SAID, JUDGED | {"chosen": JUDGED["model"], "rejected": JUDGED["model"]}],
            "is of several forms, scores and choices",
        ),
        (
            [SAID, JUDGED, {"prompt": ["why"], "user": [1], "chosen": ["alpha/0"], "rejected": ["alpha/1"]}],
            "give one of both",
        ),
        ([], "nobody judged"),
    ],
)
def test_what_makes_no_comparison_is_refused(files, message):
    with pytest.raises(ValueError, match=message):
        read_generations(files)


def run(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "ualign_env", "evaluate", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command(tmp_path):
    for name, table in (("said.csv", SAID), ("judged.csv", JUDGED)):
        rows = [",".join(table), *(",".join(map(str, row)) for row in zip(*table.values(), strict=True))]
        (tmp_path / name).write_text("\n".join(rows), encoding="utf-8")
    done = run("said.csv", "judged.csv", "--k", "1,2,4", "--threshold", "3", "--out", "models.svg", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 prompts, 12 users of each, 3 models" in done.stdout
    assert re.search(r"k = 2: best possible 0.6667\nmodel +vs others +95% +by halves +vs all", done.stdout)
    assert "k = 4: too few samples of beta (3), gamma (2)\n" in done.stdout
    assert (tmp_path / "models.svg").read_text(encoding="utf-8").count("<svg") == 1
    told = json.loads(run("said.csv", "judged.csv", "--json", cwd=tmp_path).stdout)
    assert [one["model"] for one in told["models"]] == list(MODELS)
    for name in ("said.csv", "judged.csv"):  # alpha lacks a sample of one prompt
        rows = (tmp_path / name).read_text(encoding="utf-8").splitlines()
        kept = [row for row in rows if not row.startswith("how,alpha,3")]
        (tmp_path / name).write_text("\n".join(kept), encoding="utf-8")
    done = run("said.csv", "judged.csv", "--k", "3,4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "k = 4: too few samples of alpha (3 of 'how'), beta (3), gamma (2)" in done.stdout
    pairs = "prompt,user,chosen,rejected\nhow,ann,a/0,b/0\nhow,bob,b/0,a/1\nhow,cat,a/1,b/0\nhow,ann,a/0,a/1\n"
    (tmp_path / "pairs.csv").write_text(pairs, encoding="utf-8")
    done = run("pairs.csv", "--k", "1,2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "k = 2: nothing is known, since users only compared two" in done.stdout  # however many samples there are
    assert "1 prompt, 4 comparisons of each, 2 models\n" in done.stdout
    assert "a rule makes orders of their choices" in done.stdout
    done = run(
        "pairs.csv", "--k", "1", "--rule", "bradley-terry", "--prior", "0.5", "--missing", "bottom", cwd=tmp_path
    )
    assert "1 prompt, 3 users of each, 2 models\n" in done.stdout, done.stderr
    failed = run("said.csv", "nothing.csv", cwd=tmp_path)
    assert failed.returncode == 2
    assert "nothing.csv" in failed.stderr


def test_every_column_is_explained_and_none_is_empty(tmp_path):
    for name, table in (("said.csv", SAID), ("judged.csv", JUDGED)):
        rows = [",".join(table), *(",".join(map(str, row)) for row in zip(*table.values(), strict=True))]
        (tmp_path / name).write_text("\n".join(rows), encoding="utf-8")
    for given in ((), ("--threshold", "3")):
        told = run("said.csv", "judged.csv", "--k", "1", *given, cwd=tmp_path).stdout
        columns = re.split(r"  +", re.findall(r"best possible.*\n(model.*)\n", told)[0])
        assert ("satisfied" in columns) == ("coverage" in columns) == bool(given)
        assert ("--threshold NUMBER adds" in told) != bool(given)
        for column in columns:
            assert column in ("model", "worst group") or f"\n{column}: " in told
    assert {"95%", "worst group"} <= set(columns)


@pytest.mark.parametrize(
    ("tables", "columns", "message"),
    [
        # the column of users has another name: these are no samples
        (
            [SAID, {"who" if key == "user" else key: column for key, column in JUDGED.items()}],
            {},
            "no user, .*user:NAME",
        ),
        ([JUDGED], {"user": "annotator"}, "user is to be the column 'annotator', which none of .* has"),
        ([SAID, JUDGED], {"group": "country"}, "group is to be the column 'country', which none of .* has"),
        ([(SAID, "alpha"), JUDGED], {}, "says itself whose samples these are"),
        (
            [{"prompt": ["p"], "model": ["a"], "chosen": ["a"], "who": ["u"]}],
            {},
            "has chosen, but no user and rejected",
        ),
    ],
)
def test_columns_of_other_names_are_said(tables, columns, message):
    with pytest.raises(ValueError, match=message):
        read_generations(tables, columns=columns)


def test_groups_of_comparisons_are_told_apart():
    rows = [("p", f"u{i}", "a/0", "b/0", "left") for i in range(3)] + [("p", "v", "b/0", "a/0", "right")]
    columns = map(list, zip(*rows, strict=True))
    table = dict(zip(("prompt", "user", "chosen", "rejected", "group"), columns, strict=True))
    for rule in ("", "copeland"):
        found = read_generations([table], rule=rule)
        assert {name: users.n_users for name, users in found.scenario.groups[0].items()} == {"left": 3, "right": 1}
        (best,) = evaluate_generations(found, [1], rng=0).equilibrium
        assert best.worst_group in ("left", "right")
    assert not read_generations([without(table, "group")]).scenario.groups[0]


def test_columns_are_renamed_in_the_files_that_have_them():
    odd = {{"prompt": "question", "user": "annotator"}.get(name, name): column for name, column in JUDGED.items()}
    found = read_generations([SAID, odd], columns={"prompt": "question", "user": "annotator"})
    assert found.scenario == read_generations([SAID, JUDGED]).scenario
