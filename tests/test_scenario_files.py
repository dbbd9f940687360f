"""Scenarios in files: the same one comes back, and of what is damaged an error."""

import io
import json
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from slot_noise import SlotNoise

from ualign_env import Population, Scenario, load_game, load_scenario


def everything():
    """Returns a scenario of several kinds, sizes and types, with features and notes."""
    many = np.array([[0, *range(1, 300)], [299, *range(299)]])
    return Scenario(
        [
            Population.from_rankings([[0, 1, 2], [1, 2, 0], [2, 1, 0]], [4, 3, 2], ["naïve", "日本, a", "c/d"]),
            Population.from_rankings(many),
            SlotNoise([[1.0, 0.5], [0.0, 1.0]], 0.4, [0.3, 0.7]),
        ],
        ["one", "two, with a comma", "three"],
        [0.5, 0.3, 0.2],
        features=[[1.0, 2.0], [0.1, -3.0], [0.0, 1e-9]],
        name="all of it",
        notes=["3 voters left out"],
    )


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "x.npz"
    everything().save(path)
    return path


def test_the_same_scenario_comes_back(saved):
    scenario, found = everything(), load_scenario(saved)
    assert found == scenario
    assert found.digest == scenario.digest
    assert found.populations == scenario.populations
    assert found.prompts == scenario.prompts
    assert found.notes == scenario.notes
    np.testing.assert_array_equal(found.probabilities, scenario.probabilities)
    np.testing.assert_array_equal(found.features, scenario.features)
    assert found.name == str(saved)
    assert Scenario.from_file(saved).name == "all of it"
    assert load_scenario(found.spec) == scenario  # which needs no file


def test_the_same_scenario_is_the_same_file(saved, tmp_path):
    everything().save(tmp_path / "again.npz")
    assert saved.read_bytes() == (tmp_path / "again.npz").read_bytes()


@pytest.mark.parametrize("name", ["a, b.npz", "ünï – 日本.npz", "a b/c (d)=e.npz", "100%25.npz"])
def test_names_of_files_are_free(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(exist_ok=True)
    scenario = load_scenario("mallows/responses:3/prompts:2")
    scenario.save(name)
    for path in (name, Path(name), tmp_path / name):
        assert load_scenario(path) == scenario
        assert load_game(path, 3).scenario == scenario
    code = f"import pyspiel, ualign_env; print(pyspiel.load_game('python_ualign', {{'scenario': {name!r}}}).scenario)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert "n_prompts=2, n_responses=3" in made.stdout


def test_damage_is_an_error_that_names_the_file(saved):
    content = saved.read_bytes()
    rng = np.random.default_rng(0)
    damaged = [content[:size] for size in rng.integers(0, len(content), 50).tolist()]
    for place in rng.integers(0, len(content), 200).tolist():
        flipped = bytearray(content)
        flipped[place] ^= int(rng.integers(1, 256))
        damaged.append(bytes(flipped))
    read = 0
    for data in damaged:
        saved.write_bytes(data)
        with suppress(ValueError):
            assert load_scenario(saved) == everything()  # a byte that means nothing, such as a date
            read += 1
    assert read < 50


def rewritten(path, change):
    """Writes a file anew after a change to its arrays."""
    with np.load(path) as file:
        arrays: dict = dict(file)
    header = json.loads(arrays["header"].tobytes())
    change(header, arrays)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header, _: header.update(format="ualign-scenario-2"), "its format is 'ualign-scenario-2', but this"),
        (lambda header, _: header.update(prompts=["a", "b", "c"]), "its content is not what was saved"),
        (lambda header, _: header.update(probabilities=[1, 0, 0]), "a prompt must be possible"),
        (lambda header, _: header["probabilities"].update(first=10**9), "an array lies beyond its data"),
        (lambda header, _: header["probabilities"].update(shape=[-3]), "an array lies beyond its data"),
        (lambda header, _: header["populations"][0].update(kind="nobody"), "unknown kind of users 'nobody'"),
        (lambda header, _: header.pop("digest"), "digest"),
        (lambda _, arrays: arrays.pop("f8"), "f8"),
        (lambda _, arrays: arrays.update(f8=arrays["f8"].astype(str)), "f8.npy is no array of numbers"),
    ],
)
def test_wrong_content(saved, change, message):
    rewritten(saved, change)
    with pytest.raises(ValueError, match=rf"x\.npz: is no scenario file, or damaged: .*{message}"):
        load_scenario(saved)


def test_files_of_other_kinds(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(ValueError, match=r"x\.npz: no such file"):
        load_scenario(path)
    np.savez(path, policy=[0.5, 0.5])
    with pytest.raises(ValueError, match="it has no header of a scenario"):
        load_scenario(path)
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="is no array of numbers"):
        load_scenario(path)
    for data in (b"", b"text", b"\x93NUMPY"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="is no scenario file, or damaged"):
            load_scenario(path)


def test_bombs_are_refused_before_they_unpack(tmp_path):
    path = tmp_path / "x.npz"
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(array, {"descr": "|u1", "fortran_order": False, "shape": (6 * 10**8,)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("header.npy", "w") as member:
        member.write(array.getvalue())
        for _ in range(600):
            member.write(bytes(10**6))
    assert path.stat().st_size < 10**6
    with pytest.raises(ValueError, match="unpacks to 600,000,128 bytes, but at most 500,000,000 are read"):
        load_scenario(path)


def test_where_files_can_be_saved(tmp_path):
    with pytest.raises(ValueError, match=r"'x\.txt' must end in \.npz"):
        everything().save("x.txt")
    with pytest.raises(ValueError, match=r"cannot write '.*none/x\.npz': No such file"):
        everything().save(tmp_path / "none" / "x.npz")
    everything().save(tmp_path / "x.npz")
    with pytest.raises(ValueError, match=r"unknown option 'prompts'"):
        load_scenario(f"{tmp_path}/x.npz/prompts:2")


def test_joined_scenarios_have_all_prompts():
    parts = [load_scenario("cycle/prompts:2"), load_scenario("german-goals"), load_scenario("mallows/prompts:3")]
    joined = Scenario.joined(parts)
    assert joined.populations == tuple(users for part in parts for users in part.populations)
    np.testing.assert_allclose(joined.probabilities, [1 / 6] * 2 + [1 / 3] + [1 / 9] * 3)
    assert joined.prompts[:3] == ("cycle/prompts:2: prompt 0", "cycle/prompts:2: prompt 1", "german-goals: prompt 0")
    assert Scenario.joined([parts[1], parts[1]]).prompts == ("german-goals: prompt 0 (0)", "german-goals: prompt 0 (1)")
    assert Scenario.joined(parts[:1]) == parts[0]
    noted = Scenario.joined([everything(), everything()])
    assert noted.notes == ("all of it: 3 voters left out",) * 2
    for wrong, message in (
        ([], "must be at least one"),
        ([everything(), parts[0]], r"with as many features each, not \[0, 2\]"),
        (["cycle"], r"scenarios\[0\] is 'cycle', but must be a Scenario"),
        (parts[0], "must be several"),
    ):
        with pytest.raises(ValueError, match=message):
            Scenario.joined(wrong)  # pyright: ignore[reportArgumentType]
