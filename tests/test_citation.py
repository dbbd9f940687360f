"""Whose work everything is: every name has a source and a licence, and fingerprints tell versions apart."""

import hashlib
import json
import re
from pathlib import Path

import pytest

import ualign_env as ua
from ualign_env.benchmark.agents import list_agents
from ualign_env.citation import source_of
from ualign_env.solvers.baselines import BASELINES
from ualign_env.sources import SOURCES

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", [*SOURCES, *list_agents()])
def test_every_name_has_a_source_and_a_licence(name):
    found = ua.cite(name)
    assert found.source
    assert "Apache-2.0" in found.licence
    assert found.package == f"ualign-env {ua.__version__}"
    assert bool(re.fullmatch("[0-9a-f]{64}", found.digest)) == (name not in BASELINES)
    assert found.name in found.summary()


def test_fingerprints_are_of_what_was_used(tmp_path):
    assert ua.cite("mallows/seed:1").digest == ua.load_scenario("mallows/seed:1").digest != ua.cite("mallows").digest
    file = tmp_path / "votes.csv"
    file.write_text("rank1,rank2\na,b\nb,a\na,b\n")
    cited = ua.cite(str(file))
    assert (cited.kind, cited.source, cited.digest) == ("file", "", ua.load_scenario(str(file)).digest)
    assert "does not know" in cited.licence
    assert "not known" in cited.summary()
    agent = tmp_path / "my.py"
    agent.write_text(
        'import ualign_env as ua\n\n@ua.agent()\ndef learn(task):\n    """Learns.\n\n    Source: me.\n    """\n'
    )
    cited = ua.cite(f"{agent}:learn")
    assert (cited.kind, cited.source, cited.licence) == ("agent", "me.", "not known")
    assert cited.digest == hashlib.sha256(agent.read_bytes()).hexdigest()


def test_data_are_told_from_what_is_drawn():
    assert [name for name in SOURCES if "facts" in ua.cite(name).licence] == [
        "german-goals",
        "condorcet-1785",
        "borda-1784",
        "five-winners",
    ]


def test_sources_end_where_the_paragraph_does():
    assert source_of("A.\n\n    Source: B, C,\n    D.\n\n    Args:\n        x: y.\n") == "B, C, D."
    assert source_of("No source: none.") == source_of(None) == ""


def test_the_package_says_what_its_files_say():
    cited = ua.cite()
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for part in ("Asymptotic Universal Alignment: A New Alignment Framework via Test-Time Scaling", "2601.08777"):
        assert part in text
        assert part in cited.paper
    assert f"version: {ua.__version__}" in text
    assert f"license: {cited.licence}" in text


@pytest.mark.parametrize("name", ["nobody", "no.such.module:learn", "missing.py:learn", "missing.csv"])
def test_what_is_not_there_is_an_error(name):
    with pytest.raises(ValueError, match=re.escape(name.partition(":")[0])):
        ua.cite(name)


def test_the_command(capsys, monkeypatch):
    from ualign_env import cli

    monkeypatch.setattr("sys.argv", ["ualign", "cite", "german-goals", "cfr", "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["kind"], second["kind"]) == ("scenario", "agent")
