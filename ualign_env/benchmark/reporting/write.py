"""Writes what a folder of results says beside the results."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ualign_env._files import write_file
from ualign_env.benchmark.machine import machine
from ualign_env.benchmark.reporting.page import page
from ualign_env.benchmark.reporting.standings import Board, boards, cells_of, failures
from ualign_env.benchmark.reporting.unseen import blind_rates, told
from ualign_env.benchmark.results import RunResult, line_of
from ualign_env.benchmark.store import Store
from ualign_env.benchmark.suite import is_shipped

_COLUMNS = (
    "agent", "version", "information", "joint", "suite", "task", "k", "l", "seed", "unit", "budget", "status",
    "optimum", "shortfall", "cpu", "wall", "steps", "plays", "max_rss_mb", "score_seconds", "digest",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        page: the path of the page.
        runs: how many results it is of.
        boards: their leaderboards.
        damaged: files that could not be read, with the reason.
        old: files of old versions of agents, which are left out.
    """

    page: Path
    runs: int
    boards: tuple[Board, ...]
    damaged: dict[str, str]
    old: list[str]


def write_report(folder: str | os.PathLike[str]) -> Report:
    """Writes `report.html`, `leaderboard.md`, `results.csv` and `summary.jsonl` into a folder of results.

    Raises:
        ValueError: if there are no results, those of several suites are mixed, or the folder cannot be written to.
    """
    store = Store(folder)
    found = store.read()
    results = sorted(found.results.values(), key=lambda one: (one.agent, one.task, one.k, one.l, one.seed))
    if not results:
        raise ValueError(f"{os.fspath(folder)!r} holds no results: ualign bench --out {os.fspath(folder)} makes some")
    suite = results[0].suite
    about = results[0].machine or machine()
    found_boards = boards(results)
    known = told(store.suite() or "", blind_rates(results))
    texts = {
        "report.html": page(results, f"Alignment games: {suite}", _command(store, suite), about, found_boards, known),
        "leaderboard.md": markdown(found_boards, results),
        "results.csv": table(results),
        "summary.jsonl": "".join(line_of(summary(result)) for result in results),
    }
    for name, text in texts.items():
        write_file(store.folder / name, lambda file, text=text: file.write(text.encode()))
    return Report(store.folder / "report.html", len(results), tuple(found_boards), found.damaged, found.old)


def _command(store: Store, suite: str) -> str:
    """Returns what makes the results again, but for the choice of agents and seeds."""
    text, name = store.suite() or "", suite.partition(" ")[0]
    if "[[task]]" not in text:
        return f"Benchmark(...).run(out={str(store.folder)!r})"
    chosen = name if is_shipped(name, text) else store.folder / "suite.toml"
    return f"ualign bench --suite {chosen} --out {store.folder}"


def summary(result: RunResult) -> dict[str, Any]:
    """Returns a result without its policy, scorecard and output: what is collected, and compared."""
    content = result.to_dict()
    left_out = ("policy", "scorecard", "output", "machine", "limits", "advice", "error")
    return {name: value for name, value in content.items() if name not in left_out}


def table(results: Sequence[RunResult]) -> str:
    """Returns results as csv, a row a run."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for result in results:
        writer.writerow([getattr(result, name) for name in _COLUMNS])
    return out.getvalue()


def markdown(found: Sequence[Board], results: Sequence[RunResult]) -> str:
    """Returns leaderboards in Markdown."""
    lines = [f"# {results[0].suite}", ""]
    for board in found:
        lines += [f"## {board.title}", "", board.scope, ""]
        lines += [f"| {' | '.join(board.columns)} |", f"|{' --- |' * len(board.columns)}"]
        lines += [f"| {' | '.join(cells_of(row, board))} |" for row in board.standings]
        lines.append("")
    missing = failures(results)
    if missing:
        lines += ["## Not learned", "", "| agent | what | runs | why |", "| --- | --- | --- | --- |"]
        lines += [f"| {agent} | {status} | {count} | {_cell(reason)} |" for agent, status, reason, count in missing]
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:300]
