"""The command line: `ualign list`, `score`, `solve`, `versus`, `curve`, `family` and `bench`."""

import math
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Annotated, Any, NoReturn

import numpy as np
import typer

from ualign_env import __version__, _checks, display, specs
from ualign_env.baselines import BASELINES, baseline
from ualign_env.benchmark import agents
from ualign_env.benchmark.results import ResultsFile
from ualign_env.benchmark.runner import Result, run
from ualign_env.benchmark.tasks import Task
from ualign_env.scenario import Scenario
from ualign_env.scoring import score
from ualign_env.versus.models import number_of_responses

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Alignment games: k responses for users who disagree, at best k/(k+1) against every opponent.",
)

_MOST_GAMES = 100  # of a heat map
_POWERS = "1,2,4,8,16,32,64"
_Scenario = Annotated[str, typer.Argument(help="A scenario's spec, such as mallows/phi:0.5/prompts:3, or a .soc file.")]
_Sizes = Annotated[str, typer.Option("--k", help="Numbers of responses shown, joined by commas.")]
_Picture = Annotated[Path | None, typer.Option(help="The picture: a .png, .svg or .pdf file.")]
_Temperature = Annotated[float, typer.Option(help="Weight of the KL divergence from the uniform policy.")]


def main() -> None:
    """Runs the command line; bad input is one line on stderr and exit status 2, and so is each warning."""
    warnings.showwarning = lambda message, *_: typer.echo(f"ualign: warning: {message}", err=True)
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except (ValueError, MemoryError, OverflowError) as error:
        _fail(str(error) or type(error).__name__)
    except Exception as error:
        message = getattr(error, "format_message", None)  # of wrong options and arguments
        if message is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(message())
            sys.exit(2)
        _fail(message())


def _fail(message: str) -> NoReturn:
    text = " ".join(message.split())
    print("ualign: error:", text if len(text) < 1000 else f"{text[:1000]}...", file=sys.stderr)  # noqa: T201
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
    scenarios = [specs.describe_scenario(name) for name in specs.list_scenarios()]
    display.print_listing(
        "scenarios, with their parameters' defaults (prompts:P: fresh draws of random ones, else rotated responses)",
        [*scenarios, ("FILE.soc", "Rankings in PrefLib's format for strict and complete orders.")],
    )
    rows = []
    for name in [*agents.list_agents(), *agents.list_agents(agents.JOINT_GROUP)]:
        try:
            rows.append((name, display.summary(agents.load_agent(name))))
        except ValueError as error:
            rows.append((name, str(error)))
    display.print_listing("agents", rows)
    display.print_listing("policies", [(name, display.summary(function)) for name, function in BASELINES.items()])


@app.command("score")
def score_policy(
    scenario: _Scenario = specs.DEFAULT,
    k: Annotated[str, typer.Option(help="Number of responses shown.")] = "3",
    policy: Annotated[str, typer.Option(help=f"A .npy file, or one of {', '.join(BASELINES)}.")] = "uniform",
    opponents: Annotated[str, typer.Option(help="Number of responses of the opponent.")] = "1",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score a policy against the worst opponent."""
    loaded = specs.load_scenario(scenario)
    many = _integer("opponents", opponents)
    card = score(loaded, _load_policy(loaded, policy), _integer("k", k), opponents=many)
    if as_json:
        display.print_json(card.to_dict())
    else:
        display.print_scorecard(loaded, card)


@app.command("solve")
def solve_scenario(
    scenario: _Scenario = specs.DEFAULT,
    k: _Sizes = "1,2,3",
    tolerance: Annotated[float, typer.Option(help="Exploitability to reach.")] = 1e-10,
    method: Annotated[str, typer.Option(help="auto, interior-point, active-set, mirror-descent or proximal.")] = "auto",
    temperature: _Temperature = 0.0,
    out: Annotated[Path | None, typer.Option(help="An .npz file for the policies and certificates.")] = None,
) -> None:
    """Compute equilibria, with certificates."""
    from ualign_env.solvers.solve import solve

    loaded, sizes = specs.load_scenario(scenario), _sizes(k)
    if out is not None and (out.suffix != ".npz" or not out.parent.is_dir()):
        raise ValueError(f"out is {str(out)!r}, but must end in .npz, in a folder that exists")
    equilibria = [solve(loaded, size, tolerance=tolerance, method=method, temperature=temperature) for size in sizes]
    if out is not None:
        columns = ("k", "policy", "exploitability", "robust_win_rate", "gap", "converged", "method")
        arrays: dict[str, Any] = {name: np.array([getattr(result, name) for result in equilibria]) for name in columns}
        arrays |= {"scenario": loaded.spec, "tolerance": tolerance, "temperature": temperature}
        try:
            np.savez(out, **arrays)
        except OSError as error:
            raise ValueError(f"cannot write {str(out)!r}: {error.strerror}") from None
    display.print_equilibria(loaded, equilibria)
    if not all(result.converged for result in equilibria):
        raise typer.Exit(1)


@app.command("versus")
def solve_versus_game(
    scenario: _Scenario = specs.DEFAULT,
    k: Annotated[str, typer.Option(help="Number of responses of the model.")] = "3",
    l: Annotated[str, typer.Option("--l", help="Number of responses of its opponent.")] = "2",
    tolerance: Annotated[float, typer.Option(help="Certificate to reach.")] = 1e-6,
    out: Annotated[
        Path | None, typer.Option(help="A heat map of all games up to k and l: a .png, .svg or .pdf file.")
    ] = None,
) -> None:
    """Solve the game of k responses against l, each side choosing its own together."""
    from ualign_env import plots
    from ualign_env.solvers.solve import solve
    from ualign_env.solvers.versus import solve_versus

    loaded, many, few = specs.load_scenario(scenario), _integer("k", k), _integer("l", l)
    if out is not None:
        plots.check_path(out)
        if many * few > _MOST_GAMES:
            raise ValueError(f"the heat map would show {many * few} games, but at most {_MOST_GAMES} are drawn")
    games = [solve_versus(population, many, few, tolerance=tolerance) for population in loaded.populations]
    sampled = {
        "equilibrium": [score(p, solve(p, many).policy, many, opponents=few, curve=()) for p in loaded.populations],
        "random dictatorship": [score(p, p.favourites(), many, opponents=few, curve=()) for p in loaded.populations],
    }
    display.print_versus(loaded, games, sampled)
    if out is not None:
        plots.save(plots.versus(loaded, many, few, tolerance=tolerance), out)
        typer.echo(f"picture: {out}")
    if not all(game.converged for game in games):
        raise typer.Exit(1)


@app.command("curve")
def draw_curve(
    scenario: _Scenario = specs.DEFAULT,
    k: _Sizes = _POWERS,
    temperature: _Temperature = 0.0,
    out: _Picture = None,
) -> None:
    """Draw the robust win rate against k: optimum, equilibria, baselines."""
    from ualign_env import plots

    loaded, sizes = specs.load_scenario(scenario), _sizes(k)
    path = out or Path("curve.png")
    plots.check_path(path)
    plots.save(plots.curve(loaded, sizes, temperature=temperature), path)
    typer.echo(f"picture: {path}")


@app.command("family")
def draw_family(
    scenario: _Scenario = specs.DEFAULT,
    k: _Sizes = _POWERS,
    prompt: Annotated[int, typer.Option(help="Index of the prompt.")] = 0,
    out: _Picture = None,
) -> None:
    """Draw how the equilibrium moves from the maximal lottery to random dictatorship."""
    from ualign_env import plots

    loaded, sizes = specs.load_scenario(scenario), _sizes(k)
    prompt = _checks.count("prompt", prompt, 0, loaded.n_prompts - 1)
    path = out or Path("family.png")
    plots.check_path(path)
    plots.save(plots.family(loaded, sizes, prompt), path)
    typer.echo(f"picture: {path}")


@app.command()
def bench(
    scenario: Annotated[
        list[str] | None, typer.Option(help=f"Scenario specs; repeat for several.  [default: {specs.DEFAULT}]")
    ] = None,
    k: _Sizes = "1,2,3",
    l: Annotated[str, typer.Option("--l", help="Numbers of the opponent's responses, joined by commas.")] = "1",
    agent: Annotated[
        list[str] | None,
        typer.Option(help="Agents; repeat for several.  [default: all, joint ones only for l above 1]"),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Time that each agent has for each game.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Seed of the agents' randomness.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the results; each run adds a file.")] = Path("ualign-results"),
) -> None:
    """Let agents learn alignment games, and score what they learned."""
    scenarios = {spec: specs.load_scenario(spec) for spec in scenario or [specs.DEFAULT]}
    opponents = sorted({number_of_responses(_integer("l", part), "l") for part in l.split(",")})
    competitors = {name: agents.load_agent(name) for name in agent} if agent else _all_agents(max(opponents) > 1)
    if not 0 < seconds < math.inf:
        raise ValueError(f"seconds is {seconds}, but must be positive and finite")
    seed = _checks.count("seed", seed, 0, 2**31 - 1)
    pairs = [(many, few) for many in _sizes(k) for few in opponents]
    tasks = [Task(one, many, seed, few) for one in scenarios.values() for many, few in pairs]
    file = ResultsFile(out, {"version": __version__, "seconds": seconds, "seed": seed})

    results: list[Result] = []
    total = len(tasks) * len(competitors)
    try:
        with display.progress() as progress:
            bar = progress.add_task("", total=total)
            for task, name in ((task, name) for task in tasks for name in competitors):
                progress.update(bar, description=f"{name}, k = {task.k}")
                results.append(run(name, competitors[name], task, seconds))
                file.write(results)
                if results[-1].status == "interrupted":
                    break
                if progress.disable:
                    typer.echo(f"{len(results)}/{total} {name}, k = {task.k}", err=True)
                progress.advance(bar)
    except KeyboardInterrupt:  # between two runs
        pass
    display.print_results(results)
    typer.echo(f"results: {file.path}")
    if len(results) < total or results[-1].status == "interrupted":
        typer.echo(f"interrupted after {len(results)} of {total} runs", err=True)
        raise typer.Exit(130)
    if any(result.status == "failed" for result in results):
        raise typer.Exit(1)


def _all_agents(joint: bool) -> dict[str, agents.Agent]:
    """Returns the agents that can run here, and says which cannot."""
    found = {}
    for name in [*agents.list_agents(), *(agents.list_agents(agents.JOINT_GROUP) if joint else [])]:
        try:
            found[name] = agents.load_agent(name)
        except agents.MissingExtraError as error:
            typer.echo(f"left out: {error}", err=True)
    return found


def _sizes(text: str) -> list[int]:
    """Returns the different k of a list such as `1,2,4`, in order."""
    return sorted({_checks.number_of_outputs(_integer("k", part)) for part in text.split(",")})


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r:.100}, but must be an integer") from None


def _load_policy(scenario: Scenario, text: str) -> Any:
    """Returns a baseline's policy, or the array in a `.npy` file."""
    if text in BASELINES:
        return baseline(scenario, text)
    if not text.endswith(".npy"):
        raise _checks.unknown("policy", text, [*BASELINES, "FILE.npy"])
    try:
        array = np.load(text, allow_pickle=False)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"cannot read a policy from {text!r}: {error}") from None
    if not isinstance(array, np.ndarray):
        raise ValueError(f"cannot read a policy from {text!r}: it holds several arrays, not one")
    return array
