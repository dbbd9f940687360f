"""Double oracle on the game of k responses against l."""

from collections.abc import Iterator

from ualign_env import JointPolicy
from ualign_env.benchmark.tasks import Task
from ualign_env.solvers import versus


def double_oracle(task: Task) -> Iterator[JointPolicy]:
    """Double oracle with exact best responses, on the game of k responses against l."""
    running = [versus.double_oracle(population, task.k, task.l) for population in task.scenario.populations]
    models = [next(steps)[0] for steps in running]
    going = True
    while going:
        sets, chances = (tuple(getattr(model, name) for model in models) for name in ("sets", "chances"))
        yield JointPolicy(sets, chances, task.scenario.n_responses)
        steps = [next(one, None) for one in running]  # None where a prompt's game is solved
        models = [step[0] if step else model for step, model in zip(steps, models, strict=True)]
        going = any(steps)
