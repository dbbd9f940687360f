"""Time and memory of exact equilibria: `pytest tests/benchmarks/test_solver_speed.py --benchmark-enable`.

Euclidean populations in 8 dimensions, seed 0. Targets on two cores, warm: seconds 0.02, 0.5, 1.5, 2.5, 6 and 20 in the
order of the table below; peak memory at most six times the stored rankings plus N^2 doubles a thread.
"""

import subprocess
import sys

import pytest

from ualign_env import load_scenario, solve

GAMES = [
    (50, 1_000, 5, 1e-12),
    (200, 2_000, 8, 1e-12),
    (300, 5_000, 64, 1e-11),
    (1_000, 10_000, 8, 1e-10),
    (1_000, 10_000, 64, 1e-10),
    (1_000, 100_000, 8, 1e-10),
]

_MEMORY = """
import resource
from ualign_env import load_scenario, solve
solve(load_scenario("euclidean/responses:120/users:600/dimensions:8"), 8)
population = load_scenario("euclidean/responses:{n}/users:{users}/dimensions:8").populations[0]
import ctypes; ctypes.CDLL(None).malloc_trim(0)

def now():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

open("/proc/self/clear_refs", "w").write("5")  # the peak counts from here
before = now()
solve(population, {k}, tolerance={tolerance})
peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print((peak - before) / population.ranks.nbytes)
"""


@pytest.mark.parametrize(("n", "users", "k", "tolerance"), GAMES)
def test_solve(benchmark, n, users, k, tolerance):
    population = load_scenario(f"euclidean/responses:{n}/users:{users}/dimensions:8").populations[0]
    benchmark.group = "solve"
    result = benchmark.pedantic(solve, (population, k), {"tolerance": tolerance}, rounds=3, warmup_rounds=1)
    benchmark.extra_info["exploitability"] = result.exploitability
    benchmark.extra_info["support"] = result.support_size
    assert result.exploitability <= tolerance


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("n", "users", "k", "tolerance"), GAMES)
def test_peak_memory(benchmark, n, users, k, tolerance):
    """Records by how much memory grows beyond the population, in units of its rankings."""
    command = [sys.executable, "-c", _MEMORY.format(n=n, users=users, k=k, tolerance=tolerance)]
    result = benchmark.pedantic(subprocess.run, (command,), {"capture_output": True, "text": True}, rounds=1)
    assert result.returncode == 0, result.stderr
    benchmark.extra_info["peak_growth_over_rankings"] = round(float(result.stdout), 2)
