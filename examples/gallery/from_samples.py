"""A model known by what it said: win rates of k of its samples, with bootstrap intervals, from 200 generations."""

import sys

import numpy as np

import ualign_env as ua
from ualign_env import plots

said = np.random.default_rng(0).choice(4, size=200, p=[0.5, 0.1, 0.3, 0.1])
curve = ua.sample_curve("german-goals", [said], (1, 2, 4, 8, 16, 32), rng=0)
plots.save(plots.sample_curve(curve), sys.argv[1])
