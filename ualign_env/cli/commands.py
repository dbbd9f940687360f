"""The commands: `ualign list`, `score`, `solve`, `versus`, `curve`, `family` and `bench`."""

import json
import math
import sys
import zipfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ualign_env import __version__, _checks, specs
from ualign_env._result import plain
from ualign_env.benchmark import agents
from ualign_env.benchmark.results import ResultsFile
from ualign_env.benchmark.runner import RunResult, run_all
from ualign_env.benchmark.tasks import Task
from ualign_env.cli import tables
from ualign_env.scenario import Scenario
from ualign_env.scoring.curves import POWERS, equilibrium_family, versus_map, win_rate_curve
from ualign_env.scoring.scorecard import score
from ualign_env.solvers.baselines import BASELINES
from ualign_env.solvers.symmetric import METHODS, solve
from ualign_env.solvers.versus import solve_versus

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Alignment games: k responses for users who disagree, at best k/(k+1) against every opponent.",
)

_MOST_GAMES = 100  # of a heat map
_POWERS = ",".join(map(str, POWERS))
_KNOWN = f"{', '.join(specs.list_scenarios())}, or a file that ends in {', '.join(specs.ENDINGS)}"
_Scenario = Annotated[
    str, typer.Argument(help=f"A scenario, with options such as mallows/phi:0.5/prompts:3: {_KNOWN}.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Sizes = Annotated[str, typer.Option("--k", help="Numbers of responses shown, joined by commas.")]
_Picture = Annotated[Path | None, typer.Option(help="The picture: a .png, .svg or .pdf file.")]
_Temperature = Annotated[float, typer.Option(help="Weight of the KL divergence from the uniform policy.")]


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
def list_all(as_json: _Json = False) -> None:
    """List scenarios, agents and baseline policies."""
    scenarios = specs.describe_scenarios()
    rows = []
    for name in [*agents.list_agents(), *agents.list_agents(agents.JOINT_GROUP)]:
        try:
            rows.append((name, (agents.load_agent(name).__doc__ or "").strip().split("\n")[0]))
        except ValueError as error:
            rows.append((name, str(error)))
    policies = [(name, one.summary) for name, one in BASELINES.items()]
    if as_json:
        return _print_json({"scenarios": dict(scenarios), "agents": dict(rows), "policies": dict(policies)})
    tables.print_listing(
        "scenarios, with their options' defaults (prompts:P: fresh draws of random ones, else rotated responses)",
        scenarios,
    )
    tables.print_listing("agents", rows)
    return tables.print_listing("policies", policies)


@app.command("score")
def score_policy(
    scenario: _Scenario = specs.DEFAULT,
    k: Annotated[str, typer.Option(help="Number of responses shown.")] = "3",
    policy: Annotated[str, typer.Option(help=f"A .npy file, or one of {', '.join(BASELINES)}.")] = "uniform",
    l: Annotated[str, typer.Option("--l", help="Number of responses of the opponent.")] = "1",
    as_json: _Json = False,
) -> None:
    """Score a policy against the worst opponent."""
    loaded = specs.load_scenario(scenario)
    card = score(loaded, _load_policy(policy), _integer("k", k), l=_integer("l", l))
    if as_json:
        return _print_json(card)
    return tables.print_scorecard(loaded, card)


@app.command("solve")
def solve_scenario(
    scenario: _Scenario = specs.DEFAULT,
    k: _Sizes = "1,2,3",
    tolerance: Annotated[float, typer.Option(help="Exploitability to reach.")] = 1e-10,
    method: Annotated[str, typer.Option(help=f"{', '.join(METHODS)}.")] = "auto",
    temperature: _Temperature = 0.0,
    out: Annotated[Path | None, typer.Option(help="An .npz file for the policies and certificates.")] = None,
    as_json: _Json = False,
) -> None:
    """Compute equilibria, with certificates."""
    loaded, sizes = specs.load_scenario(scenario), _sizes(k)
    if out is not None and (out.suffix != ".npz" or not out.parent.is_dir()):
        raise ValueError(f"out is {str(out)!r}, but must end in .npz, in a folder that exists")
    equilibria = [solve(loaded, size, tolerance=tolerance, method=method, temperature=temperature) for size in sizes]
    if out is not None:
        columns = ("k", "policy", "exploitability", "robust_win_rate", "certificate", "converged", "method")
        arrays: dict[str, Any] = {name: np.array([getattr(result, name) for result in equilibria]) for name in columns}
        arrays |= {"scenario": loaded.spec, "tolerance": tolerance, "temperature": temperature}
        try:
            np.savez(out, **arrays)
        except OSError as error:
            raise ValueError(f"cannot write {str(out)!r}: {error.strerror}") from None
        typer.echo(f"policies: {out}", err=as_json)
    if as_json:
        _print_json(equilibria)
    else:
        tables.print_equilibria(loaded, equilibria)
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
    as_json: _Json = False,
) -> None:
    """Solve the game of k responses against l, each side choosing its own together."""
    loaded, many, few = specs.load_scenario(scenario), _integer("k", k), _integer("l", l)
    if out is not None:
        _check_picture(out)
        if many * few > _MOST_GAMES:
            raise ValueError(f"the heat map would show {many * few} games, but at most {_MOST_GAMES} are drawn")
    names = zip(loaded.populations, loaded.prompts, strict=True)
    prompts = [Scenario([users], [prompt], name=loaded.name) for users, prompt in names]
    games = [solve_versus(loaded, many, few, tolerance=tolerance, prompt=x) for x in range(loaded.n_prompts)]
    sampled = {
        "equilibrium": [score(alone, solve(alone, many), many, l=few, curve=()) for alone in prompts],
        "random-dictatorship": [score(alone, "random-dictatorship", many, l=few, curve=()) for alone in prompts],
    }
    if as_json:
        _print_json({"games": games, "sampled": sampled})
    else:
        tables.print_versus(loaded, games, sampled)
    if out is not None:
        _draw("versus", versus_map(loaded, many, few, tolerance=tolerance), out, as_json)
    if not all(game.converged for game in games):
        raise typer.Exit(1)


@app.command("curve")
def draw_curve(
    scenario: _Scenario = specs.DEFAULT,
    k: _Sizes = _POWERS,
    temperature: _Temperature = 0.0,
    out: _Picture = None,
    as_json: _Json = False,
) -> None:
    """Draw the robust win rate against k: optimum, equilibria, baselines."""
    loaded, sizes, path = specs.load_scenario(scenario), _sizes(k), _picture("curve", out, as_json)
    curve = win_rate_curve(loaded, sizes, temperature=temperature)
    if as_json:
        _print_json(curve)
    else:
        typer.echo(curve.summary())
    if path:
        _draw("curve", curve, path, as_json)


@app.command("family")
def draw_family(
    scenario: _Scenario = specs.DEFAULT,
    k: _Sizes = _POWERS,
    prompt: Annotated[int, typer.Option(help="Index of the prompt.")] = 0,
    out: _Picture = None,
    as_json: _Json = False,
) -> None:
    """Draw how the equilibrium moves from the maximal lottery to random dictatorship."""
    loaded, sizes, path = specs.load_scenario(scenario), _sizes(k), _picture("family", out, as_json)
    family = equilibrium_family(loaded, sizes, prompt=prompt)
    if as_json:
        _print_json(family)
    else:
        typer.echo(family.summary())
    if path:
        _draw("family", family, path, as_json)


@app.command()
def bench(
    scenario: Annotated[
        list[str] | None, typer.Option(help=f"Scenarios; repeat for several: {_KNOWN}.  [default: {specs.DEFAULT}]")
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
    as_json: _Json = False,
) -> None:
    """Let agents learn alignment games, and score what they learned."""
    scenarios = {spec: specs.load_scenario(spec) for spec in scenario or [specs.DEFAULT]}
    ls = sorted({_checks.number_of_responses(_integer("l", part)) for part in l.split(",")})
    competitors, left_out = ({n: agents.load_agent(n) for n in agent}, []) if agent else _all_agents(max(ls) > 1)
    if not 0 < seconds < math.inf:
        raise ValueError(f"seconds is {seconds}, but must be positive and finite")
    seed = _checks.count("seed", seed, 0, 2**31 - 1)
    pairs = [(many, few) for many in _sizes(k) for few in ls]
    games = [Task(one, many, seed, few) for one in scenarios.values() for many, few in pairs]
    file = ResultsFile(out, {"version": __version__, "seconds": seconds, "seed": seed})
    for error in left_out:
        typer.echo(f"left out: {error}", err=True)

    results: list[RunResult] = []
    total = len(games) * len(competitors)
    try:
        with tables.progress() as progress:
            bar = progress.add_task("", total=total)

            def starting(name: str, task: Task) -> None:
                progress.update(bar, description=f"{name}, k = {task.k}")

            for result in run_all(games, competitors, seconds, starting=starting):
                results.append(result)
                file.write(results)
                if progress.disable:
                    typer.echo(f"{len(results)}/{total} {result.agent}, k = {result.k}", err=True)
                progress.advance(bar)
    except KeyboardInterrupt:  # between two runs
        pass
    if as_json:
        _print_json(results)
    else:
        tables.print_results(results)
    typer.echo(f"results: {file.path}", err=as_json)
    if len(results) < total or results[-1].status == "interrupted":
        typer.echo(f"interrupted after {len(results)} of {total} runs", err=True)
        raise typer.Exit(130)
    if any(result.status == "failed" for result in results):
        raise typer.Exit(1)


def _all_agents(joint: bool) -> tuple[dict[str, agents.Agent], list[agents.MissingExtraError]]:
    """Returns the agents that can run here, and why others cannot."""
    found, left_out = {}, []
    for name in [*agents.list_agents(), *(agents.list_agents(agents.JOINT_GROUP) if joint else [])]:
        try:
            found[name] = agents.load_agent(name)
        except agents.MissingExtraError as error:
            left_out.append(error)
    return found, left_out


def _sizes(text: str) -> list[int]:
    """Returns the different k of a list such as `1,2,4`, in order."""
    return sorted({_checks.number_of_outputs(_integer("k", part)) for part in text.split(",")})


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r:.100}, but must be an integer") from None


def _load_policy(text: str) -> Any:
    """Returns a baseline's name, or the array in a `.npy` file."""
    if text in BASELINES:
        return text
    if not text.endswith(".npy"):
        raise _checks.unknown("policy", text, [*BASELINES, "FILE.npy"])
    try:
        array = np.load(text, allow_pickle=False)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"cannot read a policy from {text!r}: {error}") from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise ValueError(f"cannot read a policy from {text!r}: it holds several arrays, not one")
    return array


def _picture(name: str, out: Path | None, as_json: bool) -> Path | None:
    """Returns where a picture goes, if it can: with JSON there is none unless it was asked for."""
    path = out or (None if as_json else Path(f"{name}.png"))
    if path:
        _check_picture(path)
    return path


def _check_picture(path: Path) -> None:
    from ualign_env import plots

    plots.check_path(path)


def _draw(name: str, result: Any, path: Path, as_json: bool) -> None:
    from ualign_env import plots

    plots.save(getattr(plots, name)(result), path)
    typer.echo(f"picture: {path}", err=as_json)


def _print_json(value: Any) -> None:
    """Writes plain values as JSON, with no regard to a terminal."""
    sys.stdout.write(json.dumps(plain(value), indent=1, allow_nan=False) + "\n")
