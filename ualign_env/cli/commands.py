"""The commands: `ualign list`, `inspect`, `convert`, `score`, `solve`, `versus`, `curve` and `family`."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ualign_env import _checks, specs
from ualign_env._files import write_file
from ualign_env._limits import MAX_PICTURES
from ualign_env._text import counted, short
from ualign_env.benchmark import agents
from ualign_env.benchmark.information import CLASSES
from ualign_env.benchmark.suite import list_suites
from ualign_env.citation import cite
from ualign_env.cli import tables
from ualign_env.cli.app import (
    KNOWN,
    POWERS_TEXT,
    Json,
    On,
    Picture,
    ScenarioOption,
    Sizes,
    Temperature,
    check_picture,
    command,
    draw,
    load,
    prompt_in,
    sizes_in,
    tell,
)
from ualign_env.cli.output import emit, emit_json
from ualign_env.cli.policies import POLICIES, load_policy
from ualign_env.readers.choose import describe_readers, files_in
from ualign_env.readers.polis import VOTES
from ualign_env.scenario import Scenario
from ualign_env.scoring.curves import equilibrium_family, versus_map, win_rate_curve
from ualign_env.scoring.inspection import inspected
from ualign_env.scoring.metrics import score
from ualign_env.solvers.baselines import BASELINES
from ualign_env.solvers.symmetric import METHODS, solve
from ualign_env.solvers.versus import solve_versus


@command("list")
def list_all(as_json: Json = False) -> None:
    """List scenarios, files that are read, agents and baseline policies."""
    scenarios = specs.describe_scenarios()
    known = [agents.describe_agent(name) for name in agents.list_agents()]
    rows, extras = [], agents.list_extras()
    for one in known:
        needed = "".join(f" (needs the extra {extra})" for extra in extras.get(one.name, ()))
        rows.append((one.name, f"{CLASSES[one.declared.information].badge}: {one.summary}{needed}"))
    policies = [(name, one.summary) for name, one in BASELINES.items()]
    if as_json:
        readers = {name: {"spec": spec, "summary": summary} for name, spec, summary in describe_readers()}
        listed = {"scenarios": dict(scenarios), "readers": readers, "agents": dict(rows), "policies": dict(policies)}
        listed["suites"] = list_suites()
        return emit_json(listed)
    tables.print_listing(
        "scenarios, with their options' defaults (prompts:P: fresh draws of random ones, else rotated responses)",
        scenarios,
    )
    tables.print_readers("files, the options of their readers, and formats of known data sets", describe_readers())
    classes = ", ".join(f"{one.badge} {one.title}" for one in CLASSES.values())
    tables.print_listing(f"agents, by what they know: {classes}", rows)
    tables.print_listing("policies", policies)
    return tables.print_listing("suites of the benchmark", list_suites().items())


@command("cite")
def cite_all(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME...]",
            help="Scenarios, files, agents or baselines; the package and the paper behind it unless some are given.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whose work scenarios, files, agents and baselines are, under which licence, and their fingerprints."""
    found = [cite(name) for name in names or [""]]
    if as_json:
        return emit_json([one.to_dict() for one in found])
    return emit("\n\n".join(one.summary() for one in found))


@command("convert")
def convert(
    scenarios: Annotated[
        list[str], typer.Argument(metavar="SCENARIO...", help=f"Files, folders of them, or scenarios: {KNOWN}.")
    ],
    out: Annotated[Path, typer.Option(help="An .npz file for the scenario.")],
    as_json: Json = False,
) -> None:
    """Make one scenario of several, each a prompt, in a file that every command takes."""
    chosen = [spec for given in scenarios for spec in _files_of(given)]
    if out.suffix != ".npz":
        raise ValueError(f"out is {str(out)!r}, but must end in .npz")
    parts = [specs.load_scenario(spec) for spec in chosen]
    joined = parts[0] if len(parts) == 1 else Scenario.joined(parts)
    with suppress(OSError):  # which saving says better
        out.parent.mkdir(parents=True, exist_ok=True)
    joined.save(out)
    if as_json:
        emit_json({"path": str(out), "digest": joined.digest, "prompts": joined.prompts, "notes": joined.notes})
        return
    emit(f"{out}: {counted(joined.n_prompts, 'prompt')} of up to {counted(joined.n_responses, 'response')}")
    tables.print_notes(joined)


def _files_of(given: str) -> list[str]:
    """Returns the files and conversations in a folder, each with the folder's options; what is no folder as it is."""
    path, pairs = specs.split_path(given)
    if path is None or not Path(path).is_dir() or (Path(path) / VOTES).exists():
        return [given]
    return ["/".join([str(file), *pairs]) for file in files_in(path)]


@command("inspect")
def inspect(
    scenario: ScenarioOption = specs.DEFAULT,
    on: On = None,
    out: Picture = None,
    as_json: Json = False,
) -> None:
    """Say what a population is like, how far simple policies are from k/(k+1), and whether it separates any."""
    if out is not None:
        check_picture(out)
    loaded = specs.load_scenario(scenario)
    result = inspected(loaded, specs.other_readings(scenario), prompt=None if on is None else prompt_in(on, loaded))
    if as_json:
        emit_json(result)
    else:
        tables.print_inspection(result)
    if out is not None:
        pictured = short(result.pictured.prompt)
        why = f", pairs and favourites on {pictured}, where NLHF is farthest from the optimum (--on: another prompt)"
        draw("inspection", result, out, as_json, why if len(result.prompts) > 1 else "")


@command("score")
def score_policy(
    scenario: ScenarioOption = specs.DEFAULT,
    k: Annotated[str, typer.Option(help="Number of responses shown.")] = "3",
    policy: Annotated[
        str,
        typer.Option(help=POLICIES),
    ] = "uniform",
    l: Annotated[str, typer.Option("--l", help="Number of responses of the opponent.")] = "1",
    on: On = None,
    as_json: Json = False,
) -> None:
    """Score a policy against the worst opponent."""
    loaded, many = load(scenario, as_json, on), _checks.integer("k", k)
    card = score(loaded, load_policy(policy, loaded, many), many, l=_checks.integer("l", l))
    if as_json:
        return emit_json(card)
    return tables.print_scorecard(loaded, card)


@command("solve")
def solve_scenario(
    scenario: ScenarioOption = specs.DEFAULT,
    k: Sizes = "1,2,3",
    tolerance: Annotated[str, typer.Option(metavar="NUMBER", help="Exploitability to reach.")] = "1e-10",
    method: Annotated[str, typer.Option(help=f"{', '.join(METHODS)}.")] = "auto",
    temperature: Temperature = "0",
    on: On = None,
    out: Annotated[Path | None, typer.Option(help="An .npz file for the policies and certificates.")] = None,
    as_json: Json = False,
) -> None:
    """Compute equilibria, with certificates."""
    goal, heat = _checks.number("tolerance", tolerance), _checks.number("temperature", temperature)
    loaded, sizes = load(scenario, as_json, on), sizes_in(k)
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
        tell(as_json, f"policies: {out}")
    if not all(result.converged for result in equilibria):
        raise typer.Exit(1)


@command("versus")
def solve_versus_game(
    scenario: ScenarioOption = specs.DEFAULT,
    k: Annotated[str, typer.Option(help="Number of responses of the model.")] = "3",
    l: Annotated[str, typer.Option("--l", help="Number of responses of its opponent.")] = "2",
    tolerance: Annotated[str, typer.Option(metavar="NUMBER", help="Certificate to reach.")] = "1e-6",
    on: On = None,
    out: Annotated[
        Path | None, typer.Option(help="A heat map of all games up to k and l: a .png, .svg or .pdf file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Solve the game of k responses against l, each side choosing its own together."""
    loaded, many, few = load(scenario, as_json, on), _checks.integer("k", k), _checks.integer("l", l)
    if out is not None:
        check_picture(out)
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
        draw("versus", versus_map(loaded, many, few, tolerance=goal), out, as_json)
    if not all(game.converged for game in games):
        raise typer.Exit(1)


@command("curve")
def draw_curve(
    scenario: ScenarioOption = specs.DEFAULT,
    k: Sizes = POWERS_TEXT,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="A policy of your own beside them, a .json or .npy file, or a response; repeat for several."),
    ] = None,
    temperature: Temperature = "0",
    on: On = None,
    out: Picture = None,
    as_json: Json = False,
) -> None:
    """Say, and draw, the robust win rate against k: optimum, equilibria, baselines, and policies of your own."""
    if out is not None:
        check_picture(out)
    loaded, sizes, heat = load(scenario, as_json, on), sizes_in(k), _checks.number("temperature", temperature)
    own = {name: load_policy(name, loaded) for name in policy or ()}
    curve = win_rate_curve(loaded, sizes, temperature=heat, policies=own)
    if as_json:
        emit_json(curve)
    else:
        tables.print_curve(loaded, curve)
    if out is not None:
        draw("curve", curve, out, as_json)


@command("family")
def draw_family(
    scenario: ScenarioOption = specs.DEFAULT,
    k: Sizes = POWERS_TEXT,
    on: Annotated[
        str | None,
        typer.Option(metavar="PROMPT", help="On which prompt: its name, or its index.  [default: the first]"),
    ] = None,
    out: Picture = None,
    as_json: Json = False,
) -> None:
    """Say, and draw, how the equilibrium moves from the maximal lottery to maximum Nash welfare."""
    if out is not None:
        check_picture(out)
    loaded, sizes = load(scenario, as_json), sizes_in(k)
    family = equilibrium_family(loaded, sizes, prompt=0 if on is None else prompt_in(on, loaded))
    if as_json:
        emit_json(family)
    else:
        tables.print_family(loaded, family)
    if out is not None:
        draw("family", family, out, as_json)
