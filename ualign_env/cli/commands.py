"""The commands: `ualign list`, `inspect`, `convert`, `score`, `solve`, `versus`, `curve`, `family` and `bench`."""

import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from typer.core import TyperCommand

from ualign_env import __version__, _checks, specs
from ualign_env._files import write_file
from ualign_env._limits import MAX_PICTURES
from ualign_env.benchmark import agents
from ualign_env.benchmark.results import RunResult
from ualign_env.benchmark.tasks import Task
from ualign_env.cli import flags, tables
from ualign_env.cli.output import emit, emit_json, note
from ualign_env.readers.choose import ENDINGS, describe_readers
from ualign_env.readers.polis import VOTES
from ualign_env.scenario import Scenario
from ualign_env.scoring.curves import POWERS, equilibrium_family, versus_map, win_rate_curve
from ualign_env.scoring.inspection import inspect_scenario
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


class _Command(TyperCommand):
    """A command that takes the options of its scenario as flags, too, and each option once, unless it is a list."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Moves options of scenarios into their specs; of an option that is repeated, one would be ignored silently."""
        params = self.get_params(ctx)
        own = {name for param in params for name in [*param.opts, *param.secondary_opts]}
        pairs: list[str] = []
        if any(param.name in flags.SCENARIOS for param in params):
            args, pairs = flags.taken(args, own)
        given = [arg.partition("=")[0] for arg in (args[: args.index("--")] if "--" in args else args)]
        for param in self.get_params(ctx):
            if getattr(param, "multiple", False) or param.param_type_name != "option":
                continue
            if sum(given.count(name) for name in [*param.opts, *param.secondary_opts]) > 1:
                raise ValueError(f"{param.opts[0]} is given twice")
        rest = super().parse_args(ctx, args)
        if pairs:
            flags.put(ctx.params, pairs)
        return rest


_command: Callable[[str], Any] = partial(app.command, cls=_Command)
_POWERS = ",".join(map(str, POWERS))
_KNOWN = f"{', '.join(specs.list_scenarios())}, or a file that ends in {', '.join(ENDINGS)}, or a folder of Polis"
_Scenario = Annotated[
    str,
    typer.Argument(
        help=f"A scenario: {_KNOWN}. Its options follow it, as in mallows/phi:0.5/prompts:3, or are flags, as in "
        "--phi 0.5; `ualign list` names them."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Sizes = Annotated[str, typer.Option("--k", help="Numbers of responses shown, joined by commas.")]
_Picture = Annotated[Path | None, typer.Option(help="The picture: a .png, .svg or .pdf file.")]
_Temperature = Annotated[
    str, typer.Option(metavar="NUMBER", help="Weight of the KL divergence from the uniform policy.")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        emit(f"ualign-env {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


@_command("list")
def list_all(as_json: _Json = False) -> None:
    """List scenarios, files that are read, agents and baseline policies."""
    scenarios = specs.describe_scenarios()
    names = [*agents.list_agents(), *agents.list_agents(agents.JOINT_GROUP)]
    rows = [(name, agents.describe_agent(name)) for name in names]
    policies = [(name, one.summary) for name, one in BASELINES.items()]
    if as_json:
        readers = {name: {"spec": spec, "summary": summary} for name, spec, summary in describe_readers()}
        listed = {"scenarios": dict(scenarios), "readers": readers, "agents": dict(rows), "policies": dict(policies)}
        return emit_json(listed)
    tables.print_listing(
        "scenarios, with their options' defaults (prompts:P: fresh draws of random ones, else rotated responses)",
        scenarios,
    )
    tables.print_readers("files, the options of their readers, and formats of known data sets", describe_readers())
    tables.print_listing("agents", rows)
    return tables.print_listing("policies", policies)


@_command("convert")
def convert(
    scenarios: Annotated[
        list[str], typer.Argument(metavar="SCENARIO...", help=f"Files, folders of them, or scenarios: {_KNOWN}.")
    ],
    out: Annotated[Path, typer.Option(help="An .npz file for the scenario.")],
    as_json: _Json = False,
) -> None:
    """Make one scenario of several, each a prompt, in a file that every command takes."""
    chosen = [spec for given in scenarios for spec in _files_of(given)]
    if out.suffix != ".npz":
        raise ValueError(f"out is {str(out)!r}, but must end in .npz")
    parts = [specs.load_scenario(spec) for spec in chosen]
    joined = parts[0] if len(parts) == 1 else Scenario.joined(parts)
    joined.save(out)
    if as_json:
        emit_json({"path": str(out), "digest": joined.digest, "prompts": joined.prompts, "notes": joined.notes})
        return
    emit(f"{out}: {joined.n_prompts} prompt{'s' * (joined.n_prompts > 1)} of up to {joined.n_responses} responses")
    tables.print_notes(joined)


def _files_of(given: str) -> list[str]:
    """Returns the files and conversations in a folder, each with the folder's options; what is no folder as it is."""
    path, pairs = specs.split_path(given)
    if path is None or not Path(path).is_dir() or (Path(path) / VOTES).exists():
        return [given]
    inside = sorted(Path(path).iterdir())
    found = [file for file in inside if file.suffix.lower() in ENDINGS or (file / VOTES).exists()]
    if not found:
        raise ValueError(f"{path!r} has no files that end in {', '.join(ENDINGS)}")
    return ["/".join([str(file), *pairs]) for file in found]


@_command("inspect")
def inspect(
    scenario: _Scenario = specs.DEFAULT,
    out: _Picture = None,
    as_json: _Json = False,
) -> None:
    """Say what a population is like, how far simple policies are from k/(k+1), and whether it separates any."""
    if out is not None:
        _check_picture(out)
    result = inspect_scenario(scenario)
    if as_json:
        emit_json(result)
    else:
        tables.print_inspection(result)
    if out is not None:
        _draw("inspection", result, out, as_json)


@_command("score")
def score_policy(
    scenario: _Scenario = specs.DEFAULT,
    k: Annotated[str, typer.Option(help="Number of responses shown.")] = "3",
    policy: Annotated[
        str, typer.Option(help=f"A .npy file, the .npz file of `ualign solve --out`, or one of {', '.join(BASELINES)}.")
    ] = "uniform",
    l: Annotated[str, typer.Option("--l", help="Number of responses of the opponent.")] = "1",
    as_json: _Json = False,
) -> None:
    """Score a policy against the worst opponent."""
    loaded, many = specs.load_scenario(scenario), _checks.integer("k", k)
    card = score(loaded, _load_policy(policy, loaded, many), many, l=_checks.integer("l", l))
    if as_json:
        return emit_json(card)
    return tables.print_scorecard(loaded, card)


@_command("solve")
def solve_scenario(
    scenario: _Scenario = specs.DEFAULT,
    k: _Sizes = "1,2,3",
    tolerance: Annotated[str, typer.Option(metavar="NUMBER", help="Exploitability to reach.")] = "1e-10",
    method: Annotated[str, typer.Option(help=f"{', '.join(METHODS)}.")] = "auto",
    temperature: _Temperature = "0",
    out: Annotated[Path | None, typer.Option(help="An .npz file for the policies and certificates.")] = None,
    as_json: _Json = False,
) -> None:
    """Compute equilibria, with certificates."""
    goal, heat = _checks.number("tolerance", tolerance), _checks.number("temperature", temperature)
    loaded, sizes = specs.load_scenario(scenario), _sizes(k)
    if out is not None and (out.suffix != ".npz" or not out.parent.is_dir()):
        raise ValueError(f"out is {str(out)!r}, but must end in .npz, in a folder that exists")
    equilibria = [solve(loaded, size, tolerance=goal, method=method, temperature=heat) for size in sizes]
    if as_json:
        emit_json(equilibria)
    else:
        tables.print_equilibria(loaded, equilibria)
    if out is not None:
        columns = ("k", "policy", "exploitability", "robust_win_rate", "certificate", "converged", "method")
        arrays: dict[str, Any] = {name: np.array([getattr(result, name) for result in equilibria]) for name in columns}
        arrays |= {"scenario": loaded.spec, "tolerance": goal, "temperature": heat}
        write_file(out, lambda file: np.savez(file, **arrays))
        _tell(as_json, f"policies: {out}")
    if not all(result.converged for result in equilibria):
        raise typer.Exit(1)


@_command("versus")
def solve_versus_game(
    scenario: _Scenario = specs.DEFAULT,
    k: Annotated[str, typer.Option(help="Number of responses of the model.")] = "3",
    l: Annotated[str, typer.Option("--l", help="Number of responses of its opponent.")] = "2",
    tolerance: Annotated[str, typer.Option(metavar="NUMBER", help="Certificate to reach.")] = "1e-6",
    out: Annotated[
        Path | None, typer.Option(help="A heat map of all games up to k and l: a .png, .svg or .pdf file.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Solve the game of k responses against l, each side choosing its own together."""
    loaded, many, few = specs.load_scenario(scenario), _checks.integer("k", k), _checks.integer("l", l)
    if out is not None:
        _check_picture(out)
        if many * few > MAX_PICTURES:
            raise ValueError(f"the heat map would show {many * few} games, but at most {MAX_PICTURES} are drawn")
    names = zip(loaded.populations, loaded.prompts, strict=True)
    prompts = [Scenario([users], [prompt], name=loaded.name) for users, prompt in names]
    goal = _checks.number("tolerance", tolerance)
    games = [solve_versus(loaded, many, few, tolerance=goal, prompt=x) for x in range(loaded.n_prompts)]
    sampled = {
        "equilibrium": [score(alone, solve(alone, many), many, l=few, curve=()) for alone in prompts],
        "random-dictatorship": [score(alone, "random-dictatorship", many, l=few, curve=()) for alone in prompts],
    }
    if as_json:
        emit_json({"games": games, "sampled": sampled})
    else:
        tables.print_versus(loaded, games, sampled)
    if out is not None:
        _draw("versus", versus_map(loaded, many, few, tolerance=goal), out, as_json)
    if not all(game.converged for game in games):
        raise typer.Exit(1)


@_command("curve")
def draw_curve(
    scenario: _Scenario = specs.DEFAULT,
    k: _Sizes = _POWERS,
    temperature: _Temperature = "0",
    out: _Picture = None,
    as_json: _Json = False,
) -> None:
    """Draw the robust win rate against k: optimum, equilibria, baselines."""
    loaded, sizes, path = specs.load_scenario(scenario), _sizes(k), _picture("curve", out, as_json)
    curve = win_rate_curve(loaded, sizes, temperature=_checks.number("temperature", temperature))
    if as_json:
        emit_json(curve)
    else:
        emit(curve.summary())
    if path:
        _draw("curve", curve, path, as_json)


@_command("family")
def draw_family(
    scenario: _Scenario = specs.DEFAULT,
    k: _Sizes = _POWERS,
    prompt: Annotated[str, typer.Option(metavar="INTEGER", help="Index of the prompt.")] = "0",
    out: _Picture = None,
    as_json: _Json = False,
) -> None:
    """Draw how the equilibrium moves from the maximal lottery to random dictatorship."""
    loaded, sizes, path = specs.load_scenario(scenario), _sizes(k), _picture("family", out, as_json)
    family = equilibrium_family(loaded, sizes, prompt=_checks.integer("prompt", prompt))
    if as_json:
        emit_json(family)
    else:
        emit(family.summary())
    if path:
        _draw("family", family, path, as_json)


@_command("bench")
def bench(
    scenario: Annotated[
        list[str] | None, typer.Option(help=f"Scenarios; repeat for several: {_KNOWN}.  [default: {specs.DEFAULT}]")
    ] = None,
    k: _Sizes = "1,2,3",
    l: Annotated[str, typer.Option("--l", help="Numbers of the opponent's responses, joined by commas.")] = "1",
    agent: Annotated[
        list[str] | None,
        typer.Option(
            help="Agents: names, FILE.py:function or module:function; repeat for several.  "
            "[default: all, joint ones only for l above 1]"
        ),
    ] = None,
    seconds: Annotated[str, typer.Option(metavar="NUMBER", help="Time that each agent has for each game.")] = "2",
    seed: Annotated[str, typer.Option(metavar="INTEGER", help="Seed of the agents' randomness.")] = "0",
    out: Annotated[Path, typer.Option(help="Folder for the results; each run adds a file.")] = Path("ualign-results"),
    as_json: _Json = False,
) -> None:
    """Let agents learn alignment games, and score what they learned."""
    scenarios = {spec: specs.load_scenario(spec) for spec in scenario or [specs.DEFAULT]}
    ls = sorted({_checks.number_of_responses(_checks.integer("l", part)) for part in l.split(",")})
    named = {name: agents.load_agent(name) for name in agent or ()}
    budget = _checks.positive("seconds", _checks.number("seconds", seconds))
    start = _checks.count("seed", _checks.integer("seed", seed), 0, 2**31 - 1)
    pairs = [(many, few) for many in _sizes(k) for few in ls]
    games = [Task(one, many, start, few) for one in scenarios.values() for many, few in pairs]
    file = ResultsFile(out, {"version": __version__, "seconds": budget, "seed": start})
    competitors = named or _all_agents(max(ls) > 1)

    results: list[RunResult] = []
    unwritten = ""
    total = len(games) * len(competitors)
    try:
        with tables.progress() as progress:
            bar = progress.add_task("", total=total)

            def starting(name: str, task: Task) -> None:
                progress.update(bar, description=f"{name}, k = {task.k}")

            for result in run_all(games, competitors, budget, starting=starting):
                results.append(result)
                unwritten = _kept(file, results, unwritten)
                if progress.disable:
                    note(f"{len(results)}/{total} {result.agent}, k = {result.k}")
                progress.advance(bar)
    except KeyboardInterrupt:  # between two runs
        pass
    if unwritten:  # perhaps there is room by now
        unwritten = _kept(file, results, unwritten)
    if as_json:
        emit_json(results)
    else:
        tables.print_results(results)
    if results and not unwritten:
        _tell(as_json, f"results: {file.path}")
    if len(results) < total or results[-1].status == "interrupted":
        note(f"ended after {len(results)} of {total} runs")
        raise typer.Exit(130)
    if unwritten or any(result.status == "failed" for result in results):
        raise typer.Exit(1)


def _kept(file: ResultsFile, results: list[RunResult], before: str) -> str:
    """Writes results, and returns what keeps them from being written, said unless it was said before."""
    try:
        file.write(results)
    except ValueError as error:
        if str(error) != before:
            note(f"ualign: warning: {error}; the runs go on, and results are printed at the end")
        return str(error)
    return ""


def _all_agents(joint: bool) -> dict[str, agents.Agent]:
    """Returns the agents that can run here, and says which cannot."""
    found = {}
    for name in [*agents.list_agents(), *(agents.list_agents(agents.JOINT_GROUP) if joint else [])]:
        try:
            found[name] = agents.load_agent(name)
        except ValueError as error:  # of other packages, an extra that is missing, or anything that is broken
            note(f"left out: {error}")
    return found


def _sizes(text: str) -> list[int]:
    """Returns the different k of a list such as `1,2,4`, in order."""
    return sorted({_checks.number_of_outputs(_checks.integer("k", part)) for part in text.split(",")})


def _load_policy(text: str, scenario: Scenario, k: int) -> Any:
    """Returns a baseline's name, the array in a `.npy` file, or from what `solve` wrote the equilibrium for k."""
    if text in BASELINES:
        return text
    if not text.endswith((".npy", ".npz")):
        raise _checks.unknown("policy", text, [*BASELINES, "FILE.npy", "FILE.npz"])
    try:
        loaded = np.load(text, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            solved = {name: loaded[name] for name in ("scenario", "k", "policy")}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"cannot read a policy from {text!r}: {error}") from None
    if specs.load_scenario(str(solved["scenario"])) != scenario:
        raise ValueError(f"{text!r} holds equilibria of another scenario than {scenario.name!r}")
    place = np.flatnonzero(solved["k"] == k)
    if not place.size:
        raise ValueError(f"{text!r} holds equilibria for k = {', '.join(map(str, solved['k']))}, but k is {k}")
    return solved["policy"][place[0]]


def _tell(as_json: bool, text: str) -> None:
    """Says where something went, beside the result or, where that is JSON, apart from it."""
    (note if as_json else emit)(text)


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
    _tell(as_json, f"picture: {path}")
