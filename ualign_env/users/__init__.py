"""Users who disagree: `base` says what every kind of them can do, and each kind has a file or folder of its own."""

from ualign_env.users.base import TIED, Noise, Users, has_cycle, warm_up
from ualign_env.users.contest import Contest
from ualign_env.users.noisy.making import noisy_users
from ualign_env.users.noisy.population import LogitUsers, NoisyUsers, ProbitUsers
from ualign_env.users.pairwise import PairwiseUsers
from ualign_env.users.picker import Picker, picker
from ualign_env.users.rankings.population import Population

__all__ = [
    "TIED",
    "Contest",
    "LogitUsers",
    "Noise",
    "NoisyUsers",
    "PairwiseUsers",
    "Picker",
    "Population",
    "ProbitUsers",
    "Users",
    "has_cycle",
    "noisy_users",
    "picker",
    "warm_up",
]
