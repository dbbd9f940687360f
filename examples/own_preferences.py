"""From your own preference data to a policy: three learners, one exact score.

Run: python examples/own_preferences.py
"""

import pyspiel
from open_spiel.python.algorithms.cfr import CFRPlusSolver

import ualign_env as ua

# Five annotators score four answers to one question, and three rank the answers to another, best first.
styles = ["brief", "thorough", "friendly", "formal"]
first = ua.Population.from_scores(
    [[5, 1, 3, 3], [4, 2, 2, 1], [1, 5, 2, 4], [2, 5, 1, 4], [1, 2, 5, 2]], responses=styles
)
second = ua.Population.from_rankings([[0, 1], [0, 1], [1, 0]], responses=["cite sources", "explain"])
scenario = ua.Scenario(
    [first, second], prompts=["How do vaccines work?", "Is this claim true?"], probabilities=[0.7, 0.3]
)
ua.register_scenario("my-survey", scenario)

K = 3
game = pyspiel.load_game(f"python_ualign_turn(players={K + 1},scenario=my-survey,anonymous=True)")

python_solver = CFRPlusSolver(game)
for _ in range(20):
    python_solver.evaluate_and_update_policy()

tree = ua.cached_game(game)
cpp_solver = pyspiel.CFRPlusSolver(tree)
for _ in range(1000):
    cpp_solver.evaluate_and_update_policy()

sampler = pyspiel.ExternalSamplingMCCFRSolver(tree, 7, pyspiel.MCCFRAverageType.FULL)
for _ in range(20_000):
    sampler.run_iteration()

learned = {
    "CFR+, Python, 20 iterations": python_solver.average_policy(),
    "CFR+, C++, 1000 iterations": ua.GamePolicy(tree, cpp_solver.average_policy(), cpp_solver),
    "MCCFR, C++, 20,000 iterations": ua.GamePolicy(tree, sampler.average_policy(), sampler),
}
for name, policy in learned.items():
    card = ua.score("my-survey", policy, K)
    worst = scenario.prompts[card.worst_prompt]
    print(f"{name:30} {card.robust_win_rate:.4f} of {card.optimal_rate}, NashConv {card.nash_conv:.1e}, worst: {worst}")
