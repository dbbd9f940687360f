"""Alignment games: users disagree, a policy shows each of them k responses, and the rate to reach is k / (k + 1).

Importing the package registers the games `python_ualign` and `python_ualign_versus`, and their turn-based forms with
`_turn`, with OpenSpiel, the environments `ualign/Exploiter-v0` and `ualign/SelfPlay-v0` with Gymnasium, and `ualign-v0`
and `ualign-versus-v0` with PettingZoo.
"""

from ualign_env.envs import registration
from ualign_env.envs.batch import BatchedGame
from ualign_env.envs.open_spiel_games import cached_game, load_game, tensor_game
from ualign_env.envs.open_spiel_policies import GamePolicy
from ualign_env.envs.open_spiel_versus import load_versus_game
from ualign_env.payoffs import (
    TooLargeError,
    choice_shares,
    deviation_payoffs,
    leave_one_out_payoffs,
    mixture_deviation_payoffs,
    payoff_tensor,
    profile_deviation_payoffs,
)
from ualign_env.policies import JointPolicy, Mixture, Profile, SharedPolicy, tabulate
from ualign_env.population import Population
from ualign_env.samples import SampleScore, score_samples
from ualign_env.scenario import Scenario
from ualign_env.scoring import Scorecard, exploitability, nash_conv, robust_win_rate, score
from ualign_env.solvers.mirror_descent import SelfPlay, mirror_descent
from ualign_env.solvers.proximal import proximal
from ualign_env.solvers.result import ConvergenceWarning, Equilibrium
from ualign_env.solvers.solve import regularised_gap, solve
from ualign_env.solvers.versus import VersusEquilibrium, solve_versus
from ualign_env.specs import list_scenarios, load_scenario, register_scenario
from ualign_env.versus.best_responses import BestResponses, best_responses
from ualign_env.versus.models import win_rate

registration.register()

__version__ = "0.1.0"

__all__ = [
    "BatchedGame",
    "BestResponses",
    "ConvergenceWarning",
    "Equilibrium",
    "GamePolicy",
    "JointPolicy",
    "Mixture",
    "Population",
    "Profile",
    "SampleScore",
    "Scenario",
    "Scorecard",
    "SelfPlay",
    "SharedPolicy",
    "TooLargeError",
    "VersusEquilibrium",
    "best_responses",
    "cached_game",
    "choice_shares",
    "deviation_payoffs",
    "exploitability",
    "leave_one_out_payoffs",
    "list_scenarios",
    "load_game",
    "load_scenario",
    "load_versus_game",
    "mirror_descent",
    "mixture_deviation_payoffs",
    "nash_conv",
    "payoff_tensor",
    "profile_deviation_payoffs",
    "proximal",
    "register_scenario",
    "regularised_gap",
    "robust_win_rate",
    "score",
    "score_samples",
    "solve",
    "solve_versus",
    "tabulate",
    "tensor_game",
    "win_rate",
]
