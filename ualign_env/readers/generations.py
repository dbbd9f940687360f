"""What models said and how users judged it, of several files, as a scenario whose responses are the samples of models.

Axes of one prompt: U users, N samples of all models.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ualign_env import _checks
from ualign_env._text import counted
from ualign_env._types import Floats, Ints
from ualign_env.readers.collector import Collector
from ualign_env.readers.judgements import Judged, made
from ualign_env.readers.pairwise import POOLED, RULES, read_pairwise
from ualign_env.readers.table import Table, TableLike, as_table, as_text, is_missing
from ualign_env.readers.transcripts import NAMED, Chose, Row, Said, Scored, form_of
from ualign_env.scenario import Scenario

#: The columns of tables with names of their own, by what they stand for.
COLUMNS = {name: name for name in ("prompt", "model", "sample", "text", "user", "score", "group", "chosen", "rejected")}


@dataclass(frozen=True)
class Generations:
    """Samples of models and the users who judged them.

    Attributes:
        scenario: its responses to a prompt are the samples of all models, named `model/sample`.
        models: for each model, `[M]` which responses to each prompt are its own.
        scores: for each prompt, `[U, N]` the users' scores, NaN where there is none; empty where users only chose.
        lower_is_better: whether lower scores are better.
        members: for each prompt, the users of each group, as rows of the scores.
        texts: for each prompt, N texts, or None where they are not known.
        taken: what was taken for what, a line a file.
    """

    scenario: Scenario
    models: dict[str, tuple[Ints, ...]]
    scores: tuple[Floats, ...]
    lower_is_better: bool
    members: tuple[dict[str, Ints], ...]
    texts: tuple[tuple[str | None, ...], ...]
    taken: tuple[str, ...]


def read_generations(
    files: Iterable[TableLike],
    *,
    columns: Mapping[str, str] | None = None,
    rule: str = "",
    missing: str = "complete",
    repeated: str = "error",
    lower_is_better: bool = False,
    min_users: int = 1,
    prior: float = 0.0,
) -> Generations:
    """Returns samples of models and the users who judged them, from files of both, in any order.

    A table of generations has columns `prompt`, `model`, `sample` and perhaps `text`; one of judgements has `user` and
    `score` as well, and perhaps `group`; or `prompt`, `user`, `chosen` and `rejected`, whose ids are `model/sample`.
    Without samples, a model's are numbered in order, and judgements are of its only one. Files of Inspect,
    lm-evaluation-harness, AlpacaEval and MT-bench are known by their keys.

    Args:
        files: paths, frames or dictionaries of columns; a pair of one and a model's name where it has one model's
            answers alone and does not say whose.
        columns: what columns are called that are not called as above.
        rule: what makes an order of a user's choices, or pools them, see `read_pairwise`; pooled ones, the default, say
            what one sample is worth, and nothing of several.
        missing: what becomes of users who did not judge all of a prompt: `"complete"` leaves them out, `"bottom"` ties
            what they did not judge below the rest.
        repeated: what counts where a user scored a sample twice: `"error"`, `"last"` or `"mean"`.
        lower_is_better: whether a lower score is better.
        min_users: prompts with fewer users are left out.
        prior: for Bradley-Terry, see `read_pairwise`.

    Raises:
        ValueError: if a file has no known form, a cell is wrong, a sample is there twice or judged but not there, or
            nothing is left; with the place.
    """
    if not isinstance(columns, Mapping | None):
        raise ValueError(f"columns is {columns!r:.200}, but must map what columns hold to their names")
    given = dict(columns or {})
    for what, name in given.items():
        _checks.text(_checks.one_of("column", what, COLUMNS), name)
    _checks.flag("lower_is_better", lower_is_better)
    _checks.one_of("repeated", repeated, ("error", "last", "mean"))
    _checks.scale("prior", prior, high=1e6, zero=True)
    _checks.text("rule", rule)
    said = _Sayings(COLUMNS | given)
    for file in _checks.several("files", files):
        if isinstance(file, tuple):
            if len(file) != 2:
                raise ValueError(f"a file is {file!r:.200}, but must be one, or a pair of one and a model's name")
            said.take(as_table(file[0]), _checks.text("model", file[1]))
        else:
            said.take(as_table(file), "")
    said.check_names(given)
    if said.scores and said.choices:
        raise ValueError(
            f"there are scores ({said.scores[0][0].name}) and choices ({said.choices[0][0].name}) of users, which do "
            "not add up to one order: give one of both"
        )
    if not said.scores and not said.choices:
        raise ValueError("nobody judged: a file needs users' scores, or their choices")
    of_scores = {"repeated": repeated != "error", "lower_is_better": lower_is_better}
    unused = of_scores if said.choices else {"rule": rule, "prior": prior}
    idle = [name for name, given in unused.items() if given]
    if idle:
        kinds = "users chose between two" if said.choices else "users gave scores"
        raise ValueError(f"{' and '.join(idle)} cannot be heeded, since {kinds}: leave it out")
    if said.choices:
        return _chosen(said, rule, missing, min_users, prior)
    return _scored(said, missing, repeated, lower_is_better, min_users)


@dataclass(frozen=True)
class _Sample:
    """A sample of a model: its name among the prompt's responses, its text, and where it stands."""

    name: str
    text: str | None
    where: str


class _Sayings:
    """What all files say, each with its table for errors."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self.samples: dict[tuple[str, str], dict[str, _Sample]] = defaultdict(dict)  # by prompt and model
        self.scores: list[tuple[Table, Scored]] = []
        self.choices: list[tuple[Table, Chose]] = []
        self.taken: list[str] = []
        self._names_used: set[tuple[str, str]] = set()
        self._asked: dict[str, tuple[str, str]] = {}
        self._known = False  # whether a file said what the samples are
        self._columns: set[str] = set()  # those with a name that was looked for

    def check_names(self, given: Mapping[str, str]) -> None:
        """Raises an error for a column that was named and that no file has."""
        for what, name in given.items():
            if name not in self._columns:
                files = ", ".join(line.partition(": ")[0] for line in self.taken)
                raise ValueError(f"{what} is to be the column {name!r:.100}, which none of {files!s:.200} has")

    def take(self, table: Table, model: str) -> None:
        """Takes what a file says."""
        # what is called otherwise in one file may have its usual name in another
        names = {what: given if table.has(given) else what for what, given in self._names.items()}
        name, form = form_of(table, names)
        self._columns.update(given for given in names.values() if table.has(given))
        if model and not form.unnamed:
            raise ValueError(f"{table.name}: says itself whose samples these are: leave out the model {model!r:.100}")
        self.taken.append(f"{table.name}: {form.summary}" + ("" if name in NAMED else f" ({form.taken})"))
        for row in _whole(table, form.rows(table, {**names, "of": model})):
            if isinstance(row, Said):
                self._known = True
                self._said(table, row)
            elif isinstance(row, Scored):
                self.scores.append((table, row))
            else:
                self.choices.append((table, row))

    def _said(self, table: Table, row: Said) -> None:
        prompt, model = table.text(row.place, "prompt", row.prompt), table.text(row.place, "model", row.model)
        where = table.where(row.place)
        before, asked_at = self._asked.setdefault(prompt, (row.asked, where))
        if row.asked != before:
            raise ValueError(
                f"{where}: prompt {prompt!r:.100} is of {row.asked!r:.100}, but at {asked_at} of {before!r:.100}: "
                "files of different tasks are not compared"
            )
        own = self.samples[prompt, model]
        sample = str(len(own)) if is_missing(row.sample) else as_text(row.sample)
        if sample in own:
            raise ValueError(
                f"{where}: sample {sample} of {model!r:.100} for {prompt!r:.100} is there before, at "
                f"{own[sample].where}"
            )
        self._add(prompt, model, sample, None if is_missing(row.text) else as_text(row.text), where)

    def _add(self, prompt: str, model: str, sample: str, text: str | None, where: str) -> None:
        name = f"{model}/{sample}"
        while (prompt, name) in self._names_used:  # `a/b` may be a model, or its sample
            name += "'"
        self._names_used.add((prompt, name))
        self.samples[prompt, model][sample] = _Sample(name, text, where)

    def scored(self, table: Table, row: Scored) -> str:
        """Returns the name of a sample that somebody scored."""
        prompt, model = table.text(row.place, "prompt", row.prompt), table.text(row.place, "model", row.model)
        sample = None if is_missing(row.sample) else as_text(row.sample)
        return self._name(table, row.place, prompt, model, sample)

    def chosen(self, table: Table, row: Chose, cell: Any) -> str:
        """Returns the name of a sample that an id stands for: `model/sample`, or a model of which there is one."""
        prompt, given = table.text(row.place, "prompt", row.prompt), table.text(row.place, "chosen", cell)
        models = [(given, None)]
        models += [(given[:i], given[i + 1 :]) for i, letter in enumerate(given) if letter == "/"]
        if self._known:
            fitting = [(m, s) for m, s in models if (prompt, m) in self.samples]
            fitting = [(m, s) for m, s in fitting if s is None or s in self.samples[prompt, m]]
            if len(fitting) != 1:
                known = ", ".join(f"{m}/{s}" for (x, m), own in self.samples.items() if x == prompt for s in own)
                raise ValueError(
                    f"{table.where(row.place)}: {given!r:.100} is no sample of {prompt!r:.100}; known: "
                    f"{known or 'none'!s:.200}"
                )
            return self._name(table, row.place, prompt, *fitting[0])
        # a number behind the last stroke is a sample; names of models have strokes, too
        model, sample = models[-1]
        numbered = sample is not None and sample.isdecimal()
        return self._name(table, row.place, prompt, model if numbered else given, sample if numbered else None)

    def _name(self, table: Table, place: int, prompt: str, model: str, sample: str | None) -> str:
        own = self.samples[prompt, model] if (prompt, model) in self.samples or not self._known else {}
        if sample is None:
            if not self._known and not own:
                self._add(prompt, model, "0", None, table.where(place))
            if len(own) != 1:
                raise ValueError(
                    f"{table.where(place)}: judges {model!r:.100} on {prompt!r:.100}, of which there are {len(own)} "
                    "samples: a column must say which (--column sample:NAME)"
                )
            return next(iter(own.values())).name
        if sample not in own:
            if self._known:
                raise ValueError(
                    f"{table.where(place)}: judges sample {sample!r:.50} of {model!r:.100} on {prompt!r:.100}, but "
                    f"there are only {', '.join(own) or 'none'!s:.100}"
                )
            self._add(prompt, model, sample, None, table.where(place))
        return self.samples[prompt, model][sample].name


def _whole(table: Table, rows: Iterator[Row]) -> Iterator[Row]:
    """Yields rows; what a known format lacks is an error with the file's name."""
    try:
        yield from rows
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{table.name}: is not as files of its form are: {type(error).__name__} {error}") from error


class _Rows(Table):
    """Rows of several files under common names, each at its number."""

    def __init__(self, columns: tuple[str, ...], rows: list[tuple[Table, int, tuple[Any, ...]]]) -> None:
        self.name, self.columns, self._cells = rows[0][0].name, columns, rows

    def where(self, place: int) -> str:
        table, own, _ = self._cells[place]
        return table.where(own)

    def _rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Sequence[Any]]]:
        at = [self.columns.index(column) for column in columns]
        for place, (_, _, cells) in enumerate(self._cells):
            yield place, [cells[i] for i in at]


def _scored(said: _Sayings, missing: str, repeated: str, lower_is_better: bool, min_users: int) -> Generations:
    """Returns the scenario of users' scores."""
    _checks.one_of("missing", missing, ("complete", "bottom"))
    table = _Rows(Scored._fields, [(source, row.place, row) for source, row in said.scores])
    collector, blank = Collector(table, "prompt", "user", "sample", repeated), 0
    for i, (source, row) in enumerate(said.scores):
        score, name = source.number(row.place, "score", row.score), said.scored(source, row)
        if score != score:
            blank += 1
            continue
        group = "" if is_missing(row.group) else as_text(row.group)
        collector.add(i, row.prompt, row.user, name, -score if lower_is_better else score, group)
    judged = list(collector.judged())
    lost = [f"{counted(blank, 'judgement')} without a score: left out"] * bool(blank)
    lost += collector.repetitions("score", "sample")
    scenario = made(table.name, judged, bottom=missing == "bottom", min_users=min_users, notes=lambda: lost)
    kept = [one for one in judged if one.weights.sum() >= min_users]
    return _generations(said, scenario, [one.prompt for one in kept], kept, lower_is_better=lower_is_better)


def _chosen(said: _Sayings, rule: str, missing: str, min_users: int, prior: float) -> Generations:
    """Returns the scenario of users' choices."""
    rows, unknown = [], 0
    for source, row in said.choices:
        one, other = (said.chosen(source, row, cell) for cell in (row.one, row.other))
        if row.share is None:
            unknown += 1
            continue
        pair = (other, one) if row.share < 0.5 else (one, other)
        rows.append((source, row.place, (row.prompt, row.user, *pair, row.share == 0.5, row.group)))
    if not rows:
        raise ValueError(f"{said.choices[0][0].name}: none of {counted(unknown, 'choice')} can be read")
    table = _Rows(("prompt", "user", "chosen", "rejected", "tie", "group"), rows)
    options = {"missing": missing, "min_users": min_users, "prior": prior}
    options |= {"group": "group"} if any(not is_missing(row[2][-1]) for row in rows) else {}
    scenario = read_pairwise(table, rule=rule or POOLED, tie="tie", **options)
    lost = [f"{counted(unknown, 'choice')} that could not be read: left out"] * bool(unknown)
    if not rule and len({row[2][1] for row in rows}) > 1:
        others = ", ".join(one for one in RULES if one != POOLED)
        lost.append(f"users are known by name: a rule makes orders of their choices, which say all k ({others})")
    return _generations(said, scenario, list(scenario.prompts), lost=lost)


def _generations(
    said: _Sayings,
    scenario: Scenario,
    prompts: list[str],
    judged: list[Judged] | None = None,
    *,
    lower_is_better: bool = False,
    lost: Sequence[str] = (),
) -> Generations:
    """Returns the prompts on which every model has a sample that was judged."""
    samples = {
        (prompt, one.name): (model, one.text) for (prompt, model), own in said.samples.items() for one in own.values()
    }
    whose = [
        [samples[prompt, name][0] for name in users.responses]
        for prompt, users in zip(prompts, scenario.populations, strict=True)
    ]
    models = list(dict.fromkeys(model for own in whose for model in own))
    complete = [x for x, own in enumerate(whose) if len(set(own)) == len(models)]
    notes, silent = [*lost, *scenario.notes], len(samples) - sum(map(len, whose))
    if silent:
        notes.append(f"{counted(silent, 'sample')} that nobody judged, or on prompts that are left out: left out")
    if len(complete) < len(whose):
        lacking = Counter(model for own in whose for model in models if model not in own)
        named = ", ".join(f"{model} ({n})" for model, n in lacking.most_common(5))
        notes.append(f"{counted(len(whose) - len(complete), 'prompt')} without a judged sample of {named}: left out")
    if not complete:
        raise ValueError(f"no prompt has a judged sample of every model; {'; '.join(notes)}")
    populations = [scenario.populations[x] for x in complete]
    return Generations(
        scenario=Scenario(
            populations,
            [scenario.prompts[x] for x in complete],
            groups=[scenario.groups[x] for x in complete],
            name=(said.scores or said.choices)[0][0].name,
            notes=notes,
        ),
        models={model: tuple(np.flatnonzero([one == model for one in whose[x]]) for x in complete) for model in models},
        scores=tuple(_original(judged[x], lower_is_better) for x in complete) if judged else (),
        lower_is_better=lower_is_better,
        members=tuple(_members(judged[x]) for x in complete) if judged else (),
        texts=tuple(
            tuple(samples[prompts[x], name][1] for name in users.responses)
            for x, users in zip(complete, populations, strict=True)
        ),
        taken=tuple(said.taken),
    )


def _original(judged: Judged, lower_is_better: bool) -> Floats:
    """Returns `[U, N]` scores as they were given, NaN where there is none."""
    scores = np.where(np.isfinite(judged.scores), judged.scores, np.nan)
    return -scores if lower_is_better else scores


def _members(judged: Judged) -> dict[str, Ints]:
    """Returns which users are of each group."""
    groups = np.array(judged.groups)
    return {group: np.flatnonzero(groups == group) for group in dict.fromkeys(judged.groups) if group}
