"""What lists are told of the package is what the code says."""

import re
import tomllib

import gymnasium
import pytest
from doc_pages import DOCS, ROOT
from gymnasium.utils.env_checker import check_env
from pyspiel import registered_names

from ualign_env import list_scenarios, registration
from ualign_env.cli import application

TEXT = (DOCS / "listings.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in TEXT.split("\n## ")[1:]}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def section(name):
    (found,) = [text for title, text in SECTIONS.items() if title.startswith(name)]
    return found


def test_environments_have_their_names_and_versions():
    for name, table in (("Gymnasium", registration.GYMNASIUM), ("PettingZoo", registration.PETTINGZOO)):
        named = set(re.findall(r"`(ualign/\S+)`", section(name)))
        assert named == {one.id for one in table}
    named = set(re.findall(r"`(python_ualign\w*)`", section("OpenSpiel")))
    assert named == {name for name in registered_names() if name.startswith("python_ualign")}


def test_environments_that_are_said_to_draw_do():
    drawing, others = registration.GYMNASIUM[:2], registration.GYMNASIUM[2:]
    assert "the first two have `rgb_array` rendering and pass `check_env`" in section("Gymnasium")
    for one in drawing:
        made = gymnasium.make(one.id, render_mode="rgb_array")
        check_env(made.unwrapped, skip_render_check=True)
    assert [one.id for one in others] == ["ualign/Seats-v0"]
    with pytest.raises(ValueError, match="rgb_array"):
        gymnasium.make_vec(others[0].id, num_envs=3, render_mode="rgb_array")


def test_requirements_are_those_of_the_package():
    for name, package in (("Gymnasium", "gymnasium"), ("PettingZoo", "pettingzoo"), ("OpenSpiel", "open_spiel")):
        (bound,) = [one for one in PROJECT["dependencies"] if re.match(rf"{package}\W", one)]
        least = bound.partition(">=")[2].partition(",")[0]
        assert f"**ualign-env**, {name} {least} and later" in section(name)
        sentences = re.findall(r"\.(?= [A-Z]|\n)", section(name))
        assert 2 <= len(sentences) <= 8  # such lists want a few


def test_what_is_counted_and_named_is_there():
    assert f"{len(list_scenarios())} named families" in section("OpenSpiel")
    for name in re.findall(r"(?:of|and|export) `?([a-z]+-[a-z0-9-]+\d{4}|german-goals)`?", section("Gambit")):
        assert name in list_scenarios()
    commands = {command.name for command in application().registered_commands}
    assert set(re.findall(r"`ualign (\w+)", TEXT)) <= commands


def test_the_file_of_citation_has_the_version():
    import ualign_env

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {ualign_env.__version__}\n" in citation
