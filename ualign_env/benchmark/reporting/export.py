"""Results for other people's tools, replayed from files, so that no run ever waits for a service.

Whatever takes looks and results can be a hook: anything else than TensorBoard plugs into the same place.
"""

import os
from pathlib import Path
from typing import Any, Protocol

from ualign_env.benchmark.plan import slug
from ualign_env.benchmark.results import Look, RunResult
from ualign_env.benchmark.store import Store


class Hook(Protocol):
    """What results are replayed to."""

    def on_look(self, result: RunResult, look: Look) -> None:
        """Is told of each look of a run, in order."""

    def on_run(self, result: RunResult) -> None:
        """Is told that the run is over."""


def replay(folder: str | os.PathLike[str], hook: Hook) -> int:
    """Tells a hook of everything in a folder of results, and returns of how many runs.

    Raises:
        ValueError: if there are none.
    """
    results = Store(folder).read().results
    if not results:
        raise ValueError(f"{os.fspath(folder)!r} holds no results")
    for result in results.values():
        for look in result.trace:
            hook.on_look(result, look)
        hook.on_run(result)
    return len(results)


class TensorBoard:
    """Writes event files for TensorBoard: a run each, with shortfall and NashConv by steps, seconds and plays."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Takes the folder to write to; needs the extra `logging`."""
        try:
            from tensorboardX import SummaryWriter
        except ModuleNotFoundError:
            raise ValueError("TensorBoard's files need tensorboardX: pip install 'ualign-env[logging]'") from None
        if Path(folder).is_dir() and any(Path(folder).iterdir()):
            raise ValueError(f"{os.fspath(folder)!r} is not empty, and TensorBoard would show what is there, too")
        self._folder, self._writers, self._kind = Path(folder), dict[str, Any](), SummaryWriter

    def on_look(self, result: RunResult, look: Look) -> None:
        """Writes a look."""
        name = f"{slug(result.agent)}/{slug(result.task)}-k{result.k}-l{result.l}-s{result.seed}"
        if name not in self._writers:
            self._writers[name] = self._kind(str(self._folder / name), write_to_disk=True)
        writer = self._writers[name]
        writer.add_scalar("shortfall", look.shortfall, look.steps, walltime=look.wall)
        writer.add_scalar("shortfall by milliseconds of CPU", look.shortfall, round(1e3 * look.cpu), walltime=look.wall)
        if look.plays:
            writer.add_scalar("shortfall by plays", look.shortfall, look.plays, walltime=look.wall)
        if look.nash_conv is not None:
            writer.add_scalar("NashConv", look.nash_conv, look.steps, walltime=look.wall)

    def on_run(self, result: RunResult) -> None:  # noqa: ARG002
        """Ends the file of a run."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
