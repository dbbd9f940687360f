"""Double oracle on the game of k responses against l."""

from collections.abc import Iterator

import ualign_env as ua


@ua.agent(random=False, joint=True)
def double_oracle(task: ua.Task) -> Iterator[ua.JointPolicy]:
    """Double oracle with exact best responses, on the game of k responses against l.

    Source: H. B. McMahan, G. J. Gordon & A. Blum, "Planning in the presence of cost functions controlled by an
    adversary", 2003.
    """
    scenario = task.scenario
    running = [ua.double_oracle(scenario, task.k, task.l, prompt=x) for x in range(scenario.n_prompts)]
    models = [next(steps).model for steps in running]
    going = True
    while going:
        sets, chances = (sum((getattr(model, name) for model in models), ()) for name in ("sets", "chances"))
        yield ua.JointPolicy(sets, chances, scenario.n_responses)
        steps = [next(one, None) for one in running]  # None where a prompt's game is solved
        models = [step.model if step else model for step, model in zip(steps, models, strict=True)]
        going = any(steps)
