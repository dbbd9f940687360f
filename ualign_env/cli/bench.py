"""The commands of the benchmark: `ualign bench`, and what is done with its results."""

import hashlib
import os
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ualign_env import _checks, specs
from ualign_env._text import counted
from ualign_env.benchmark.benchmark import Benchmark, Outcome
from ualign_env.benchmark.plan import Limits
from ualign_env.benchmark.reporting.standings import boards
from ualign_env.benchmark.running.executors import Executor, Processes
from ualign_env.benchmark.running.on_ray import Ray
from ualign_env.benchmark.suite import FOLDER, FOLDER_SIZES, Suite, custom_suite, folder_suite, list_suites, load_suite
from ualign_env.cli import boards as shown
from ualign_env.cli.app import KNOWN, Json, check_picture, command, draw, sizes_in, tell
from ualign_env.cli.output import emit, emit_json, note

_TROUBLE = ("failed", "timeout", "out-of-memory", "died")


@command("bench")
def bench(
    suite: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(list_suites())}, FILE.toml, or folder:PATH, whose files' options are flags, such as "
            "--user annotator.  [default: quick]"
        ),
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help=f"Instead of a suite, scenarios; repeat for several: {KNOWN}.")
    ] = None,
    k: Annotated[
        str | None,
        typer.Option("--k", help="Numbers of responses shown, joined by commas, of scenarios or of a folder's files."),
    ] = None,
    l: Annotated[
        str | None, typer.Option("--l", help="Numbers of the opponent's responses, of the same.  [default: 1]")
    ] = None,
    agent: Annotated[
        list[str] | None,
        typer.Option(
            help="Agents: names, FILE.py:function or module:function; repeat for several.  [default: the suite's]"
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="INTEGER",
            help=f"How many, for agents that depend on them.  [default: the suite's, or {Suite.seeds}]",
        ),
    ] = None,
    seconds: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help=f"Budget of CPU for agents that know the users.  [default: the suite's, or {Suite.seconds:g}]",
        ),
    ] = None,
    plays: Annotated[
        str | None,
        typer.Option(
            metavar="INTEGER", help=f"Budget for agents that ask users.  [default: the suite's, or {Suite.plays:,}]"
        ),
    ] = None,
    steps: Annotated[
        str | None, typer.Option(metavar="INTEGER", help="Budget of every agent, instead: results are the same bits.")
    ] = None,
    workers: Annotated[
        str | None, typer.Option(metavar="INTEGER", help="Runs at a time.  [default: one a core]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; what it holds is not run again.  [default: runs/SUITE]")
    ] = None,
    shard: Annotated[str | None, typer.Option(metavar="I/N", help="The I-th of N parts of the runs.")] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run again what failed, timed out or died.")
    ] = False,
    wall: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER", help="Seconds on the wall after which a run is ended.  [default: the suite's, or 600]"
        ),
    ] = None,
    memory: Annotated[str | None, typer.Option(metavar="INTEGER", help="Megabytes that an agent may take.")] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on a Ray cluster: local, auto or an address.")
    ] = None,
    sealed_seeds: Annotated[Path | None, typer.Option(help="The file of seeds of a sealed suite.")] = None,
    as_json: Json = False,
) -> None:
    """Let agents learn alignment games, score what they learned, and compare them."""
    chosen = _chosen(suite, scenario, k, l, sealed_seeds)
    limits = Limits(
        chosen.limits.wall if wall is None else _checks.number("wall", wall),
        chosen.limits.memory if memory is None else _checks.integer("memory", memory),
    )
    benchmark = Benchmark(
        chosen,
        agent or None,
        None if seeds is None else _checks.integer("seeds", seeds),
        seconds=None if seconds is None else _checks.number("seconds", seconds),
        plays=None if plays is None else _checks.integer("plays", plays),
        steps=None if steps is None else _checks.integer("steps", steps),
        limits=limits,
    )
    folder = out or Path("runs") / _folder(benchmark.suite)
    part = (1, 1) if shard is None else _part(shard)
    number = os.cpu_count() or 1 if workers is None else _checks.integer("workers", workers)
    if chosen.superseded_by:
        note(f"ualign: warning: {chosen} is superseded by {chosen.superseded_by}")
    for name, said in dict.fromkeys((one.name, said) for one in chosen.tasks for said in one.task.scenario.notes):
        note(f"note: {name}: {said}")
    outcome = _run(benchmark, Processes(number) if ray is None else Ray(ray), folder, part, retry_failed)
    if as_json:
        emit_json({"suite": str(chosen), "boards": boards(outcome.results), "results": outcome.results})
    else:
        shown.print_boards(boards(outcome.results), outcome.results)
    if outcome.unwritten is None:
        tell(as_json, f"results: {folder}" + (f", of all parts: ualign report {folder}" if shard else ""))
    else:
        note(f"ualign: warning: {outcome.unwritten}; these results are nowhere but here")
    if outcome.missing:
        note(f"missing: {len(outcome.missing)} of {counted(len(outcome.missing) + len(outcome.results), 'run')}")
        raise typer.Exit(130)
    if outcome.unwritten or any(result.status in _TROUBLE for result in outcome.results):
        raise typer.Exit(1)


_Folder = Annotated[Path, typer.Argument(help="A folder of results.")]


@command("report")
def report(
    folder: _Folder,
    picture: Annotated[
        Path | None, typer.Option(help="Draw shares of tasks solved, too: a .png, .svg or .pdf file.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    as_json: Json = False,
) -> None:
    """Write what a folder of results says: a page, tables, and a line a run."""
    from ualign_env.benchmark.reporting.write import write_report

    if picture is not None:
        check_picture(picture)
    written = write_report(folder)
    for name, why in written.damaged.items():
        note(f"ualign: warning: {name} is left out: {why}")
    if written.old:
        files = f"{len(written.old)} results" if len(written.old) > 1 else "a result"
        note(f"ualign: warning: {files} of old versions of agents left out, such as {written.old[0]}")
    if as_json:
        emit_json({"page": str(written.page), "runs": written.runs, "damaged": written.damaged, "old": written.old})
    else:
        runs = counted(written.runs, "run")
        emit(f"{runs}: {written.page}, and leaderboard.md, results.csv and summary.jsonl beside it")
    if picture is not None:
        draw("solved", written.boards, picture, as_json)
    if show:
        webbrowser.open(written.page.resolve().as_uri())


@command("compare")
def compare(
    first: Annotated[str, typer.Argument(help="A folder of results, or FOLDER:AGENT.")],
    second: Annotated[str, typer.Argument(help="Another, or FOLDER:AGENT.")],
    as_json: Json = False,
) -> None:
    """Compare agents, or two versions of them, on the tasks that both have learned."""
    from ualign_env.benchmark.reporting.compare import compare_folders

    found = compare_folders(first, second)
    if as_json:
        return emit_json(found)
    return shown.print_comparisons(found)


@command("submit")
def submit(
    folder: _Folder,
    out: Annotated[Path, typer.Option(help="The .tar.gz file.")] = Path("submission.tar.gz"),
    agent: Annotated[list[str] | None, typer.Option(help="Whose results; repeat for several.  [default: all]")] = None,
    sealed_seeds: Annotated[Path | None, typer.Option(help="The file of seeds of a sealed suite.")] = None,
    as_json: Json = False,
) -> None:
    """Check results, make three random runs again, and pack them for a leaderboard."""
    from ualign_env.benchmark.submit import submit as pack

    found = pack(folder, out, agent or None, sealed_seeds=sealed_seeds)
    if as_json:
        emit_json(found)
    else:
        emit(found.summary())
    if found.complaints:
        raise typer.Exit(1)


@command("check-agent")
def check_agent(
    agent: Annotated[str, typer.Argument(help="A name, FILE.py:function or module:function.")], as_json: Json = False
) -> None:
    """Check an agent: its seed, its plays, what it yields."""
    from ualign_env.benchmark.check import check_agent as check

    found = check(agent)
    if as_json:
        emit_json(found)
    else:
        emit(found.summary())
    if found.errors:
        raise typer.Exit(1)


def _chosen(suite: str | None, scenario: list[str] | None, k: str | None, l: str | None, sealed: Path | None) -> Suite:
    """Returns the suite that is meant, or one of scenarios that are named."""
    if scenario or k is not None or l is not None:
        few = sorted({_checks.number_of_responses(_checks.integer("l", part)) for part in (l or "1").split(",")})
        if suite is not None and suite.startswith(FOLDER) and not scenario:
            return folder_suite(suite, FOLDER_SIZES if k is None else sizes_in(k), few)
        if suite is not None:
            raise ValueError("--suite names scenarios, k and l: leave out --scenario, --k and --l, or --suite")
        return custom_suite(scenario or [specs.DEFAULT], sizes_in(k or "1,2,3"), few)
    return load_suite(suite or "quick", sealed)


def _folder(suite: Suite) -> str:
    """Returns the name of the folder for a suite's results; scenarios and budgets of somebody's own have one each."""
    return suite.name if suite.as_it_is else f"{suite.name}-{hashlib.sha256(suite.text.encode()).hexdigest()[:8]}"


def _planned(benchmark: Benchmark) -> str:
    """Returns of what runs are going to be made, in a line."""
    runs = benchmark.runs
    tasks = len({(run.name, run.task.k, run.task.l) for run in runs})
    suite = benchmark.suite
    on = f"{counted(len(benchmark.agents), 'agent')} on {counted(tasks, 'task')}"
    budgets = " or ".join(dict.fromkeys(str(run.budget) for run in runs))
    what = f"{suite.name} (version {suite.version}), by {on}"
    return f"{what}, each with {budgets}, and at most {runs[0].limits.wall:,.12g} s"


def _part(text: str) -> tuple[int, int]:
    first, _, second = text.partition("/")
    parts = _checks.count("shard", _checks.integer("shard", second or "1"), 1)
    return _checks.count("shard", _checks.integer("shard", first), 1, parts), parts


def _run(benchmark: Benchmark, executor: Executor, folder: Path, part: tuple[int, int], retry_failed: bool) -> Outcome:
    """Runs a benchmark, and tells how far it is."""
    with shown.Progress(_planned(benchmark)) as progress:
        return benchmark.run(
            executor, folder, part=part, retry_failed=retry_failed, on_begin=progress.begin, on_result=progress.add
        )
