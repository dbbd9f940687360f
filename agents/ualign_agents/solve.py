"""The exact solver of the package."""

from collections.abc import Iterator

import ualign_env as ua


@ua.agent(random=False)
def solve(task: ua.Task) -> Iterator[ua.Equilibrium]:
    """The equilibrium itself, by `ualign_env.solve`: interior points and active sets, to 1e-12.

    Source: ours; the method is that of S. J. Wright, Primal-Dual Interior-Point Methods, 1997.
    """
    yield ua.solve(task.scenario, task.k, tolerance=1e-12)
