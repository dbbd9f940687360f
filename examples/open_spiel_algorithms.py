"""Which of OpenSpiel's algorithms run on which of the alignment games, found out by running each for a moment.

Run: pip install '.[openspiel]' && python examples/open_spiel_algorithms.py
"""

import os
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib import import_module
from importlib.metadata import version
from itertools import combinations_with_replacement
from typing import Any
from unittest.mock import patch

import numpy as np
import pyspiel
from open_spiel.python.algorithms import exploitability, lp_solver
from open_spiel.python.algorithms.adidas_utils.games.small import MatrixGame
from open_spiel.python.algorithms.adidas_utils.solvers.nonsymmetric.qre_anneal import Solver as QuantalResponse
from open_spiel.python.algorithms.policy_aggregator import PolicyAggregator
from open_spiel.python.algorithms.psro_v2.best_response_oracle import BestResponseOracle
from open_spiel.python.egt.utils import game_payoffs_array
from open_spiel.python.policy import UniformRandomPolicy, tabular_policy_from_callable
from open_spiel.python.rl_agent_policy import JointRLAgentPolicy
from open_spiel.python.rl_environment import Environment

import ualign_env as ua

SCENARIO, K, N = "german-goals", 2, 4
MULTISETS = np.array(list(combinations_with_replacement(range(N), K)))

SYMMETRIC = ua.load_game(SCENARIO, K + 1)
VERSUS = ua.load_versus_game(SCENARIO, K, 1, zero_sum=True)
GAMES = {
    "`python_ualign`": SYMMETRIC,
    "`python_ualign_turn`": ua.load_game(SCENARIO, K + 1, turn_based=True),
    "`cached_game` of it": ua.cached_game(SYMMETRIC),
    "`python_ualign_versus`": VERSUS,
    "`python_ualign_versus_by_response`": ua.load_versus_game(SCENARIO, K, 1, by_response=True, zero_sum=True),
    "`tensor_game` of `python_ualign`": ua.tensor_game(SYMMETRIC),
    "`tensor_game` of `python_ualign_versus`": ua.tensor_game(VERSUS),
}


def iterated(step: str, times: int = 50, result: str = "average_policy", **options: Any) -> Callable[..., Any]:
    """Returns what runs a solver step by step and asks it for a policy."""

    def run(kind: Any, game: pyspiel.Game) -> Any:
        solver = kind(game, **options)
        for _ in range(times):
            getattr(solver, step)()
        return ua.GamePolicy(game, getattr(solver, result)(), solver)

    return run


def psro(kind: Any, game: pyspiel.Game) -> Any:
    """Returns the policies of PSRO, mixed by its meta-strategies."""
    oracle, players = BestResponseOracle(best_response_backend="py"), list(range(game.num_players()))
    options = {"meta_strategy_method": "prd", "prd_iterations": 500, "training_strategy_selector": "uniform"}
    solver = kind(game, oracle, sims_per_entry=10, **options)
    solver.iteration()
    mixed = PolicyAggregator(game).aggregate(players, solver.get_policies(), solver.get_meta_strategies())
    return ua.GamePolicy(game, mixed)


def respond(kind: Any, game: pyspiel.Game) -> Any:
    """Returns every player's best response to uniform play, of which OpenSpiel computes NashConv, too."""
    uniform = UniformRandomPolicy(game)
    exploitability.nash_conv(game, uniform)
    return [ua.GamePolicy(game, kind(game, player, uniform)) for player in range(game.num_players())]


# OpenSpiel's programs ask for ECOS and its options; interior points, too, would leave negative probabilities
simplex_method = patch.object(lp_solver.LinearProgram.solve, "__defaults__", ("SCIPY", {}))


@simplex_method
def sequence_program(solve: Any, game: pyspiel.Game) -> Any:
    """Returns each player's policy from linear programs over sequences of moves."""
    return [ua.GamePolicy(game, policy) for policy in solve(game, solver="SCIPY")[2:]]


@simplex_method
def matrix_program(solve: Any, game: pyspiel.Game) -> Any:
    """Returns each player's strategy from linear programs over pure strategies."""
    return list(solve(pyspiel.extensive_to_matrix_game(game))[:2])


def dynamics(run: Any, game: pyspiel.Game) -> Any:
    """Returns each player's average strategy over the steps of a dynamic of the normal form."""
    return run(game_payoffs_array(game), iterations=500, prd_iterations=500)


def adidas(kind: Any, game: pyspiel.Game) -> Any:
    """Returns each player's strategy from average deviation incentive descent."""
    solver, payoffs = kind(), game_payoffs_array(game)
    exact = {"sym": False, "num_iterations": 50, "num_samples": np.inf, "num_eval_samples": 0}
    solver.approximate_nash(MatrixGame(payoffs - payoffs.min()), QuantalResponse(), **exact)
    return solver.results["dist"]


def joint_psro(run: Any, game: pyspiel.Game) -> None:
    """Runs PSRO towards a correlated equilibrium, which is no policy of one player."""
    run(game, "", iterations=2, train_meta_solver="mgcce", eval_meta_solver="mgcce")


def trained(make: Callable[..., Any]) -> Callable[..., Any]:
    """Returns what trains agents, made from their class, a player, and the numbers of her inputs and actions."""

    def run(kind: Any, game: pyspiel.Game) -> Any:
        environment = Environment(game)
        size, actions = environment.observation_spec()["info_state"][0], environment.action_spec()["num_actions"]
        agents = [make(kind, player, size, actions) for player in range(game.num_players())]
        for _ in range(100):
            step = environment.reset()
            while not step.last():
                movers = agents if step.is_simultaneous_move() else [agents[step.current_player()]]
                step = environment.step([agent.step(step).action for agent in movers])
            for agent in agents:
                agent.step(step)
        for agent in agents:
            if hasattr(agent, "mode"):  # NFSP shows a best response or its average policy, by chance
                agent._mode = type(agent.mode).AVERAGE_POLICY
        return ua.GamePolicy(game, JointRLAgentPolicy(game, dict(enumerate(agents)), environment.use_observation))

    return run


def deep_cfr(kind: Any, game: pyspiel.Game) -> Any:
    """Returns the policy of Deep CFR's network, without what it gives to illegal moves."""
    # without sizes of batches it would learn from memory that nobody has written
    memory = {"batch_size_advantage": 8, "batch_size_strategy": 8, "memory_capacity": 1000}
    solver = kind(game, (16,), (16,), num_iterations=5, num_traversals=10, **memory)
    solver.solve()
    table = tabular_policy_from_callable(game, solver.action_probabilities)
    table.action_probability_array /= table.action_probability_array.sum(axis=1, keepdims=True)
    return ua.GamePolicy(game, table)


UPDATE, SAMPLE, ITERATE = iterated("evaluate_and_update_policy"), iterated("run_iteration", 300), iterated("iteration")
MIRROR = iterated("update_sequences", result="get_avg_policies", alpha=0.1)
SMALL = {"batch_size": 8, "min_buffer_size_to_learn": 8}
TURNS, NORMAL, TWO = "players in turn", "players in turn, or a normal form", "two players, zero-sum"
LP = "ECOS, installed by you, or another solver, as in the example"
DEEP = "`pip install '.[openspiel]'`"

#: Name, where in OpenSpiel, what runs it on a game, and what it needs. What is learned is a policy, or a list of every
#: player's policy or strategy in the normal form.
ALGORITHMS: list[tuple[str, str, Callable[..., Any], str]] = [
    ("CFR", "pyspiel.CFRSolver", UPDATE, TURNS),
    ("CFR+", "pyspiel.CFRPlusSolver", UPDATE, TURNS),
    ("CFR-BR", "pyspiel.CFRBRSolver", UPDATE, TURNS),
    ("ES-MCCFR", "pyspiel.ExternalSamplingMCCFRSolver", SAMPLE, TURNS),
    ("OS-MCCFR", "pyspiel.OutcomeSamplingMCCFRSolver", SAMPLE, TURNS),
    ("CFR", "algorithms.cfr.CFRSolver", UPDATE, TURNS),
    ("CFR+", "algorithms.cfr.CFRPlusSolver", UPDATE, TURNS),
    ("CFR-BR", "algorithms.cfr_br.CFRBRSolver", UPDATE, "two players in turn"),
    ("discounted CFR", "algorithms.discounted_cfr.DCFRSolver", UPDATE, TURNS),
    ("linear CFR", "algorithms.discounted_cfr.LCFRSolver", UPDATE, TURNS),
    ("ES-MCCFR", "algorithms.external_sampling_mccfr.ExternalSamplingSolver", ITERATE, TURNS),
    ("OS-MCCFR", "algorithms.outcome_sampling_mccfr.OutcomeSamplingSolver", ITERATE, TURNS),
    ("fictitious play", "algorithms.fictitious_play.XFPSolver", iterated("iteration", 10), TURNS),
    ("PSRO", "algorithms.psro_v2.psro_v2.PSROSolver", psro, ""),
    ("best response, NashConv", "algorithms.best_response.BestResponsePolicy", respond, ""),
    ("sequence-form LP", "algorithms.sequence_form_lp.solve_zero_sum_game", sequence_program, f"{TWO}, in turn; {LP}"),
    ("matrix-game LP", "algorithms.lp_solver.solve_zero_sum_matrix_game", matrix_program, f"{TWO}; {LP}"),
    ("MMD", "algorithms.mmd_dilated.MMDDilatedEnt", MIRROR, f"{TWO}, in turn"),
    ("ADIDAS", "algorithms.adidas.ADIDAS", adidas, NORMAL),
    ("PRD", "algorithms.projected_replicator_dynamics.projected_replicator_dynamics", dynamics, NORMAL),
    ("regret matching", "algorithms.regret_matching.regret_matching", dynamics, NORMAL),
    ("JPSRO", "algorithms.jpsro.run_loop", joint_psro, f"{TURNS}; ECOS, installed by you, or `mgcce` throughout"),
    ("Q-learning", "algorithms.tabular_qlearner.QLearner", trained(lambda kind, i, _, n: kind(i, n)), ""),
    ("A2C", "pytorch.policy_gradient.PolicyGradient", trained(lambda kind, *sizes: kind(*sizes)), DEEP),
    ("DQN", "pytorch.dqn.DQN", trained(lambda kind, *sizes: kind(*sizes, **SMALL)), DEEP),
    ("NFSP", "pytorch.nfsp.NFSP", trained(lambda kind, *sizes: kind(*sizes, [16], 1000, 0.5, **SMALL)), DEEP),
    ("Deep CFR", "pytorch.deep_cfr.DeepCFRSolver", deep_cfr, f"{TURNS}; {DEEP}"),
]


def score(game: pyspiel.Game, learned: Any) -> ua.Scorecard | None:
    """Returns the score of what was learned on a game, if it is a policy of k responses."""
    each = learned if isinstance(learned, list) else [learned] * game.num_players()
    if isinstance(each[0], ua.GamePolicy):
        if not isinstance(game, pyspiel.TensorGame):
            return ua.score(SCENARIO, each[0], K, player=0 if each is learned else None)
        start = game.new_initial_state()
        answers = [given.policy.action_probabilities(start, player) for player, given in enumerate(each)]
        each = [[answer.get(move, 0.0) for move in start.legal_actions(i)] for i, answer in enumerate(answers)]
    if game.num_players() == K + 1:
        return ua.score(SCENARIO, np.array(each)[:, None], K)
    if len(each[0]) == len(MULTISETS):
        return ua.score(SCENARIO, ua.JointPolicy((MULTISETS,), (np.array(each[0]),), N), K)
    return None  # a mixture of plans for every information state


def find(where: str) -> Any:
    """Returns a class or function of OpenSpiel."""
    module, name = where.rsplit(".", 1)
    return getattr(import_module(module if module == "pyspiel" else f"open_spiel.python.{module}"), name)


def cell(where: str, run: Callable[..., Any], game: pyspiel.Game) -> str:
    """Returns whether an algorithm runs on a game, and whether what it learned is scored without a warning."""
    try:
        learned = run(find(where), game)
    except Exception:  # assertions, OpenSpiel's errors, modules that are not installed
        return "-"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return "runs" if learned is None or score(game, learned) is None else "scored"


def table() -> str:
    """Returns the table in Markdown."""
    lines = [["algorithm", "in OpenSpiel", *GAMES, "needs"], [":--"] * 2 + [":-:"] * len(GAMES) + [":--"]]
    np.random.seed(0)  # noqa: NPY002 (OpenSpiel draws from it)
    stderr = os.dup(2)
    with open(os.devnull, "w") as null, redirect_stdout(null), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(null.fileno(), 2)  # where C++ writes errors before it raises them
        try:
            for name, where, run, needs in ALGORITHMS:
                cells = [cell(where, run, game) for game in GAMES.values()]
                lines.append([name, f"`{where}`", *cells, needs])
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(f"""# OpenSpiel's algorithms on the alignment games

`examples/open_spiel_algorithms.py` ran each algorithm of OpenSpiel {version("open_spiel")} for a moment on each game \
of `{SCENARIO}`, with three players, or k = 2 responses against l = 1 and `zero_sum=True`, and printed this page. \
"scored" means that `ualign_env.score` takes what it learned; "runs", that what it learned is no player's policy: a \
distribution that correlates players, or a mixture of plans where responses are submitted one by one; and "-", that it \
raised an error. What needs "players in turn" runs on a simultaneous game's `cached_game`.

{table()}""")
