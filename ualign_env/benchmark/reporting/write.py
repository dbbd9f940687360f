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
from ualign_env.benchmark.reporting.page import as_json, page
from ualign_env.benchmark.reporting.standings import Board, boards, failures
from ualign_env.benchmark.reporting.statistics import ERT_TARGETS
from ualign_env.benchmark.results import RunResult
from ualign_env.benchmark.store import Store

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
    """

    page: Path
    runs: int
    boards: tuple[Board, ...]
    damaged: dict[str, str]


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
    command = f"ualign bench --suite {suite.partition(' ')[0]} --out {store.folder.name}"
    about = results[0].machine or machine()
    found_boards = boards(results)
    texts = {
        "report.html": page(results, f"Alignment games: {suite}", command, about, found_boards),
        "leaderboard.md": markdown(found_boards, results),
        "results.csv": table(results),
        "summary.jsonl": "".join(f"{as_json(summary(result))}\n" for result in results),
    }
    for name, text in texts.items():
        write_file(store.folder / name, lambda file, text=text: file.write(text.encode()))
    return Report(store.folder / "report.html", len(results), tuple(found_boards), found.damaged)


def summary(result: RunResult) -> dict[str, Any]:
    """Returns a result without its policy and traces: what is collected, and compared."""
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
        unit = "seconds of CPU" if board.unit == "seconds" else board.unit
        lines += [f"## {board.title}", "", f"{len(board.tasks)} tasks, {board.budget:,g} {unit}", ""]
        heads = ["agent", "rank", "score", "95%", "solved", *(f"to {target:.0e}" for target in ERT_TARGETS), "started"]
        lines += [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
        for row in board.standings:
            low, high = row.score.low, row.score.high
            cells = [
                row.agent,
                "-" if row.rank is None else str(row.rank),
                f"{row.score.value:.2f}",
                "" if low is None or high is None else f"{low:.2f} to {high:.2f}",
                f"{row.curve.shares[-1]:.0%}",
                *(f"{cost:.3g}" if cost < float("inf") else "-" for cost in row.costs),
                f"{row.started}/{len(board.tasks)}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    missing = failures(results)
    if missing:
        lines += ["## Not learned", "", "| agent | what | runs | why |", "| --- | --- | --- | --- |"]
        lines += [f"| {agent} | {status} | {count} | {_cell(reason)} |" for agent, status, reason, count in missing]
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:300]
