"""Formats of known data sets, tried on small files of their shapes that hold nobody's data."""

import json

import pytest
from tables import orders

from ualign_env import load_scenario
from ualign_env.readers.choose import READERS, choose
from ualign_env.readers.presets import PRESETS


def lines(*rows):
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def overton(user, model, rating, cluster):
    row = {"question_id": 7, "question": "why?", "user": user, "model": model, "llm_response": "...", "votes": 3}
    return row | {"representation_rating": rating, "cluster_kmeans": cluster}


OVERTON = lines(
    *(overton(user, model, rating, cluster) for user, model, rating, cluster in
      [("u", "m1", 5, 0), ("u", "m2", 3, 0), ("v", "m1", 2, 1), ("v", "m2", 2, 1), ("w", "m2", 1, 1)])
)  # fmt: skip


def coval(prompt, annotator, world, personal):
    blocks = {
        name: [{"ranking": text, "rationale": "..."}] for name, text in (("world", world), ("personal", personal))
    }
    return {
        "prompt_id": prompt,
        "annotator_id": annotator,
        "ranking_blocks": blocks | {"unacceptable": [{"rating": ["A"]}]},
    }


COVAL = lines(
    coval("p", "u", "A>B=C>D", "D>C>B>A"), coval("p", "v", "B>A>C>D", "A=B>C=D"), coval("p", "u", "C>A>B>D", "A>B>C>D")
)


def community(annotator, prompt, first, second, conversation=1):
    row = {"conversation_id": conversation, "annotator_id": annotator, "assigned_lang": "en"}
    for turn, choice in (("first", first), ("second", second)):
        row |= {f"{turn}_turn_prompt": f"{prompt} {turn}", f"{turn}_turn_preferred_response": choice}
        row |= {f"{turn}_turn_response_{letter}": f"{turn} {letter}" for letter in "abcd"}
    return row


COMMUNITY = lines(
    community("u", "p", "response_a", "response_b"),
    community("v", "p", "response_a", "response_d"),
    community("w", "p", "response_c", "response_d"),
    community("u", "alone", "response_a", "response_a"),
)


def prism(user, interaction, model, score, within=0):
    row = {"user_id": user, "interaction_id": interaction, "conversation_id": "c", "turn": 0, "within_turn_id": within}
    return row | {
        "user_prompt": "x",
        "model_name": model,
        "model_response": "y",
        "score": score,
        "if_chosen": score > 50,
    }


PRISM = lines(
    prism("u", "i1", "m1", 80), prism("u", "i1", "m2", 20), prism("v", "i2", "m1", 30), prism("v", "i2", "m2", 70)
)


def ultra(instruction, **ratings):
    completions = [
        {
            "model": model,
            "response": "...",
            "overall_score": 7.0,
            "annotations": {
                "helpfulness": [{"Rating": helpful, "Type": ["1"]}, {"Rating": "1"}],
                "honesty": {"Rating": honest},
                "truthfulness": {"Rating": truthful},
            },
        }
        for model, (helpful, honest, truthful) in ratings.items()
    ]
    return {"source": "x", "instruction": instruction, "models": list(ratings), "completions": completions}


ULTRA = lines(
    ultra("do", m1=("5", "3", "N/A"), m2=("4", "3", "2")), ultra("go", m2=("1", "2", "3"), m1=("3", "2", "1"))
)

CASES = {
    "overtonbench": (OVERTON, "", [{"m1 > m2": 1, "m1 = m2": 1}]),
    # of three orders, the last of the same annotator counts
    "coval": (COVAL, "", [{"C > A > B > D": 1, "B > A > C > D": 1}]),
    "coval, personal": (COVAL, "/register:personal", [{"A > B > C > D": 1, "A = B > C = D": 1}]),
    "coval, the first": (COVAL, "/repeated:first", [{"A > B = C > D": 1, "B > A > C > D": 1}]),
    "community-alignment": (
        COMMUNITY,
        "",
        [{"first a > first b = first c = first d": 2, "first c > first a = first b = first d": 1}],
    ),
    "community-alignment, second": (
        COMMUNITY,
        "/turn:second",
        [{"second b > second a = second c = second d": 1, "second d > second a = second b = second c": 2}],
    ),
    "prism": (PRISM, "/min-users:1", [{"m1 > m2": 1}, {"m2 > m1": 1}]),
    "ultrafeedback": (ULTRA, "", [{"m1 > m2": 1, "m1 = m2": 1}, {"m1 = m2": 1, "m1 > m2": 1, "m2 > m1": 1}]),
}


@pytest.mark.parametrize("case", CASES)
def test_known_formats(tmp_path, case):
    name = case.partition(",")[0]
    text, options, expected = CASES[case]
    path = tmp_path / "data.jsonl"
    path.write_text(text, encoding="utf-8")
    # their columns are unmistakable, and no other reader gets them
    assert choose(str(path), {}).preset is PRESETS[name]
    found = load_scenario(f"{path}{options}")
    assert [orders(users) for users in found.populations] == expected
    assert load_scenario(f"{path}/format:{name}{options}") == found


def test_every_format_is_tried():
    assert {case.partition(",")[0] for case in CASES} == set(PRESETS)
    assert {preset.reader for preset in PRESETS.values()} <= set(READERS)


def test_groups_of_overtonbench(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text(OVERTON, encoding="utf-8")
    groups = load_scenario(path).groups[0]
    assert {name: orders(users) for name, users in groups.items()} == {"0": {"m1 > m2": 1}, "1": {"m1 = m2": 1}}


def test_prism_has_one_rater_a_prompt(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text(PRISM, encoding="utf-8")
    with pytest.raises(ValueError, match="no prompt has 2 users or more; 2 prompts with fewer than 2 users left"):
        load_scenario(path)


def test_wrong_choices_and_shapes(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text(COVAL, encoding="utf-8")
    with pytest.raises(ValueError, match="unknown register 'galactic'; known: personal, world"):
        load_scenario(f"{path}/register:galactic")
    with pytest.raises(ValueError, match="unknown format 'covel'; did you mean 'coval'"):
        load_scenario(f"{path}/format:covel")
    path.write_text(lines({"instruction": "x", "completions": [{"model": "m", "annotations": 3}]}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"data\.jsonl:1: completions must be a list of objects"):
        load_scenario(path)


def test_ultrafeedback_in_parquet(tmp_path):
    pl = pytest.importorskip("polars")
    rows = [json.loads(line) for line in ULTRA.splitlines()]
    for row in rows:
        for one in row["completions"]:
            del one["annotations"]["helpfulness"]  # a column has one type
    (tmp_path / "data.jsonl").write_text(lines(*rows), encoding="utf-8")
    pl.DataFrame(rows).write_parquet(tmp_path / "data.parquet")
    assert load_scenario(tmp_path / "data.parquet").populations == load_scenario(tmp_path / "data.jsonl").populations
