"""Everything that is refused because it is too large, in one table, of which the site makes a page.

What would exceed one of these is refused before the work begins, with the number that it would take.
"""

#: The largest value, of what, and what lies beyond.
TABLE: list[tuple[int, str, str]] = []


def _limit(value: int, of: str, beyond: str) -> int:
    TABLE.append((value, of, beyond))
    return value


MAX_K = _limit(
    1_000_000, "k, the responses that a model shows", "rounding in k-th powers of probabilities, about k * 1e-16"
)
MAX_L = _limit(500, "l, the responses of an opponent, and of a player of k against l", "chances of ties underflow")
MAX_PLAYERS = _limit(10_001, "players, or responses side by side, of one game", "a game takes milliseconds")
MAX_POLICIES = _limit(
    1001, "players or outputs with policies of their own", "quadrature takes time and memory that grow as the square"
)
MAX_SAMPLES = _limit(2_000, "samples of two policies together, in `win_rate(..., l=)`", "time grows as the square")
MAX_PROMPTS = _limit(10_000, "prompts of a scenario", "players see them one-hot: a table of prompts times prompts")
MAX_NUMBERS = _limit(
    200_000_000,
    "ranks, scores or coordinates that a built-in scenario draws, or numbers in the iterates of self-play",
    "gigabytes",
)
MAX_FILE = _limit(500_000_000, "bytes of a file of preferences", "memory")
MAX_FIELDS = _limit(50_000_000, "cells of a table of preferences that are read", "gigabytes of texts")
MAX_TEXT = _limit(100_000_000, "bytes of content in a spec that begins with `inline/`", "gigabytes while it is read")
MAX_ACTIONS = _limit(100_000, "multisets that a player of the OpenSpiel and PettingZoo games has as actions", "memory")
MAX_TENSOR = _limit(100_000_000, "entries of a game in normal form", "0.75 GiB")
MAX_PAYOFFS = _limit(10_000_000, "payoffs of a game in a file for Gambit", "hundreds of megabytes of text")
MAX_STATES = _limit(1_000_000, "states of a cached game, unless `max_states` allows more", "2 GB a million states")
MAX_SETS = _limit(2_000_000, "multisets that are enumerated", "time; a program or the greedy method finds good ones")
MAX_CELLS = _limit(40_000_000, "responses in all of them together", "0.3 GiB")
MAX_PROGRAM = _limit(20_000_000, "numbers in the integer program of a best response", "memory of the solver")
MAX_PAIRS = _limit(20_000_000, "pairs of multisets in the linear program of k against l", "memory of the solver")
MAX_CHANCES = _limit(
    20_000_000, "pairs of different samples and opposing multisets in `score_samples`", "time and memory"
)
MAX_GAMES = _limit(2**31, "games at a time, and rounds of a PettingZoo episode", "numbers of games have 32 bits")
MAX_PICTURES = _limit(100, "games in the heat map of `ualign versus`", "minutes")
