"""What a run has found: schema 1 of the benchmark's files."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ualign_env import _checks
from ualign_env._result import Result
from ualign_env._text import counted
from ualign_env._types import Floats
from ualign_env.benchmark.budget import Budget, Spent
from ualign_env.benchmark.information import CLASSES, Information, Unit

SCHEMA = 1

Status = Literal["learned", "unsupported", "failed", "timeout", "out-of-memory", "died", "interrupted"]

#: Finished runs are not made again unless that is asked for.
FINISHED: tuple[Status, ...] = ("learned", "unsupported", "failed", "timeout", "out-of-memory", "died")


#: What a limit has ended had learned something before; what is broken has not.
_RANKED: tuple[Status, ...] = ("learned", "timeout", "out-of-memory")


def line_of(value: Any) -> str:
    """Returns plain values as a line of JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n"


@dataclass(frozen=True, kw_only=True)
class Look(Spent):
    """What an agent had learned when it was looked at, and what it had spent by then.

    Attributes:
        shortfall: what the robust win rate lacks to the optimum.
        nash_conv: NashConv, None where the policy is no profile of the game.
        score_seconds: what scoring it took.
        trained: where prompts are held out, the shortfall on those that were learned on; `shortfall` is then that on
            the others. None where there are none.
    """

    shortfall: float
    nash_conv: float | None
    score_seconds: float
    trained: float | None = None


@dataclass(frozen=True)
class RunResult(Result):
    """What an agent achieved on a task.

    Attributes:
        agent: its name.
        version: its version.
        information: its class.
        random: whether it depends on the seed.
        joint: whether it chooses its k responses together.
        enforced: whether it could not see more than its class may: it ran in a process of its own, and was scored in
            another.
        package: the distribution that offers it.
        place: where it is: its name, `FILE.py:function` or `module:function`.
        suite: name and version of the suite, empty where it is none.
        task: the task's name in the suite, or the scenario's.
        spec: the scenario's spec.
        scenario_digest: fingerprint of the scenario.
        k: number of responses shown.
        l: number of responses of the opponent.
        seed: the task's seed.
        unit: what the budget is counted in.
        budget: how much of it there was.
        digest: fingerprint of all of these that decide what is learned.
        status: `"learned"`, `"unsupported"` where the agent refused the task as too large, `"failed"`, `"timeout"`,
            `"out-of-memory"`, `"died"` where its process did, `"interrupted"` where the user did.
        error: why it is not `"learned"`, None if it is.
        optimum: the robust win rate that shortfalls are counted from: k/(k+1) for samples of a policy against single
            responses, and the value of the game of k against l else.
        trace: looks while it learned.
        final: the number of the last look inside the budget, whose policy is ranked; None where there is none.
        scorecard: metrics of that policy, as `Scorecard` names them; without prompts, groups and opponents.
        table: what kind of policy it is: `"SharedPolicy"`, `"Mixture"`, ...
        policy: `[P][N]` how often it shows each response.
        policy_digest: a fingerprint of all of it.
        cpu: seconds of CPU spent in all.
        wall: seconds on the wall, without scoring.
        steps: steps in all.
        plays: plays in all.
        longest_step: seconds of CPU of the longest step.
        max_rss_mb: the most memory of the process, None where it is not known.
        score_seconds: seconds of reading and scoring.
        output: the last lines that the agent printed.
        limits: seconds on the wall, and megabytes, that were enforced; None where they were not.
        machine: versions and machine.
        finished: when it ended, in UTC, as ISO 8601 has it.
        held_out: the same metrics of that policy on the prompts held out; None where there are none, or it is no
            function of what is seen of prompts.
    """

    agent: str
    version: str
    information: Information
    random: bool
    joint: bool
    enforced: bool
    package: str
    place: str
    suite: str
    task: str
    spec: str
    scenario_digest: str
    k: int
    l: int
    seed: int
    unit: Unit
    budget: float
    digest: str
    status: Status
    error: str | None
    optimum: float
    trace: tuple[Look, ...]
    final: int | None
    scorecard: dict[str, Any] | None
    table: str | None
    policy: list[list[float]] | None
    policy_digest: str | None
    cpu: float
    wall: float
    steps: int
    plays: int
    longest_step: float
    max_rss_mb: float | None
    score_seconds: float
    output: str
    limits: dict[str, float | None]
    machine: dict[str, str]
    finished: str
    held_out: dict[str, Any] | None = None

    @cached_property
    def spending(self) -> Floats:
        """`[L]` what had been spent of the budget at each look."""
        return np.array([look.of(self.unit) for look in self.trace], np.float64)

    @cached_property
    def shortfalls(self) -> Floats:
        """`[L]` the shortfall at each look."""
        return np.array([look.shortfall for look in self.trace], np.float64)

    @property
    def ranked(self) -> Look | None:
        """The look that is ranked, None where the agent failed, or had learned nothing inside its budget."""
        return self.trace[self.final] if self.final is not None and self.status in _RANKED else None

    @property
    def shortfall(self) -> float:
        """What the ranked policy lacks to the optimum; where there is none, all of it: nothing shown wins nothing."""
        return self.optimum if self.ranked is None else self.ranked.shortfall

    @property
    def badge(self) -> str:
        """The letter of its class."""
        return CLASSES[self.information].badge

    @property
    def advice(self) -> str | None:
        """Why nothing was won on prompts held out by an agent that has learned."""
        if self.held_out is not None or self.ranked is None or self.ranked.trained is None:
            return None
        return (
            "what it learned is of the prompts it was given: only functions of what is seen of a prompt, such as "
            "modules and callables, say something of others, and only those of runs that no limit has ended"
        )

    def summary(self) -> str:
        """Returns the agent, its score and what it spent."""
        found = self.ranked
        if found is None:
            said = f"{self.status}: {self.error}" if self.error else f"nothing within {Budget(self.unit, self.budget)}"
        else:
            said = f"robust win rate {self.optimum - found.shortfall:.6f} of {self.optimum:.6f}"
            if found.trained is not None:
                said += f" on prompts held out, {self.optimum - found.trained:.6f} on those learned on"
        spent = f"{counted(self.steps, 'step')} in {self.cpu:.2f} s of CPU"
        return f"{self.agent} on {self.task}, k = {self.k}: {said}, {spent}"

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as plain values; looks as rows, whose columns are named once."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        columns = [field.name for field in fields(Look)]
        rows = [[getattr(look, name) for name in columns] for look in self.trace]
        return {"schema": SCHEMA} | found | {"trace": {"columns": columns, "rows": rows}, "advice": self.advice}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "RunResult":
        """Makes a result of what `to_dict` returned.

        Args:
            content: that, as it comes from JSON.

        Raises:
            ValueError: if it is of another schema, or damaged.
        """
        if not isinstance(content, Mapping) or content.get("schema") != SCHEMA:
            given = content.get("schema") if isinstance(content, Mapping) else content
            raise ValueError(f"a result of schema {given!r:.100}, but this version reads schema {SCHEMA}")
        known: dict[str, Any] = {field.name: content.get(field.name) for field in fields(cls)}
        missing = [one.name for one in fields(cls) if one.default is MISSING and one.name not in content]
        if missing:
            raise ValueError(f"a result without {', '.join(missing)}")
        try:
            trace = content["trace"]
            looks = tuple(Look(**dict(zip(trace["columns"], row, strict=True))) for row in trace["rows"])
            _checks.one_of("information", known["information"], CLASSES)
            if not (known["final"] is None or 0 <= known["final"] < len(looks)):
                raise ValueError(f"final is {known['final']}, but there are {len(looks)} looks")
        except (KeyError, TypeError) as error:
            raise ValueError(f"a damaged result: {error!r}") from None
        known["trace"] = looks
        return cls(**known)
