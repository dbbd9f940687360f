"""More samples of NLHF's policy are wasted: on german-goals it stays at 0.53, the equilibria follow k/(k+1).

Real preferences: 2,262 Germans rank four political goals (Barnes & Kaase 1979, Croon 1989).
"""

import sys

import ualign_env as ua
from ualign_env import plots

curve = ua.win_rate_curve("german-goals", (1, 2, 4, 8, 16, 32, 64))
plots.save(plots.curve(curve), sys.argv[1])
