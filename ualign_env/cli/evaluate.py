"""The command that compares models by what users said of their samples, and what it prints."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ualign_env import _checks
from ualign_env._text import short
from ualign_env.cli import tables
from ualign_env.cli.app import Json, Picture, Sizes, check_picture, command, draw, sizes_in
from ualign_env.cli.output import emit, emit_json
from ualign_env.readers.generations import COLUMNS, Generations, read_generations
from ualign_env.readers.pairwise import RULES
from ualign_env.scoring.evaluation import SIZES, Evaluation, Quoted, evaluate_generations
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
    rule: Annotated[str, typer.Option(help=f"What makes an order of a user's choices: {', '.join(RULES)}.")] = "",
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
    users = sorted({population.n_users for population in scenario.populations})
    counts = f"{users[0]}" if len(users) == 1 else f"{users[0]} to {users[-1]}"
    emit(f"{scenario.n_prompts} prompts, {counts} users of each, {len(result.models)} models")
    tables.print_notes(scenario)
    for i, k in enumerate(result.sizes):
        able = [one for one in result.models if k in one.sizes]
        emit(f"\nk = {k}: best possible {optimal_rate(k):.4f}")
        header, *rows = _rows(able, k, result.equilibrium_rates[i], result.equilibrium[i])
        tables.print_table(header, rows, numbers=True)
        if len(able) > 1:
            emit(f"\npicked with {k} response{'s' * (k > 1)} against {k} of")
            names = [one.model for one in result.models]
            cross = [[f"{rate:.4f}" if np.isfinite(rate) else "-" for rate in row] for row in result.cross_play[i]]
            rows = [[name, *row] for name, row in zip(names, cross, strict=True)]
            tables.print_table(["", *names], rows, numbers=True)
    for k in asked:
        if not all(population.knows(k + 1) for population in scenario.populations):
            emit(f"k = {k}: nothing is known, since users only compared two")
            continue
        few = [f"{one.model} ({_fewest(generations, one.model)})" for one in result.models if k not in one.sizes]
        if few:
            emit(f"k = {k}: too few samples of {', '.join(few)}")


def _fewest(generations: Generations, model: str) -> str:
    """Returns how many samples a model has, and of which prompt there are so few."""
    counts = [len(row) for row in generations.models[model]]
    fewest = int(np.argmin(counts))
    where = "" if counts[fewest] == max(counts) else f" of {short(generations.scenario.prompts[fewest], 60)!r}"
    return f"{counts[fewest]}{where}"


def _rows(models: list[Any], k: int, best: float, equilibrium: Quoted) -> Iterable[list[str]]:
    """Yields a header, a row for each model, and one for the best policy over all samples."""
    yield ["model", "vs others", "95%", "by halves", "vs all", "of best", *(name.replace("_", " ") for name in _QUOTED)]
    for one in models:
        i = one.sizes.index(k)
        cells = ["-", "", "-"]
        if one.curve is not None:
            low, high = one.curve.intervals[i]
            cells = [
                _cell(one.curve.robust_win_rates[i]),
                f"{low:.4f} to {high:.4f}",
                _cell(one.curve.split_half_rates[i]),
            ]
        yield [one.model, *cells, *_of_best(one.win_rates[i], k), *_quoted(one.quoted[i])]
    yield ["(equilibrium)", "", "", "", *_of_best(best, k), *_quoted(equilibrium)]


def _of_best(rate: float, k: int) -> list[str]:
    """Returns a rate, and what share of k/(k+1) it is."""
    return [_cell(rate), f"{rate / optimal_rate(k):.0%}" if np.isfinite(rate) else "-"]


_QUOTED = ("coverage", "satisfied", "effective_picks", "worst_group_rate", "worst_group")


def _quoted(quoted: Quoted) -> list[str]:
    return [value if isinstance(value, str) else _cell(value) for value in (getattr(quoted, name) for name in _QUOTED)]


def _cell(value: float | None) -> str:
    return "-" if value is None or not np.isfinite(value) else f"{value:.4f}"
