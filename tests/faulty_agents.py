"""Agents that do everything wrong that an agent can do, each in its own way."""

import ctypes
import gc
import os
import subprocess
import sys
import time

import numpy as np

import ualign_env as ua

GOOD = [0.4, 0.1, 0.5, 0.0]


def fine(task):
    while True:
        yield GOOD


def yields_nan(task):
    yield GOOD
    yield [np.nan, 0, 0, 1]


def yields_wrong_shapes(task):
    yield [0.5, 0.5]


def yields_nothing(task):
    yield from ()


def is_no_generator(task):
    return 7


def prints(task):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    os.write(1, b"past Python\n")
    yield GOOD
    raise RuntimeError("and then fails")


def forks(task):
    if os.fork() == 0:
        time.sleep(3600)
        os._exit(0)
    yield GOOD


def starts_a_process(task):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    yield GOOD


def exits(task):
    yield GOOD
    sys.exit(3)


def dies(task):
    yield GOOD
    os._exit(3)


def crashes(task):
    yield GOOD
    ctypes.string_at(0)


def hangs(task):
    yield GOOD
    time.sleep(3600)


def burns(task):
    yield GOOD
    while True:
        pass


def eats_memory(task):
    yield GOOD
    held = []
    while True:
        held.append(np.ones(4_000_000))


def stops_the_clock(task):
    time.process_time = lambda: 0.0
    yield GOOD
    begin = time.thread_time()
    while time.thread_time() - begin < 5:
        pass
    yield GOOD


def steps_cheaply(task):
    """Is honest; most of its steps' time is the benchmark's."""
    while True:
        yield "nlhf"


def hires(task):
    """Lets others work, and waits."""
    burn = "while True: pass"
    subprocess.Popen([sys.executable, "-c", burn])
    while True:
        time.sleep(0.01)
        yield GOOD


def prints_for_ever(task):
    yield GOOD
    while True:
        os.write(1, bytes(2**20))


def catches_everything(task):
    yield GOOD
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            continue


@ua.agent(information="picks")
def plays_on(task):
    """Asks for more than there is, for ever."""
    users = task.users()
    while True:
        try:
            users.pick(np.zeros((100, task.slots), int))
        except RuntimeError:
            yield GOOD
            return
        yield GOOD


@ua.agent(information="picks")
def denies_plays(task):
    """Says that it has not played at all."""
    users = task.users()
    for _ in range(10):
        users.pick(np.zeros((100, task.slots), int))
        users.plays = 0
        yield GOOD


@ua.agent(information="picks")
def one_at_a_time(task):
    users = task.users()
    counts = np.ones(4)
    rng = task.rng()
    while True:
        shown = rng.integers(4, size=task.slots).tolist()
        counts[shown[users.pick_one(shown)]] += 1
        yield counts / counts.sum()


@ua.agent(information="picks")
def searches(task):
    """Looks through everything in its process for users whom it must not know, and for their names."""
    known = [one for one in gc.get_objects() if isinstance(one, (ua.Population, ua.PairwiseUsers))]
    known = [one for one in known if one.n_responses > 2]  # what loops were compiled with has two
    names = [one for one in gc.get_objects() if isinstance(one, ua.Scenario) and one.name != "hidden"]
    said = f"{task.scenario!r} {vars(task)} {sys.argv} {os.environ}"
    found = [*known, *names, *(word for word in ("german", "prices") if word in said)]
    if found:
        raise RuntimeError(f"found {found}")
    yield GOOD


def reads(task):
    """Would wait for somebody to type."""
    yield GOOD
    input()
