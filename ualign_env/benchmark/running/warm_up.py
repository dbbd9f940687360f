"""Compiles every loop before a clock runs, so that no agent's time includes that."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ualign_env._mailbox import Mailbox, ask
from ualign_env.benchmark.oracle import OracleServer, RemoteUsers, UserOracle, local_oracle
from ualign_env.payoffs import win_rate
from ualign_env.policies.tables import JointPolicy, Mixture, Outputs, Players
from ualign_env.scenario import Scenario
from ualign_env.scoring.metrics import score
from ualign_env.simulation.batch import BatchedGame, repeated_rows
from ualign_env.solvers.best_responses import best_responses
from ualign_env.solvers.symmetric import solve
from ualign_env.users import Picker, Users, warm_up
from ualign_env.users.draws import UserDraws


def warm_up_everything(users: Users) -> None:
    """Asks a tiny part of some users all that can be asked of users of their kind, and plays a game with them."""
    warm_up(users, "everything", _ask_everything)


def _ask_everything(tiny: Users) -> None:
    n = tiny.n_responses
    uniform = np.full(n, 1 / n)
    score(tiny, uniform, 1)
    score(tiny, Players(np.tile(uniform, (2, 1))), 1)
    solve(tiny, 1)
    tiny.restricted(np.arange(n))
    tiny.pairwise()
    tiny.user_favourites()
    tiny.type_shares(np.zeros(1, np.int64), np.zeros((1, 2), np.int64))
    _play(tiny)
    if not tiny.knows(21):
        return
    several = np.tile(uniform, (3, 1))
    pool, sizes = np.ones(n, np.int64), np.ones(1, np.int64)
    tiny.pool_payoffs(pool[None], sizes)
    tiny.pool_values(pool, pool, sizes)
    score(tiny, uniform, 20)
    score(tiny, Players(several), 2)
    score(tiny, Mixture(several, np.ones(3)), 2)
    shown = JointPolicy((np.zeros((1, 2), np.int64),), (np.ones(1),), n)
    score(tiny, shown, 2)
    for policy in (uniform, Outputs(several[:2]), shown):
        for method in ("enumeration", "greedy"):
            best_responses(tiny, policy, 2, 2, method)
    tiny.against_samples(uniform[None, :], np.ones(1), 2).values(np.zeros((20, 2), np.int64))
    win_rate(tiny, uniform, 2, 0)
    win_rate(tiny, uniform, 2, uniform, l=2)
    solve(tiny, 2)
    tiny.matrix(np.zeros((1, 2), np.int64), np.zeros((1, 1), np.int64))


def _play(tiny: Users) -> None:
    """Asks users here and by a mailbox, and plays games, with two slots."""
    shown = np.zeros((1, 2), np.int64)
    local_oracle(Scenario([tiny]), 2, 0).pick(shown)
    with TemporaryDirectory(prefix="ualign-") as folder:
        path = Path(folder) / "plays"
        server = OracleServer(Scenario([tiny]), 2, 0, 1, path)
        UserOracle(RemoteUsers(path, 2), [tiny.n_responses], 2, 1).pick(shown)
        server.close()
        box, done = Mailbox(path, 2), np.array((1, 0))
        ask(box.words, 1, 1)
        Picker([tiny]).serve(box, UserDraws([tiny], 0), 2, done, 10)
    for feedback in ("pick", "expected"):
        games = BatchedGame(tiny, 2, feedback=feedback)
        prompts = games.reset(0)
        games.step(shown)
        repeated_rows(games.scenario.observations, prompts, 2)
