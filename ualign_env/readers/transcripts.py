"""Files of what models said and of who judged it: their forms, each a row of one table.

A file's keys tell which form it has. Every form becomes the same three things: what a model said, what score a user
gave it, and which of two sayings a user chose.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ualign_env.readers.table import Table, as_text, is_missing


class Said(NamedTuple):
    """A model said something to a prompt: its sample, numbered in order where it is None."""

    place: int
    prompt: Any
    model: Any
    sample: Any = None
    text: Any = None
    asked: str = ""  # what tells prompts of one name apart: a task, a digest


class Scored(NamedTuple):
    """A user gave a score to a sample of a model; to its only one where the sample is None. None: she gave none."""

    place: int
    prompt: Any
    model: Any
    sample: Any
    user: Any
    score: Any
    group: Any = None


class Chose(NamedTuple):
    """A user chose between two samples of models: each an id, or a model of which there is one sample."""

    place: int
    prompt: Any
    user: Any
    one: Any
    other: Any
    share: float | None  # of a win of the one: 1, 1/2 or 0; None where it is not known
    group: Any = None


Row = Said | Scored | Chose


@dataclass(frozen=True)
class Form:
    """A form of files.

    Attributes:
        summary: what it is, in a line.
        taken: what stands for what, in words.
        marks: columns that tell it from all other forms.
        rows: yields what a table of this form says; it gets the names of columns, by what they stand for.
        unnamed: whether its files may not say whose samples they are, so that the model's name is given with them.
    """

    summary: str
    taken: str
    marks: tuple[str, ...]
    rows: Callable[[Table, Mapping[str, str]], Iterator[Row]]
    unnamed: bool = False


def _generations(table: Table, names: Mapping[str, str]) -> Iterator[Row]:
    more = [names[what] for what in ("sample", "text") if table.has(names[what])]
    for place, (prompt, model, *rest) in table.rows(names["prompt"], names["model"], *more):
        found = dict(zip(more, rest, strict=True))
        yield Said(place, prompt, model, found.get(names["sample"]), found.get(names["text"]))


def _scores(table: Table, names: Mapping[str, str]) -> Iterator[Row]:
    more = [names[what] for what in ("sample", "group") if names[what] and table.has(names[what])]
    columns = (names[what] for what in ("prompt", "model", "user", "score"))
    for place, (prompt, model, user, score, *rest) in table.rows(*columns, *more):
        found = dict(zip(more, rest, strict=True))
        group = found.get(names["group"])
        yield Scored(place, prompt, model, found.get(names["sample"]), user, score, group)


def _choices(table: Table, names: Mapping[str, str]) -> Iterator[Row]:
    columns = (names[what] for what in ("prompt", "user", "chosen", "rejected"))
    more = [names["group"]] if table.has(names["group"]) else []
    for place, (prompt, user, chosen, rejected, *group) in table.rows(*columns, *more):
        yield Chose(place, prompt, user, chosen, rejected, 1.0, *group)


_SCORE = "score_"  # before the name of a scorer, in frames of Inspect
_DETAILS = ("_answer", "_explanation", "_metadata")  # what a scorer says besides, in columns of its own
_LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}  # of Inspect's scorers: correct, partial, incorrect, no answer


def _inspect(table: Table, _: Mapping[str, str]) -> Iterator[Row]:
    for place, (header, samples) in table.rows("eval", "samples"):
        model, task = header["model"], as_text(header.get("task"))
        for one in samples:
            said = (one.get("output") or {}).get("completion")
            yield Said(place, one["id"], model, one["epoch"], said, task)
            for judge, score in (one.get("scores") or {}).items():
                yield Scored(place, one["id"], model, one["epoch"], judge, _points(score["value"]))


def _inspect_frame(table: Table, names: Mapping[str, str]) -> Iterator[Row]:
    if bool(names["of"]) == table.has("model"):
        says = "says whose samples these are: leave out the name of a model"
        lacks = (
            "does not say whose samples these are: make it by samples_df(logs, columns=EvalModel + SampleSummary), or "
            "name the model with FILE=MODEL"
        )
        raise ValueError(f"{table.name}: {says if names['of'] else lacks}")
    scores = [column for column in table.columns if column.startswith(_SCORE)]
    judges = [column for column in scores if column.rpartition("_")[0] not in scores or not column.endswith(_DETAILS)]
    more = [column for column in ("model", "task_name") if table.has(column)]
    for place, (prompt, epoch, *rest) in table.rows("id", "epoch", *more, *judges):
        found = dict(zip([*more, *judges], rest, strict=True))
        model = names["of"] or found["model"]
        yield Said(place, prompt, model, epoch, None, as_text(found.get("task_name")))
        for judge in judges:
            yield Scored(place, prompt, model, epoch, judge.removeprefix(_SCORE), _points(found[judge]))


def _points(value: Any) -> Any:
    """Returns a score of Inspect, where a letter stands for it."""
    return _LETTERS.get(value, value) if isinstance(value, str) else value


def _lm_eval(table: Table, names: Mapping[str, str]) -> Iterator[Row]:
    if not names["of"]:
        raise ValueError(f"{table.name}: has answers of one model, whose name it does not say: FILE=MODEL says it")
    hashes = [name for name in ("doc_hash", "prompt_hash") if table.has(name)]
    before: dict[str, Any] = {}
    for place, (doc, answers, *marks) in table.rows("doc_id", "resps", *hashes):
        texts = answers[0] if len(answers) == 1 and isinstance(answers[0], list) else answers
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(
                f"{table.where(place)}: resps are {answers!r:.100}, but must be texts: of choices among given answers "
                "nothing was said"
            )
        if before.get(as_text(doc)) == texts:  # a row for each filter of the same answers
            continue
        before[as_text(doc)] = texts
        for i, text in enumerate(texts):
            yield Said(place, doc, names["of"], i, text, " ".join(map(as_text, marks)))


def _alpaca_outputs(table: Table, _: Mapping[str, str]) -> Iterator[Row]:
    for place, (instruction, output, generator) in table.rows("instruction", "output", "generator"):
        yield Said(place, instruction, generator, None, output)


def _alpaca_annotations(table: Table, _: Mapping[str, str]) -> Iterator[Row]:
    columns = "instruction", "generator_1", "generator_2", "annotator", "preference"
    for place, (instruction, one, other, annotator, preference) in table.rows(*columns):
        share = None if is_missing(preference) else 2.0 - table.number(place, "preference", preference)
        if share is not None and not 0 <= share <= 1:
            raise ValueError(
                f"{table.where(place)}: preference is {preference!r:.100}, but must be from 1 to 2, or null"
            )
        yield Chose(place, instruction, annotator, one, other, None if share is None else _side(share))


def _side(share: float) -> float:
    return 0.5 if share == 0.5 else float(share > 0.5)


def _mt_bench_scores(table: Table, _: Mapping[str, str]) -> Iterator[Row]:
    for place, (question, model, judge, score, turn) in table.rows("question_id", "model", "judge", "score", "turn"):
        failed = table.number(place, "score", score) == -1  # the judge's answer held no score
        yield Scored(
            place, f"{as_text(question)} turn {as_text(turn)}", model, None, _judge(judge), None if failed else score
        )


def _mt_bench_pairs(table: Table, _: Mapping[str, str]) -> Iterator[Row]:
    columns = "question_id", "model_1", "model_2", "judge", "turn", "g1_winner", "g2_winner"
    known = {"model_1": 1.0, "model_2": 0.0, "tie": 0.5, "error": None}
    for place, (question, one, other, judge, turn, *winners) in table.rows(*columns):
        for winner in winners:  # the same pair in both orders
            if winner not in known:
                raise ValueError(
                    f"{table.where(place)}: a winner is {winner!r:.100}, but must be one of {', '.join(known)}"
                )
            prompt = f"{as_text(question)} turn {as_text(turn)}"
            yield Chose(place, prompt, _judge(judge), one, other, known[winner])


def _judge(judge: Any) -> str:
    """Returns the name of a judge, which is a model with a template."""
    return " ".join(map(as_text, judge)) if isinstance(judge, list) else as_text(judge)


FORMS = {
    "inspect": Form(
        "a log of Inspect, as `inspect log dump` prints it",
        "prompt: the sample's id; model: the log's; sample: epoch; user: the scorer",
        ("eval", "samples"),
        _inspect,
    ),
    "inspect-frame": Form(
        "samples of Inspect, as `samples_df` returns them",
        "prompt: the sample's id; model: model; sample: epoch; user: the scorer, of columns that begin with score_",
        ("sample_id", "eval_id", "id", "epoch"),
        _inspect_frame,
        unnamed=True,
    ),
    "lm-eval": Form(
        "samples of lm-evaluation-harness",
        "prompt: doc_id; sample: the place in resps",
        ("doc_id", "resps"),
        _lm_eval,
        unnamed=True,
    ),
    "alpaca-annotations": Form(
        "annotations of AlpacaEval",
        "prompt: instruction; model: generator_1 and _2, one sample each; user: annotator; a preference is a win",
        ("instruction", "generator_1", "generator_2", "annotator", "preference"),
        _alpaca_annotations,
    ),
    "alpaca-outputs": Form(
        "outputs of AlpacaEval",
        "prompt: instruction; model: generator; sample: in order",
        ("instruction", "output", "generator"),
        _alpaca_outputs,
    ),
    "mt-bench-scores": Form(
        "single judgements of MT-bench",
        "prompt: question_id and turn; model: model, one sample; user: judge",
        ("question_id", "model", "judge", "score", "turn"),
        _mt_bench_scores,
    ),
    "mt-bench-pairs": Form(
        "pairwise judgements of MT-bench",
        "prompt: question_id and turn; model: model_1 and _2, one sample each; user: judge",
        ("question_id", "model_1", "model_2", "judge", "g1_winner", "g2_winner"),
        _mt_bench_pairs,
    ),
}

#: Forms with columns of any names, which flags say.
NAMED = {
    "scores": Form("scores", "as the columns say", ("prompt", "model", "user", "score"), _scores),
    "choices": Form(
        "choices", "as the columns say; ids are model/sample", ("prompt", "user", "chosen", "rejected"), _choices
    ),
    "generations": Form("generations", "as the columns say", ("prompt", "model"), _generations),
}


def form_of(table: Table, names: Mapping[str, str]) -> tuple[str, Form]:
    """Returns the name and form of a table.

    Raises:
        ValueError: if its columns are of no form, or of several.
    """
    known = [name for name, form in FORMS.items() if set(form.marks) <= set(table.columns)]
    known += [name for name, form in NAMED.items() if all(table.has(names[what]) for what in form.marks)]
    if len(known) > 1 and known[-1] == "generations":
        known.pop()  # whatever else has a prompt and a model
    if known == ["generations"]:
        _check_generations(table, names)
    if len(known) == 1:
        return known[0], (FORMS | NAMED)[known[0]]
    what = f"is of several forms, {' and '.join(known)}" if known else f"has columns {', '.join(table.columns):.200}"
    forms = "; ".join(f"{name}: {', '.join(form.marks)}" for name, form in (NAMED | FORMS).items())
    raise ValueError(f"{table.name}: {what}, but must have those of one form ({forms}); flags rename columns")


def _check_generations(table: Table, names: Mapping[str, str]) -> None:
    """Raises an error for judgements that would pass for samples, since a column that they need has another name."""
    for form in ("scores", "choices"):
        marks = [what for what in NAMED[form].marks if what not in ("prompt", "model")]
        there, lacking = ([what for what in marks if table.has(names[what]) is known] for known in (True, False))
        if there and there != ["user"]:
            has, lacks = (" and ".join(f"{names[what]}" for what in some) for some in (there, lacking))
            raise ValueError(
                f"{table.name}: has {has}, but no {lacks}, among its columns {', '.join(table.columns)!s:.200}: say "
                f"what is called what, as in --column {lacking[0]}:NAME"
            )
