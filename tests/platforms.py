"""Runs the tests on the versions of Python and of other packages that pyproject.toml promises.

    python tests/platforms.py [--keep FOLDER] [--pytest OPTIONS] [NAME ...]

`uv` (`pip install uv`) makes each environment in a temporary folder and installs this checkout into it, as its users
would, with the extra `test`; pytest then runs from outside the checkout, so that what is tested is what was installed.
Says of each environment which versions it has and how pytest closed (where it failed, the end of its log); the exit
status is 1 if any failed. With no NAME, all environments take their turn.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
SHOWN = (
    *("numpy", "scipy", "numba", "open-spiel", "gymnasium", "pettingzoo", "typer", "rich", "matplotlib", "cvxpy"),
    *("networkx", "threadpoolctl", "pytest", "hypothesis", "torch"),
)


@dataclass(frozen=True)
class Platform:
    """An environment: its version of Python, how versions of packages are chosen, and the checkout's extras."""

    python: str
    resolution: str = "highest"
    extras: str = "test"


PLATFORMS = {
    "3.11": Platform("3.11"),
    "3.12": Platform("3.12"),
    "3.13": Platform("3.13"),
    "lowest": Platform("3.11", "lowest-direct"),
}


def check(name: str, folder: Path, options: list[str]) -> bool:
    """Makes an environment in a folder, runs the tests in it, and says how they went."""
    platform = PLATFORMS[name]
    environment, log = folder / name, folder / f"{name}.log"
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    start = time.monotonic()
    with log.open("w", encoding="utf-8") as output:

        def passes(*command: object) -> bool:
            words, variables = [*map(str, command)], all_of_pyenv() if command[0] == "uv" else None
            output.write(f"$ {' '.join(words)}\n")
            output.flush()
            return not subprocess.run(words, cwd=folder, env=variables, stdout=output, stderr=output).returncode

        done = (
            passes("uv", "venv", "--clear", "--python", platform.python, environment)
            and passes(
                *("uv", "pip", "install", "--python", python, "--resolution", platform.resolution),
                *("--refresh-package", "ualign-env", f"{CHECKOUT}[{platform.extras}]"),
            )
            and passes(
                *(python, "-P", "-m", "pytest", "-c", CHECKOUT / "pyproject.toml", "--rootdir", CHECKOUT),
                *("-p", "no:cacheprovider", CHECKOUT / "tests", *options),
            )
        )
    print(f"{name}: {'passed' if done else 'FAILED'} in {time.monotonic() - start:.0f} s, {versions(python)}")
    text = log.read_text(encoding="utf-8")
    if done:
        print(f"  {text.splitlines()[-1].strip('= ')}", flush=True)
    else:
        print("\n".join(f"  {line}" for line in text.splitlines()[-40:]), flush=True)
    return done


def all_of_pyenv() -> dict[str, str] | None:
    """Returns environment variables with which pyenv, where it is in use, offers every Python that it has."""
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return None
    found = subprocess.run([pyenv, "versions", "--bare"], capture_output=True, text=True, check=True).stdout.split()
    return os.environ | {"PYENV_VERSION": ":".join(reversed(found))}


def versions(python: Path) -> str:
    """Returns the versions of an environment's Python and of what the package stands on."""
    code = (
        "import platform, sys\nfrom importlib.metadata import distributions\n"
        "found = {d.name.lower().replace('_', '-'): d.version for d in distributions()}\n"
        "print('Python', platform.python_version(), *(f'{n} {found[n]}' for n in sys.argv[1:] if n in found), sep=', ')"
    )
    if not python.exists():
        return "no environment"
    result = subprocess.run([python, "-c", code, *SHOWN], capture_output=True, text=True, check=False)
    return result.stdout.strip().replace("Python, ", "Python ") or "no environment"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(PLATFORMS)}; default: all")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a folder for environments and logs, kept")
    parser.add_argument("--pytest", default="", metavar="OPTIONS", help="more options of pytest, parted by spaces")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(PLATFORMS)
    if unknown:
        parser.error(f"unknown environments {', '.join(sorted(unknown))}; known: {', '.join(PLATFORMS)}")
    if not shutil.which("uv"):
        parser.error("uv is missing: pip install uv")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (chosen.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        passed = [check(name, folder, chosen.pytest.split()) for name in chosen.names or PLATFORMS]
    sys.exit(not all(passed))


if __name__ == "__main__":
    main()
