"""Checks of an agent before it competes: what it yields, and whether seed and plays are what they are said to be."""

import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn

import numpy as np

from ualign_env._result import Result
from ualign_env.benchmark.agents import Agent, AgentInfo, describe_agent, line_of, load_agent
from ualign_env.benchmark.information import CLASSES
from ualign_env.benchmark.oracle import OutOfPlaysError
from ualign_env.benchmark.running.learning import policies_of
from ualign_env.benchmark.tasks import Checkpoint, Task
from ualign_env.policies.tabulate import read
from ualign_env.scenario import Scenario
from ualign_env.simulation.batch import BatchedGame
from ualign_env.users import Population

_STEPS, _PLAYS = 12, 20_000
_SECONDS = 120.0  # on a task


@dataclass(frozen=True)
class AgentCheck(Result):
    """What was found of an agent.

    Attributes:
        agent: its name.
        errors: what makes its results worthless.
        warnings: what may be meant, and should be looked at.
        passed: what was found in order.
    """

    agent: str
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    passed: tuple[str, ...]

    def summary(self) -> str:
        """Returns all findings, a line each."""
        kinds = (("error", self.errors), ("warning", self.warnings), ("ok", self.passed))
        return "\n".join(f"{kind}: {text}" for kind, found in kinds for text in found)


@dataclass
class _Learned:
    """What an agent did on a task: fingerprints of its policies, as they were yielded and a step later."""

    digests: list[str]
    changed: bool
    plays: int
    said: bool
    played: int


def check_agent(place: str) -> AgentCheck:
    """Lets an agent take a few steps on small tasks, and returns what there is to say of it.

    Args:
        place: its name, `FILE.py:function` or `module:function`.

    Raises:
        ValueError: if there is no such agent, or it cannot be imported.
    """
    info, agent = describe_agent(place), load_agent(place)
    errors: list[str] = []
    warnings: list[str] = []
    passed = [f"class {CLASSES[info.declared.information].badge}, {info.declared.information}"]
    if not info.summary:
        warnings.append("it has no docstring, whose first line leaderboards and `ualign list` show")
    runs: dict[tuple[str, int], _Learned] = {}
    for name, task in _tasks(info).items():
        for seed in (0, 0, 1) if name == _SEEDS else (0,):
            key = (name, len(runs))
            try:
                runs[key] = _learned(agent, info, Task(task.scenario, task.k, seed, task.l))
            except (Exception, SystemExit) as error:
                line = line_of("".join(traceback.format_exception(error)), info.place)
                errors.append(f"on {name}: {type(error).__name__}: {error}{line}")
                break
        else:
            passed.append(f"learns {name}")
    if errors:
        warnings.append("its seed, its plays and its policies are checked once these errors are mended")
    else:
        same, again, other = (run for (name, _), run in runs.items() if name == _SEEDS)
        _judge_seeds(info, same, again, other, errors, warnings, passed)
        _judge_plays(info, list(runs.values()), errors, warnings, passed)
        if any(run.changed for run in runs.values()):
            warnings.append(
                "a policy that was yielded is another one a step later: the benchmark reads policies at once, but "
                "whoever collects them sees the last one many times; yield a copy"
            )
        else:
            passed.append("policies stay what they were when they were yielded")
    return AgentCheck(info.name, tuple(errors), tuple(warnings), tuple(passed))


_SEEDS = "several responses, k = 2"


def _tasks(info: AgentInfo) -> dict[str, Task]:
    unequal = Scenario(
        [
            Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 0, 1]], [4, 3, 2]),
            Population.from_rankings([[0, 1], [1, 0]]),
        ],
        probabilities=[0.7, 0.3],
    )
    several = Scenario([Population.from_rankings([[0, 1, 2, 3], [1, 2, 3, 0], [3, 2, 1, 0]], [5, 4, 3])])
    return {
        _SEEDS: Task(several, 2, l=1 + info.declared.joint),
        "one sample, k = 1": Task(several, 1),
        "prompts with different numbers of responses": Task(unequal, 2),
        "one response": Task(Scenario([Population.from_rankings([[0]])]), 2),
    }


def _learned(agent: Agent, info: AgentInfo, task: Task) -> _Learned:
    """Lets an agent take some steps."""
    hidden = CLASSES[info.declared.information].hidden
    shown = task.for_agents(info.declared.information, _PLAYS if hidden else None)
    digests: list[str] = []
    before: Any = None
    changed = said = False
    with _counted() as games, _at_most(_SECONDS):
        try:
            for given in islice(policies_of(agent, shown), _STEPS):
                if isinstance(given, Checkpoint):
                    said |= given.plays is not None
                    given = given.policy
                if before is not None and isinstance(before, np.ndarray | list):
                    changed |= read(before, shown.scenario, task.k).digest() != digests[-1]
                before = given
                digests.append(read(given, shown.scenario, task.k).digest())
        except OutOfPlaysError as error:
            if not digests:
                raise ValueError(f"it yielded no policy within {_PLAYS:,} plays: {error}") from None
    if not digests:
        raise ValueError("it yielded no policy")
    return _Learned(digests, changed, shown.users().plays, said, games[0])


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Ends what takes longer, where the system has an alarm, which rings in the main thread alone."""

    def ring(*_: Any) -> NoReturn:
        raise TimeoutError(f"{_STEPS} steps took more than {seconds:g} seconds")

    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _counted() -> Iterator[list[int]]:
    """Counts the games that are played in environments of this process."""
    games, step = [0], BatchedGame.step

    def counting(self: BatchedGame, actions: Any) -> Any:
        games[0] += self.num_games
        return step(self, actions)

    BatchedGame.step = counting
    try:
        yield games
    finally:
        BatchedGame.step = step


def _judge_seeds(
    info: AgentInfo,
    same: _Learned,
    again: _Learned,
    other: _Learned,
    errors: list[str],
    warnings: list[str],
    passed: list[str],
) -> None:
    if same.digests != again.digests:
        errors.append(
            "with the same seed it learned something else: draw from task.rng() alone, and seed what others draw from"
        )
    elif info.declared.random and same.digests == other.digests:
        warnings.append("another seed changed nothing: if it depends on none, declare random=False")
    elif not info.declared.random and same.digests != other.digests:
        errors.append("it is declared random=False, but another seed gave other policies")
    else:
        passed.append("its seed is all of its randomness")


def _judge_plays(
    info: AgentInfo, runs: list[_Learned], errors: list[str], warnings: list[str], passed: list[str]
) -> None:
    hidden = CLASSES[info.declared.information].hidden
    if hidden and not any(run.plays for run in runs):
        warnings.append("it never asked a user: what it learned does not depend on anybody's preferences")
    elif not hidden and any(run.played for run in runs) and not any(run.said for run in runs):
        errors.append(
            f"it plays games (at least {max(run.played for run in runs):,}) that nobody counts: yield "
            "Checkpoint(policy, plays=...), or declare information='picks'"
        )
    else:
        passed.append("its plays are counted" if hidden or any(run.played for run in runs) else "it plays no games")
