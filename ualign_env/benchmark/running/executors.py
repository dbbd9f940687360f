"""Where the runs of a benchmark happen: in this process, or in processes of their own, several at a time."""

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from ualign_env import _checks
from ualign_env.benchmark.agents import Agent, MissingExtraError, load_agent
from ualign_env.benchmark.budget import Spent
from ualign_env.benchmark.information import CLASSES
from ualign_env.benchmark.plan import Run
from ualign_env.benchmark.results import RunResult
from ualign_env.benchmark.running.judge import Judge
from ualign_env.benchmark.running.learning import End, learn
from ualign_env.benchmark.running.starting import Nursery
from ualign_env.benchmark.running.unseen import answers, message_of, scenario_of
from ualign_env.benchmark.running.workers import Worker


class Executor(ABC):
    """Makes runs."""

    @abstractmethod
    def results(self, runs: Sequence[Run]) -> Iterator[RunResult]:
        """Makes runs, and yields what came of each, in whatever order they end.

        Where it is closed or interrupted, the runs that are going on end.
        """


class Inline(Executor):
    """Makes runs in this process, one after the other: classes of information are declared, and nothing is limited."""

    def __init__(self, agents: dict[str, Agent] | None = None) -> None:
        """Makes runs here.

        Args:
            agents: those that are no more than functions, by name; others are loaded.
        """
        self._agents = agents or {}

    def results(self, runs: Sequence[Run]) -> Iterator[RunResult]:
        for run in runs:
            yield self.result(run)

    def result(self, run: Run) -> RunResult:
        """Makes one run: an agent on a task, with a seed and a budget."""
        judge = Judge(run)
        end = End("unsupported", judge.refusal, Spent()) if judge.refusal else self._end(run, judge)
        return judge.result(end, enforced=False, limits={})

    def _end(self, run: Run, judge: Judge) -> End:
        information = run.agent.declared.information
        try:
            agent = self._agents.get(run.agent.place) or load_agent(run.agent.place)
        except MissingExtraError as error:
            return End("unsupported", str(error), Spent())
        except ValueError as error:
            return End("failed", str(error), Spent())
        task = run.task
        if CLASSES[information].hidden:
            plays = int(run.budget.amount) if run.budget.unit == "plays" else None
            task = task.for_agents(information, plays)
        held_out = run.task.scenario.held_out
        if held_out is None:
            return learn(agent, task, run.budget, judge.look)
        learned: list[Any] = []
        end = learn(agent, task.learned_on(), run.budget, judge.look, learned)
        for look, given in answers(learned, scenario_of(message_of(held_out)), run.task.k):
            judge.unseen(look, given)
        return judge.ended(end)


class Processes(Executor):
    """Makes runs in processes of their own, several at a time, which can neither cheat nor take others with them."""

    def __init__(self, workers: int = 1) -> None:
        """Makes runs elsewhere.

        Args:
            workers: the number of runs at a time, of which each has a process of its own.

        Raises:
            ValueError: if it is no count.
        """
        self.workers = _checks.count("workers", workers, 1)

    def results(self, runs: Sequence[Run]) -> Iterator[RunResult]:
        if not runs:
            return
        stop = threading.Event()
        waiting: queue.SimpleQueue[Run] = queue.SimpleQueue()
        done: queue.SimpleQueue[RunResult | BaseException] = queue.SimpleQueue()
        for run in sorted(runs, key=lambda run: run.agent.place):  # a worker keeps an agent's server
            waiting.put(run)
        nursery = Nursery()
        threads = [
            threading.Thread(target=_work, args=(nursery, stop, waiting, done), daemon=True)
            for _ in range(min(self.workers, len(runs)))
        ]
        try:
            for thread in threads:
                thread.start()
            for _ in range(len(runs)):
                found = done.get()
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            nursery.close()


def _work(
    nursery: Nursery,
    stop: threading.Event,
    waiting: "queue.SimpleQueue[Run]",
    done: "queue.SimpleQueue[RunResult | BaseException]",
) -> None:
    """Makes runs until there are none left."""
    worker = None
    try:
        worker = Worker(nursery, stop)
        while not stop.is_set():
            try:
                run = waiting.get_nowait()
            except queue.Empty:
                break
            done.put(worker.run(run))
    except BaseException as error:
        done.put(error)
    finally:
        if worker is not None:
            worker.close()
