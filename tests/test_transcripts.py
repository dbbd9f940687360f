"""Files of other people's evaluations: each form is known by its keys, and read as it is."""

import json

import pytest

from ualign_env import evaluate_generations, read_generations


def write(path, rows):
    text = json.dumps(rows) if path.suffix == ".json" else "\n".join(map(json.dumps, rows))
    path.write_text(text, encoding="utf-8")
    return path


def inspect_log(model, scores):
    samples = [
        {
            "id": prompt,
            "epoch": epoch,
            "output": {"completion": "..."},
            "scores": {j: {"value": v} for j, v in by.items()},
        }
        for (prompt, epoch), by in scores.items()
    ]
    return {"version": 2, "status": "success", "eval": {"model": model}, "samples": samples}


def test_logs_of_inspect(tmp_path):
    one = inspect_log("m/one", {("p", 1): {"ann": "C", "bob": 0.2}, ("p", 2): {"ann": "I", "bob": 0.9}})
    two = inspect_log("two", {("p", 1): {"ann": "P", "bob": 0.5}})
    files = [write(tmp_path / "one.json", one), write(tmp_path / "two.json", two)]
    found = read_generations(files)
    assert {name: len(rows[0]) for name, rows in found.models.items()} == {"m/one": 2, "two": 1}
    assert found.scores[0].tolist() == [[1, 0, 0.5], [0.2, 0.9, 0.5]]
    assert "log of Inspect" in found.taken[0]
    assert "user: the scorer" in found.taken[0]


def test_frames_of_inspect(tmp_path):
    pl = pytest.importorskip("polars")
    frame = {
        "sample_id": ["a", "b", "c"],
        "eval_id": ["e", "e", "f"],
        "id": ["p", "p", "p"],
        "epoch": [1, 2, 1],
        "input": ["?", "?", "?"],
        "score_ann": ["C", "I", "P"],
        "score_bob": [0.2, 0.9, 0.5],
        "score_bob_explanation": ["because", "why not", "so"],
        "score_bob_answer": [4, 5, 6],
        "score_cat": [None, 0.1, 0.2],  # who judged only part is left out
    }
    path = tmp_path / "samples.parquet"
    pl.DataFrame({**frame, "model": ["m", "m", "n"]}).write_parquet(path)
    found = read_generations([path])
    assert {name: len(rows[0]) for name, rows in found.models.items()} == {"m": 2, "n": 1}
    assert found.scores[0].tolist() == [[1, 0, 0.5], [0.2, 0.9, 0.5]]
    assert "samples_df" in found.taken[0]
    with pytest.raises(ValueError, match="says whose samples these are: leave out the name of a model"):
        read_generations([(str(path), "mine")])
    pl.DataFrame(frame)[:2].write_parquet(path)
    assert list(read_generations([(str(path), "mine")]).models) == ["mine"]
    with pytest.raises(ValueError, match=r"does not say whose samples these are: make it by samples_df\(logs"):
        read_generations([path])


def test_files_of_different_tasks_are_not_mixed(tmp_path):
    logs = [inspect_log(model, {("1", 1): {"ann": "C"}}) for model in ("m", "n")]
    for log, task in zip(logs, ("geography", "arithmetic"), strict=True):
        log["eval"]["task"] = task
    files = [write(tmp_path / f"{i}.json", log) for i, log in enumerate(logs)]
    with pytest.raises(ValueError, match=r"prompt '1' is of 'arithmetic', but at .* of 'geography'"):
        read_generations(files)
    rows = [[{"doc_id": 0, "doc_hash": h, "resps": [["a"]]}] for h in ("x", "y")]
    files = [(str(write(tmp_path / f"{i}.jsonl", row)), f"m{i}") for i, row in enumerate(rows)]
    with pytest.raises(ValueError, match="prompt '0' is of 'y', but"):
        read_generations([*files, {"prompt": ["0"], "model": ["m0"], "user": [1], "score": [1]}])


def test_choices_among_given_answers_are_no_samples(tmp_path):
    file = write(tmp_path / "s.jsonl", [{"doc_id": 0, "resps": [[[-1.2, False]], [[-3.0, True]]]}])
    with pytest.raises(ValueError, match=r"resps are .* but must be texts"):
        read_generations([(str(file), "m")])


def test_samples_of_lm_eval_need_a_model_and_judgements(tmp_path):
    rows = [{"doc_id": 0, "resps": [["a", "b"]], "filter": name} for name in ("strict-match", "flexible-extract")]
    file = write(tmp_path / "samples_task.jsonl", rows)
    judged = {
        "prompt": [0] * 4,
        "model": ["m"] * 4,
        "sample": [0, 1, 0, 1],
        "user": [1, 1, 2, 2],
        "score": [1, 0, 0, 1],
    }
    found = read_generations([(str(file), "m"), judged])
    assert found.texts == (("a", "b"),)
    with pytest.raises(ValueError, match="FILE=MODEL says it"):
        read_generations([str(file), judged])


def test_annotations_of_alpaca_eval(tmp_path):
    outputs = [{"instruction": "i", "output": f"{m} says", "generator": m, "dataset": "d"} for m in ("x", "y")]
    common = {"instruction": "i", "output_1": "x says", "generator_1": "x", "output_2": "y says", "generator_2": "y"}
    annotations = [
        {**common, "annotator": "a", "preference": 1},
        {**common, "annotator": "b", "preference": 2.0},
        {**common, "annotator": "c", "preference": 1.0},
        {**common, "annotator": "d", "preference": None},
    ]
    files = [write(tmp_path / "outputs.json", outputs), write(tmp_path / "annotations.json", annotations)]
    found = read_generations(files)
    assert "1 choice that could not be read: left out" in found.scenario.notes
    result = evaluate_generations(found, [1], rng=0, n_bootstrap=20)
    assert result.cross_play[0, 0, 1] == pytest.approx(2 / 3)
    bad = [{**annotations[0], "preference": 3}]
    with pytest.raises(ValueError, match="preference is 3, but must be from 1 to 2"):
        read_generations([files[0], write(tmp_path / "bad.json", bad)])


def test_judgements_of_mt_bench(tmp_path):
    single = [
        {"question_id": q, "model": m, "judge": ["gpt", t], "score": s, "turn": 1}
        for q, m, t, s in [(81, "x", "one", 9), (81, "y", "one", 7), (81, "x", "two", -1), (81, "y", "two", 8)]
    ]
    found = read_generations([write(tmp_path / "single.jsonl", single)])
    assert found.scores[0].tolist() == [[9, 7]]  # the failed parse is no score, and its judge has not judged all
    assert any("1 judgement without a score" in note for note in found.scenario.notes)
    pair = {"question_id": 81, "model_1": "x", "model_2": "y", "judge": ["gpt", "pair"], "turn": 1}
    pairs = [
        {**pair, "g1_winner": "model_1", "g2_winner": "tie"},
        {**pair, "g1_winner": "error", "g2_winner": "model_1"},
    ]
    found = read_generations([write(tmp_path / "pair.jsonl", pairs)])
    assert evaluate_generations(found, [1], rng=0, n_bootstrap=20).cross_play[0, 0, 1] == pytest.approx(2.5 / 3)
    with pytest.raises(ValueError, match="a winner is 'x', but must be one of model_1"):
        read_generations([write(tmp_path / "bad.jsonl", [{**pair, "g1_winner": "x", "g2_winner": "tie"}])])
