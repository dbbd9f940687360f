"""Alignment games: users disagree, a policy shows each of them k responses, and the rate to reach is k / (k + 1).

Importing the package registers the games `python_ualign`, `python_ualign_turn`, `python_ualign_versus` and
`python_ualign_versus_by_response` with OpenSpiel, the environments `ualign/Exploiter-v0`, `ualign/SelfPlay-v0` and
`ualign/Seats-v0` with Gymnasium, and `ualign/alignment-v0` and `ualign/versus-v0` (`ualign-v0` and `ualign-versus-v0`
for short) with PettingZoo, where these can be imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import ualign_env._command  # noqa: F401  # first: the rest takes a while, in which Ctrl-C may come
from ualign_env import registration
from ualign_env._checks import TooLargeError
from ualign_env.benchmark.agents import agent
from ualign_env.benchmark.benchmark import Benchmark, run
from ualign_env.benchmark.results import RunResult
from ualign_env.benchmark.running.executors import Inline, Processes
from ualign_env.benchmark.tasks import Checkpoint, Task
from ualign_env.citation import Citation, cite
from ualign_env.exports.croissant import save_croissant
from ualign_env.payoffs import choice_shares, deviation_payoffs, leave_one_out_payoffs, payoff_tensor, win_rate
from ualign_env.policies.tables import JointPolicy, Mixture, Outputs, Players, SharedPolicy
from ualign_env.policies.tabulate import greedy, tabulate
from ualign_env.readers.generations import Generations, read_generations
from ualign_env.readers.orders import read_ballots, read_orders
from ualign_env.readers.pabulib import read_pabulib
from ualign_env.readers.pairwise import read_pairwise, read_preferences
from ualign_env.readers.picks import read_picks
from ualign_env.readers.polis import read_polis
from ualign_env.readers.preflib import read_preflib
from ualign_env.readers.ratings import read_ratings
from ualign_env.readers.wide import read_wide_ratings
from ualign_env.scenario import Scenario
from ualign_env.scoring.curves import Curve, Family, VersusMap, equilibrium_family, versus_map, win_rate_curve
from ualign_env.scoring.evaluation import Evaluation, evaluate_generations
from ualign_env.scoring.groups import group_rewards
from ualign_env.scoring.inspection import Inspection, inspect_scenario
from ualign_env.scoring.metrics import exploitability, nash_conv, robust_win_rate, score
from ualign_env.scoring.sample_curves import SampleCurve, sample_curve
from ualign_env.scoring.samples import SampleScore, score_samples
from ualign_env.scoring.scorecard import Scorecard
from ualign_env.simulation.batch import BatchedExploiter, BatchedGame, BatchedVersusGame
from ualign_env.solvers.best_lottery import BestLottery, best_maximal_lottery
from ualign_env.solvers.best_responses import BestResponses, best_responses
from ualign_env.solvers.maximal_lottery import MaximalLotteries, maximal_lotteries
from ualign_env.solvers.mirror_descent import SelfPlay, mirror_descent, self_play
from ualign_env.solvers.proximal import proximal
from ualign_env.solvers.result import ConvergenceWarning, Equilibrium
from ualign_env.solvers.symmetric import regularised_exploitability, solve
from ualign_env.solvers.versus import (
    DoubleOracleStep,
    MatrixEquilibrium,
    VersusEquilibrium,
    double_oracle,
    matrix_game,
    solve_versus,
)
from ualign_env.specs import list_scenarios, load_scenario, register_scenario
from ualign_env.users import Contest, LogitUsers, PairwiseUsers, Population, ProbitUsers, Users, noisy_users

if TYPE_CHECKING:
    from ualign_env.envs.open_spiel.forms import cached_game, tensor_game
    from ualign_env.envs.open_spiel.games import load_game
    from ualign_env.envs.open_spiel.policies import GamePolicy, joint_policy
    from ualign_env.envs.open_spiel.versus import load_versus_game
    from ualign_env.envs.sb3.vec_env import SB3VecEnv as SB3VecEnv
    from ualign_env.envs.torch.payoffs import DifferentiablePayoffs as DifferentiablePayoffs
    from ualign_env.exports.nfg import save_nfg

#: Names that need a framework, which is imported when they are first used; those of an extra are not in `__all__`.
_LAZY = {
    "DifferentiablePayoffs": "envs.torch.payoffs",
    "GamePolicy": "envs.open_spiel.policies",
    "SB3VecEnv": "envs.sb3.vec_env",
    "cached_game": "envs.open_spiel.forms",
    "joint_policy": "envs.open_spiel.policies",
    "load_game": "envs.open_spiel.games",
    "load_versus_game": "envs.open_spiel.versus",
    "save_nfg": "exports.nfg",
    "tensor_game": "envs.open_spiel.forms",
}

registration.register()

__version__ = "0.1.0"

__all__ = [
    "BatchedExploiter",
    "BatchedGame",
    "BatchedVersusGame",
    "Benchmark",
    "BestLottery",
    "BestResponses",
    "Checkpoint",
    "Citation",
    "Contest",
    "ConvergenceWarning",
    "Curve",
    "DoubleOracleStep",
    "Equilibrium",
    "Evaluation",
    "Family",
    "GamePolicy",
    "Generations",
    "Inline",
    "Inspection",
    "JointPolicy",
    "LogitUsers",
    "MatrixEquilibrium",
    "MaximalLotteries",
    "Mixture",
    "Outputs",
    "PairwiseUsers",
    "Players",
    "Population",
    "ProbitUsers",
    "Processes",
    "RunResult",
    "SampleCurve",
    "SampleScore",
    "Scenario",
    "Scorecard",
    "SelfPlay",
    "SharedPolicy",
    "Task",
    "TooLargeError",
    "Users",
    "VersusEquilibrium",
    "VersusMap",
    "agent",
    "best_maximal_lottery",
    "best_responses",
    "cached_game",
    "choice_shares",
    "cite",
    "deviation_payoffs",
    "double_oracle",
    "equilibrium_family",
    "evaluate_generations",
    "exploitability",
    "greedy",
    "group_rewards",
    "inspect_scenario",
    "joint_policy",
    "leave_one_out_payoffs",
    "list_scenarios",
    "load_game",
    "load_scenario",
    "load_versus_game",
    "matrix_game",
    "maximal_lotteries",
    "mirror_descent",
    "nash_conv",
    "noisy_users",
    "payoff_tensor",
    "proximal",
    "read_ballots",
    "read_generations",
    "read_orders",
    "read_pabulib",
    "read_pairwise",
    "read_picks",
    "read_polis",
    "read_preferences",
    "read_preflib",
    "read_ratings",
    "read_wide_ratings",
    "register_scenario",
    "regularised_exploitability",
    "robust_win_rate",
    "run",
    "sample_curve",
    "save_croissant",
    "save_nfg",
    "score",
    "score_samples",
    "self_play",
    "solve",
    "solve_versus",
    "tabulate",
    "tensor_game",
    "versus_map",
    "win_rate",
    "win_rate_curve",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'ualign_env' has no attribute {name!r}")
    try:
        found = getattr(import_module(f"ualign_env.{_LAZY[name]}"), name)
    except ModuleNotFoundError as error:
        needed = (error.name or "").partition(".")[0]
        package = {"pyspiel": "open_spiel", "stable_baselines3": "'ualign-env[sb3]'"}.get(needed, needed)
        raise ModuleNotFoundError(f"{name} needs {needed}: pip install {package}", name=needed) from None
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
