"""No compiled loop is left for an agent's time."""

import subprocess
import sys

_CODE = """
import ualign_env as ua
from ualign_env._compile import KERNELS, compiled
from ualign_env.benchmark.running.warm_up import warm_up_everything

{more}
users = ua.load_scenario("{spec}").populations[0]
assert all(not kernel.signatures for kernel in KERNELS), "something was compiled before"
warm_up_everything(users)
before = {{kernel: list(kernel.signatures) for kernel in KERNELS}}
kinds = {{"ualign_env.users", type(users).__module__.rpartition(".")[0]}}  # other kinds' loops are not these users'
rooms = {{kernel: kernel.py_func.__module__ for kernel in KERNELS}}
own = [kernel for kernel, room in rooms.items() if ".users." not in room or room.rpartition(".")[0] in kinds]
print(sorted(kernel.__name__ for kernel in own if not kernel.signatures))

# and what agents then do compiles nothing anew
from ualign_env.benchmark.agents import describe_agent, list_agents
for l in (1, 2):
    for name in list_agents():
        if l > 1 or not describe_agent(name).declared.joint:
            ua.run(name, ua.Task(ua.load_scenario("{spec}"), 2, l=l), steps=3)
new = [kernel.__name__ for kernel in KERNELS if kernel.signatures != before[kernel]]
print(sorted(new))
"""


def run(spec: str, more: str = "") -> list[str]:
    code = _CODE.format(spec=spec, more=more)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()


def test_every_kernel_is_warm_before_an_agent_runs():
    for spec in (
        "german-goals",
        "impartial/responses:5/users:30/prompts:2",
        "random-utility/noise:slot/users:20",  # both laws of noise share their loops
    ):
        assert run(spec) == ["[]", "[]"]


def test_a_kernel_that_nothing_warms_is_found():
    more = "@compiled\ndef forgotten(x):\n    return x\n"
    assert run("german-goals", more)[0] == "['forgotten']"
