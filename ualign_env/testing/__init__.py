"""Checks for whoever wraps or changes an environment, or adds a kind of users; they fail with an AssertionError.

    from ualign_env.testing import check_parallel_env

    check_parallel_env(lambda scenario, players: MyWrapper(ualign_v0.parallel_env(scenario, players)))

The frameworks' own checks let a second winner, a seat bias, a leaked user or an ignored seed pass; these do not: the
package's tests have environments and users with one thing wrong each, and every one of them is rejected.
"""

from ualign_env.testing.environments import check_aec_env, check_parallel_env, check_seats_env
from ualign_env.testing.users import check_users

__all__ = ["check_aec_env", "check_parallel_env", "check_seats_env", "check_users"]
