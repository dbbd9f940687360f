"""The command line: `ualign list`, `ualign score`, `ualign bench`."""

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ualign_env import __version__, _checks, specs
from ualign_env.baselines import BASELINES, baseline
from ualign_env.benchmark import agents
from ualign_env.benchmark.results import ResultsFile
from ualign_env.benchmark.runner import Result, run
from ualign_env.benchmark.tasks import Task
from ualign_env.scenario import Scenario
from ualign_env.scoring import Scorecard, score

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Alignment games: k responses for users who disagree, at best k/(k+1) against every opponent.",
)

_ScenarioSpec = Annotated[
    str, typer.Argument(help="A scenario's spec, such as mallows/phi:0.5/prompts:3, or a .soc file.")
]


def main() -> None:
    """Runs the command line; bad input is one line on stderr and exit status 2."""
    try:
        app()
    except ValueError as error:
        print("ualign: error:", " ".join(str(error).split()), file=sys.stderr)  # noqa: T201
        sys.exit(2)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ualign-env {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


@app.command("list")
def list_all() -> None:
    """List scenarios, agents and baseline policies."""
    console = Console()
    scenarios = _table("scenario", "what it is")
    for name in specs.list_scenarios():
        scenarios.add_row(*specs.describe_scenario(name))
    scenarios.add_row("FILE.soc", "Rankings in PrefLib's format.")
    competitors = _table("agent", "what it is")
    for name in agents.list_agents():
        competitors.add_row(name, _summary(agents.load_agent(name)))
    policies = _table("policy", "what it is")
    for name, function in BASELINES.items():
        policies.add_row(name, _summary(function))
    for table in (scenarios, competitors, policies):
        console.print(table, "")


@app.command("score")
def score_policy(
    scenario: _ScenarioSpec = specs.DEFAULT,
    k: Annotated[str, typer.Option(help="Number of responses shown.")] = "3",
    policy: Annotated[str, typer.Option(help=f"A .npy file, or one of {', '.join(BASELINES)}.")] = "uniform",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score a policy against the worst opponent."""
    loaded = specs.load_scenario(scenario)
    card = score(loaded, _load_policy(loaded, policy), _integer("k", k))
    if as_json:
        typer.echo(json.dumps(card.to_dict(), indent=1))
    else:
        _print_scorecard(loaded, card)


@app.command()
def bench(
    scenario: Annotated[
        list[str] | None, typer.Option(help=f"Scenario specs; repeat for several.  [default: {specs.DEFAULT}]")
    ] = None,
    k: Annotated[
        list[str] | None, typer.Option(help="Numbers of responses shown; repeat, or join by commas.  [default: 1,2,3]")
    ] = None,
    agent: Annotated[list[str] | None, typer.Option(help="Agents; repeat for several.  [default: all]")] = None,
    seconds: Annotated[float, typer.Option(help="Time that each agent has for each game.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Seed of the agents' randomness.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the results; each run adds a file.")] = Path("ualign-results"),
) -> None:
    """Let agents learn alignment games, and score what they learned."""
    scenarios = [specs.load_scenario(spec) for spec in scenario or [specs.DEFAULT]]
    sizes = [_checks.number_of_outputs(_integer("k", part)) for text in k or ["1,2,3"] for part in text.split(",")]
    competitors = {name: agents.load_agent(name) for name in agent or agents.list_agents()}
    if not 0 < seconds < math.inf:
        raise ValueError(f"seconds is {seconds}, but must be positive and finite")
    seed = _checks.count("seed", seed, 0, 2**31 - 1)
    file = ResultsFile(out, {"version": __version__, "seconds": seconds, "seed": seed})
    tasks = [Task(one, size, seed) for one in scenarios for size in sizes]

    results: list[Result] = []
    status = 0
    try:
        with _progress() as progress:
            bar = progress.add_task("", total=len(tasks) * len(competitors))
            for task in tasks:
                for name, competitor in competitors.items():
                    progress.update(bar, description=f"{name}, k = {task.k}")
                    results.append(run(name, competitor, task, seconds))
                    file.write(results)
                    progress.advance(bar)
    except KeyboardInterrupt:
        typer.echo(f"interrupted after {len(results)} of {len(tasks) * len(competitors)} runs", err=True)
        status = 130
    _print_results(results)
    if results:
        typer.echo(f"results: {file.path}")
    if any(result.status == "failed" for result in results):
        status = status or 1
    raise typer.Exit(status)


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}, but must be an integer") from None


def _load_policy(scenario: Scenario, text: str) -> Any:
    """Returns a baseline's policy, or the array in a file."""
    if text in BASELINES:
        return baseline(scenario, text)
    if not text.endswith(".npy"):
        raise _checks.unknown("policy", text, [*BASELINES, "FILE.npy"])
    try:
        return np.load(text, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"cannot read a policy from {text!r}: {error}") from None


def _summary(function: Any) -> str:
    return (function.__doc__ or "").strip().split("\n")[0]


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _print_scorecard(scenario: Scenario, card: Scorecard) -> None:
    rows = [
        ("robust win rate", f"{card.robust_win_rate:.6f}"),
        ("optimal rate", f"{card.optimal_rate:.6f}"),
        ("gap", f"{card.gap:.2e}"),
        ("NashConv", _number(card.nash_conv)),
        ("leave-one-out win rate", _number(card.leave_one_out_win_rate, ".6f")),
        ("effective responses", f"{card.effective_responses:.2f}"),
    ]
    table = _table("metric", "value", title=f"{card.scenario:.80}, k = {card.k}")
    for row in rows:
        table.add_row(*row)
    attacks = _table("prompt", "users", "win rate", "worst opponent")
    for x, population in enumerate(scenario.populations):
        worst = population.responses[card.best_responses[x]]
        attacks.add_row(scenario.prompts[x], str(population.n_users), f"{card.prompt_win_rates[x]:.6f}", worst)
    curve = _table("k'", *(str(size) for size, _ in card.curve))
    curve.add_row("win rate", *(f"{rate:.3f}" for _, rate in card.curve))
    console = Console()
    for part in (table, "", attacks, "", curve):
        console.print(part)


def _print_results(results: Iterable[Result]) -> None:
    """Prints one table for each scenario, then why agents are missing from them."""
    console = Console()
    by_scenario: dict[str, list[Result]] = {}
    for result in results:
        by_scenario.setdefault(result.scenario, []).append(result)
    for scenario, rows in by_scenario.items():
        table = _table(
            "agent", "k", "robust win rate", "optimum", "gap", "NashConv", "seconds", title=f"{scenario:.80}"
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for previous, result in zip([None, *rows], rows, strict=False):
            if previous and previous.k != result.k:
                table.add_row()
            card = result.scorecard
            if card is None:
                table.add_row(result.agent, str(result.k), "-", f"{result.k / (result.k + 1):.6f}", "-", "-", "-")
                continue
            table.add_row(
                result.agent,
                str(result.k),
                f"{card.robust_win_rate:.6f}",
                f"{card.optimal_rate:.6f}",
                f"{card.gap:.1e}",
                _number(card.nash_conv),
                f"{result.seconds:.2f}",
            )
        console.print(table)
        for result in rows:
            if result.error is not None:
                console.print(f"{result.agent}, k = {result.k}, {result.status}: {result.error}", soft_wrap=True)


def _number(value: float | None, form: str = ".1e") -> str:
    return "-" if value is None else f"{value:{form}}"
