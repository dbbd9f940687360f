"""The command in the surroundings that people start it in: each a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ualign_env import plots, win_rate_curve
from ualign_env.benchmark import agents

ESCAPES = """# NUMBER ALTERNATIVES: 2
# ALTERNATIVE NAME 1: naïve – 日本 ∞
# ALTERNATIVE NAME 2: \x1b[31mred \u202e
1: 1,2
2: 2,1
"""
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and devices")


def command(*arguments, options=()):
    return [sys.executable, *options, "-m", "ualign_env", *arguments]


def run(*arguments, options=(), environment=None, **more):
    return subprocess.run(
        command(*arguments, options=options),
        env=os.environ | (environment or {}),
        check=False,
        **({"capture_output": True, "encoding": "utf-8", "errors": "replace"} | more),
    )


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "naïve – 日本 ∞"),
        ({"PYTHONIOENCODING": "cp1252"}, "na\ufffdve \ufffd \\u65e5\\u672c \\u221e"),
        ({"LC_ALL": "C"}, "naïve – 日本 ∞"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "na\\xefve \\u2013 \\u65e5\\u672c \\u221e"),
    ],
)
def test_names_are_printed_in_every_encoding(tmp_path, environment, name):
    (tmp_path / "names.soc").write_text(ESCAPES, encoding="utf-8")
    result = run("solve", "names.soc", "--k=3", environment=environment, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"\\x1b[31mred \\u202e 0.8074, {name} 0.1926" in result.stdout.splitlines()[-1]
    parsed = run("solve", "names.soc", "--k=3", "--json", environment=environment, cwd=tmp_path)
    assert json.loads(parsed.stdout)[0]["converged"]


@pytest.mark.parametrize("option", ["-O", "-OO"])
def test_no_assert_or_docstring_is_behaviour(option):
    plain, optimised = run("list"), run("list", options=[option])
    assert optimised.returncode == 0
    assert optimised.stdout == plain.stdout
    assert "CFR+ (OpenSpiel, C++)" in plain.stdout


@posix
def test_output_that_cannot_be_written():
    with open("/dev/full", "w") as full:
        result = run("list", stdout=full, stderr=subprocess.PIPE, capture_output=False)
        assert result.stderr == "ualign: error: cannot write the output: No space left on device\n"
        assert result.returncode == 1
        assert run("solve", stdout=subprocess.PIPE, stderr=full, capture_output=False).returncode == 0
    reading, writing = os.pipe()
    os.close(reading)
    result = run("list", stdout=writing, stderr=subprocess.PIPE, capture_output=False)
    os.close(writing)
    assert (result.returncode, result.stderr) == (1, "")


@posix
@pytest.mark.parametrize("stream", [1, 2])
@pytest.mark.parametrize("arguments", [("list",), ("score", "--json"), ("nonsense",)])
def test_streams_may_be_closed(stream, arguments):
    expected = run(*arguments)
    result = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {stream}>&-', "sh", *command(*arguments)], capture_output=True
    )
    assert result.returncode == expected.returncode
    assert b"Traceback" not in result.stderr
    if stream == 2:
        assert result.stdout.decode() == expected.stdout


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense"])
def test_a_notebook_s_plotting_backend_is_not_needed(tmp_path, backend):
    environment = {"MPLBACKEND": backend}
    result = run("bench", "--agent=psro", "--k=1", "--seconds=0.1", environment=environment, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert run("curve", "--k=1,2", environment=environment, cwd=tmp_path).returncode == 0


BROKEN = {
    "metadata": "raise RuntimeError('\\x1b[31mbroken on import')",
    "missing": "import a_package_that_nobody_has",
    "exits": "import sys; sys.exit(3)",
}


@pytest.fixture(params=BROKEN)
def broken(request, tmp_path):
    """Returns the folder of a package that offers an agent, and is broken."""
    site = tmp_path / "site"
    (site / "broken.dist-info").mkdir(parents=True)
    (site / "broken_agent.py").write_text(BROKEN[request.param])
    (site / "broken.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (site / "broken.dist-info" / "entry_points.txt").write_text("[ualign.agents]\na-broken-one = broken_agent:agent\n")
    return site


def test_broken_agents_of_other_packages_are_described_and_not_loaded(broken, monkeypatch):
    monkeypatch.syspath_prepend(broken)
    assert "a-broken-one" in agents.list_agents()
    assert agents.describe_agent("a-broken-one").summary == ""
    with pytest.raises(ValueError, match="agent 'a-broken-one' cannot be loaded"):
        agents.load_agent("a-broken-one")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text("from pathlib import Path\n")
    return tmp_path


@posix
def test_an_interruption_while_the_command_starts_prints_nothing(tmp_path):
    """At every time: while it imports, and while it works."""
    for delay in (0.1, 0.3, 0.6, 0.9):
        process = subprocess.Popen(
            command("bench", "--seconds=60"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
        assert "Traceback" not in err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine.py:nobody", "has no attribute 'nobody'"),
        ("none.py:agent", "No such file or directory"),
        ("no_module:agent", "No module named 'no_module'"),
        ("mine.py:Path.cwd", "has no attribute"),
        ("mine.py:__file__", "but must be a generator function that takes a Task"),
    ],
)
def test_agents_that_are_not_in_files(folder, monkeypatch, name, message):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(ValueError, match=message):
        agents.load_agent(name)


def test_pictures_are_whole_or_not_there(tmp_path, monkeypatch):
    figure = plots.curve(win_rate_curve("cycle", [1, 2]))

    def full(file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", full)
    for ending in ("png", "svg", "pdf"):
        with pytest.raises(ValueError, match="No space left on device"):
            plots.save(figure, tmp_path / f"x.{ending}")
    assert not list(Path(tmp_path).iterdir())


def test_other_programs_keep_their_signals(tmp_path):
    """Also one whose script has our name."""
    script = tmp_path / "ualign.py"
    own = "signal.getsignal(signal.SIGINT)"  # which whoever started the tests may have had ignored
    script.write_text(f"import signal; before = {own}; import ualign_env; print({own} is before)")
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert found.stdout == "True\n"
