"""Exact solvers beside OpenSpiel's: time to a NashConv, and the largest game that each can start in 1 GiB.

Run: python tests/benchmarks/side_by_side.py
"""

import resource
import subprocess
import sys

from ualign_env import Task, load_scenario, nash_conv, run, solve

GAMES = {
    "K = 4, N = 6": ("impartial/responses:6/users:100", 3),
    "K = 5, N = 10": ("impartial/responses:10/users:100", 4),
}
THRESHOLDS = (1e-4, 1e-6)
AGENTS = ("cfr-plus", "fictitious-play", "psro", "mirror-descent")
SECONDS = 60.0
PLAYERS = 4
SIZES = (4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 128, 256, 512, 1024, 2048)


def time_to(trace, threshold: float) -> str:
    """Returns the first look at which the NashConv was below the threshold."""
    reached = [point.cpu for point in trace if point.nash_conv is not None and point.nash_conv < threshold]
    return f"{reached[0]:.3g}" if reached else "-"


def compare() -> None:
    """Prints seconds to each NashConv for every agent and the exact solver."""
    for title, (spec, k) in GAMES.items():
        scenario = load_scenario(spec)
        print(
            f"{title}: seconds to NashConv {THRESHOLDS[0]:g} and {THRESHOLDS[1]:g} (- where not within {SECONDS:g} s)"
        )
        solve(scenario, k)
        times = []
        for threshold in THRESHOLDS:
            result = solve(scenario, k, tolerance=threshold / (k + 1))
            assert nash_conv(scenario, result.policy, k) < threshold
            times.append(f"{result.seconds:.3g}")
        print(f"  {'solve':<16} {times[0]:>8} {times[1]:>8}")
        for name in AGENTS:
            result = run(name, Task(scenario, k), seconds=SECONDS)
            if result.status == "unsupported":
                print(f"  {name:<16} {result.error}")
                continue
            print(f"  {name:<16} {time_to(result.trace, 1e-4):>8} {time_to(result.trace, 1e-6):>8}", flush=True)


def start(name: str, n: int) -> None:
    """Takes one step of an agent, or a whole solve, in at most 1 GiB of address space beyond what imports take."""
    scenario = load_scenario(f"impartial/responses:{n}/users:100")
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))
    if name == "solve":
        solve(scenario, PLAYERS - 1)
    else:
        result = run(name, Task(scenario, PLAYERS - 1), steps=1)
        sys.exit(not result.trace)


def largest() -> None:
    """Prints the largest game of four players that each can start."""
    print(f"largest N with which each starts in 1 GiB within a minute, {PLAYERS} players, 100 users")
    for name in ("solve", *AGENTS):
        best = 0
        for n in SIZES:
            command = [sys.executable, __file__, name, str(n)]
            try:
                done = subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
            except subprocess.TimeoutExpired:
                done = False
            if not done:
                break
            best = n
        print(f"  {name:<16} {best if best < SIZES[-1] else f'{best} or more'}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        start(sys.argv[1], int(sys.argv[2]))
    else:
        compare()
        largest()
