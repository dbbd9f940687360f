"""An agent of your own for the benchmark: it shows users k + 1 responses, and learns from which one they pick.

Run: ualign bench --agent examples/own_agent.py:follow_the_winner --agent exp3
"""

from collections.abc import Iterator

import numpy as np

import ualign_env as ua


@ua.agent(information="picks")
def follow_the_winner(task: ua.Task) -> Iterator[np.ndarray]:
    """Shows samples of what it has seen win, and a random response now and then; an answer a step."""
    users, rng = task.users(), task.rng()
    prompts, n = task.scenario.legal.shape
    wins = task.scenario.legal.astype(float)
    while True:
        x = rng.choice(prompts, p=task.scenario.probabilities)
        chances = 0.9 * wins[x] / wins[x].sum() + 0.1 * task.scenario.legal[x] / task.scenario.legal[x].sum()
        shown = rng.choice(n, size=task.slots, p=chances)
        wins[x] *= 0.999
        wins[x, shown[users.pick_one(shown.tolist(), x)]] += 1
        yield wins / wins.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    benchmark = ua.Benchmark(["german-goals"], [follow_the_winner, "exp3"], seeds=1, plays=5_000)
    for result in benchmark.run().results:
        print(result.summary())
