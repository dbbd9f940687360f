"""The command that compares models by what users said of their samples, and what it prints."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ualign_env import _checks
from ualign_env._text import counted, counted_between, short
from ualign_env.cli import tables
from ualign_env.cli.app import Json, Picture, Sizes, check_picture, command, draw, sizes_in
from ualign_env.cli.output import emit, emit_json
from ualign_env.readers.generations import COLUMNS, Generations, read_generations
from ualign_env.readers.pairwise import RULES
from ualign_env.scoring.evaluation import SIZES, Evaluation, ModelEvaluation, Quoted, evaluate_generations
from ualign_env.scoring.scorecard import optimal_rate

_SIZES = ",".join(map(str, SIZES))


@command("evaluate")
def evaluate(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="What models said and what users thought of it, in any order: tables, or files of Inspect, "
            "lm-evaluation-harness (FILE=MODEL), AlpacaEval or MT-bench.",
        ),
    ],
    k: Sizes = _SIZES,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT:NAME", help=f"What a column is called, such as user:annotator. {', '.join(COLUMNS)}."
        ),
    ] = None,
    threshold: Annotated[
        str, typer.Option(metavar="NUMBER", help="The score from which on a user is satisfied; none by default.")
    ] = "",
    rule: Annotated[
        str,
        typer.Option(
            help=f"What makes an order of a user's choices between two: {', '.join(RULES)} (the default, for k = 1)."
        ),
    ] = "",
    prior: Annotated[
        str, typer.Option(metavar="NUMBER", help="Wins and losses of every sample that Bradley-Terry supposes.")
    ] = "0",
    missing: Annotated[
        str, typer.Option(help="Users who judged part: complete leaves them out, bottom ties the rest below.")
    ] = "complete",
    repeated: Annotated[str, typer.Option(help="A second score of a user for a sample: error, last, mean.")] = "error",
    lower_is_better: Annotated[
        bool, typer.Option("--lower-is-better", help="Whether lower scores are better.")
    ] = False,
    min_users: Annotated[str, typer.Option(help="Prompts with fewer users are left out.")] = "1",
    seed: Annotated[str, typer.Option(help="Of the bootstrap.")] = "0",
    out: Picture = None,
    as_json: Json = False,
) -> None:
    """Compare models by what users said of their samples: how far k of them carry, against each other and k/(k+1)."""
    if out is not None:
        check_picture(out)
    generations = read_generations(
        map(_source, files),
        columns=dict(_named(one) for one in column or []),
        rule=rule,
        missing=missing,
        repeated=repeated,
        lower_is_better=lower_is_better,
        min_users=_checks.integer("min-users", min_users),
        prior=_checks.number("prior", prior),
    )
    result = evaluate_generations(
        generations,
        sizes_in(k),
        threshold=_checks.number("threshold", threshold) if threshold else None,
        rng=_checks.integer("seed", seed),
    )
    if as_json:
        emit_json({"taken": generations.taken, "notes": generations.scenario.notes} | result.to_dict())
    else:
        _print(generations, result, sizes_in(k))
    if out is not None:
        draw("evaluation", result, out, as_json)


def _source(given: str) -> Any:
    """Returns a file, or a pair of one and the model whose it is."""
    path, equals, model = given.rpartition("=")
    return (path, model) if equals and not Path(given).exists() else given


def _named(given: str) -> tuple[str, str]:
    what, colon, name = given.partition(":")
    if not colon or not name:
        raise ValueError(
            f"column is {given!r:.100}, but must be what a column holds and its name, such as user:annotator"
        )
    return what, name


def _print(generations: Generations, result: Evaluation, asked: list[int]) -> None:
    for line in generations.taken:
        emit(line)
    scenario = generations.scenario
    users = [population.n_users for population in scenario.populations]
    who = "user" if all(population.knows(3) for population in scenario.populations) else "comparison"
    counts = counted_between(min(users), max(users), who)
    prompts, models = counted(scenario.n_prompts, "prompt"), counted(len(result.models), "model")
    emit(f"{prompts}, {counts} of each, {models}")
    tables.print_notes(scenario)
    header = {"(equilibrium)": None}
    for i, k in enumerate(result.sizes):
        able = [one for one in result.models if k in one.sizes]
        emit(f"\nk = {k}: best possible {optimal_rate(k):.4f}")
        rows = [_row(one, one.sizes.index(k), k) for one in able]
        rows.append(
            {"model": "(equilibrium)", **_of_best(result.equilibrium_rates[i], k), **_quoted(result.equilibrium[i])}
        )
        known = [name for name in rows[0] if any(row.get(name, _NONE) != _NONE for row in rows)]
        header |= dict.fromkeys(known)
        tables.print_table(known, [[row.get(name, "") for name in known] for row in rows], numbers=True)
        if len(able) > 1:
            emit(f"\npicked with {counted(k, 'response')} against {k} of")
            names = [one.model for one in result.models]
            cross = [[_cell(rate) for rate in row] for row in result.cross_play[i]]
            tables.print_table(
                ["", *names], [[name, *row] for name, row in zip(names, cross, strict=True)], numbers=True
            )
    emit("")
    _print_left_out(generations, result, asked)
    if generations.scores and "satisfied" not in header:
        emit("--threshold NUMBER adds the share of users with a score as high, and where there are groups, of those")
    for name in header:
        if name in MEANINGS:
            emit(f"{name}: {MEANINGS[name]}")


def _print_left_out(generations: Generations, result: Evaluation, asked: list[int]) -> None:
    """Says which sizes, and which models of some, cannot be known."""
    known = [k for k in asked if all(users.knows(k + 1) for users in generations.scenario.populations)]
    if unknown := [str(k) for k in asked if k not in known]:
        why = "users only compared two, of which only a --rule makes orders"
        emit(f"k = {', '.join(unknown)}: nothing is known, since {why}")
    for k in known:
        few = [f"{one.model} ({_fewest(generations, one.model)})" for one in result.models if k not in one.sizes]
        if few:
            emit(f"k = {k}: too few samples of {', '.join(few)}")


def _fewest(generations: Generations, model: str) -> str:
    """Returns how many samples a model has, and of which prompt there are so few."""
    counts = [len(row) for row in generations.models[model]]
    fewest = int(np.argmin(counts))
    where = "" if counts[fewest] == max(counts) else f" of {short(generations.scenario.prompts[fewest], 60)!r}"
    return f"{counts[fewest]}{where}"


_NONE = "-"
_QUOTED = ("coverage", "satisfied", "effective_picks", "worst_group_rate", "worst_group")

#: What the columns of the table of models mean.
MEANINGS = {
    "vs others": "how often one of k is picked against the worst sample of the other models",
    "95%": "interval of it; where k exceeds half of the samples, nothing bounds it from above",
    "by halves": "the same with the opponent chosen on half of the samples and tried on the others; needs 2k samples",
    "vs all": "the same against the worst of all samples, its own meeting k of its others; needs k + 1 samples",
    "of best": "vs all as a share of k/(k+1), which nothing exceeds",
    "coverage": "share of the groups of users whose mean score of one of k reaches the threshold",
    "satisfied": "share of the users whose score of one of k reaches the threshold",
    "effective picks": "how many different samples users pick, rare ones counting less; those with equal texts, or "
    "without texts with equal scores, are one",
    "worst group rate": "how often the group that is served worst picks one of k, against the worst of all samples",
    "(equilibrium)": "the best policy over all samples",
}


def _row(one: ModelEvaluation, i: int, k: int) -> dict[str, str]:
    """Returns the cells of a model for a size, by their columns; those that are not known are a dash."""
    against = {"vs others": _NONE, "95%": _NONE, "by halves": _NONE}
    if one.curve is not None:
        low, high = one.curve.intervals[i]
        against = {
            "vs others": _cell(one.curve.robust_win_rates[i]),
            "95%": f"{low:.4f} to {high:.4f}",
            "by halves": _cell(one.curve.split_half_rates[i]),
        }
    return {"model": one.model, **against, **_of_best(one.win_rates[i], k), **_quoted(one.quoted[i])}


def _of_best(rate: float, k: int) -> dict[str, str]:
    """Returns a rate, and what share of k/(k+1) it is."""
    return {"vs all": _cell(rate), "of best": f"{rate / optimal_rate(k):.0%}" if np.isfinite(rate) else _NONE}


def _quoted(quoted: Quoted) -> dict[str, str]:
    values = {name.replace("_", " "): getattr(quoted, name) for name in _QUOTED}
    return {name: value if isinstance(value, str) else _cell(value) for name, value in values.items()}


def _cell(value: float | None) -> str:
    return _NONE if value is None or not np.isfinite(value) else f"{value:.4f}"
