import numpy as np
import pytest

from ualign_env import Population, load_game, load_scenario
from ualign_env.sources.preflib import read_soc

SOC = """# FILE NAME: 1.soc
# TITLE: colours
# NUMBER ALTERNATIVES: 3
# NUMBER VOTERS: 5
# NUMBER UNIQUE ORDERS: 2
# ALTERNATIVE NAME 1: red: light
# ALTERNATIVE NAME 2: green
# ALTERNATIVE NAME 3: blue
3: 2,1,3
2: 3, 2, 1
"""


@pytest.fixture
def soc(tmp_path):
    def write(text, name="1.soc"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_reads_counts_rankings_and_names(soc):
    (population,) = read_soc(soc(SOC)).populations
    assert population.responses == ("red: light", "green", "blue")
    assert population.n_users == 5
    np.testing.assert_allclose(population.favourites(), [0, 0.6, 0.4])
    assert population == Population.from_rankings([[1, 0, 2], [2, 1, 0]], [3, 2], population.responses)


def test_a_path_is_a_spec(soc, tmp_path, monkeypatch):
    path = soc(SOC, "colours (2, old)=x.soc")
    monkeypatch.chdir(tmp_path)
    scenario = load_scenario(path.name)
    assert scenario.prompts == ("colours (2, old)=x",)
    assert scenario.name == path.name
    # its own spec holds the content, and works where the file is not
    path.unlink()
    assert load_scenario(scenario.spec) == scenario
    assert load_game(scenario, 3).scenario == scenario


def test_files_take_options_as_names_do(soc, tmp_path, monkeypatch):
    path = soc(SOC, "colours.soc")
    monkeypatch.chdir(tmp_path)
    for spec in ("colours.soc/prompts:3", f"{path}/prompts:3"):
        scenario = load_scenario(spec)
        assert (scenario.n_prompts, scenario.name) == (3, spec)
        assert scenario.prompts == ("colours", "colours, rotated by 1", "colours, rotated by 2")
        assert scenario.populations[1] == scenario.populations[0].restricted([1, 2, 0])
    assert load_scenario("colours.soc/prompts:1") == load_scenario("colours.soc")
    with pytest.raises(ValueError, match=r"colours\.soc: unknown option 'prompt'; did you mean 'prompts'"):
        load_scenario("colours.soc/prompt:3")
    with pytest.raises(ValueError, match=r"colours\.soc: prompts is 'two', but must be an integer, as in prompts:1"):
        load_scenario("colours.soc/prompts:two")
    (tmp_path / "old.soc").mkdir()
    nested = soc(SOC, "old.soc/new.soc")
    assert load_scenario(nested) == load_scenario("old.soc/new.soc/prompts:1")


def test_other_formats_are_named(tmp_path):
    path = tmp_path / "x.soi"
    path.write_text("")
    with pytest.raises(ValueError, match=r"cannot read '.*x\.soi': only files that end in .*\.soc"):
        load_scenario(path)


def test_byte_order_marks_and_windows_line_ends(tmp_path, soc):
    path = tmp_path / "windows.soc"
    path.write_bytes(b"\xef\xbb\xbf" + SOC.replace("\n", "\r\n").encode())
    assert read_soc(path).populations == read_soc(soc(SOC)).populations


def test_equal_names_are_told_apart(soc):
    text = SOC.replace("3: blue", "3: green")
    assert read_soc(soc(text)).populations[0].responses == ("red: light", "green", "green (3)")


def test_names_are_optional(soc):
    text = "\n".join(line for line in SOC.splitlines() if "NAME 2" not in line)
    assert read_soc(soc(text)).populations[0].responses == ("red: light", "2", "blue")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.replace("3: 2,1,3", "3: 2,1"), r"1.soc:9: '2,1' does not rank each of the 3 alternatives once"),
        (lambda s: s.replace("3: 2,1,3", "3: 2,1,1"), r"1.soc:9: '2,1,1' does not rank"),
        (lambda s: s.replace("3: 2,1,3", "3: 2,1,4"), r"1.soc:9: '2,1,4' does not rank"),
        (lambda s: s.replace("3: 2,1,3", "3: {2,1},3"), r"1.soc:9: .3: \{2,1\},3. is not of the form 'count: 3,1,2'"),
        (lambda s: s.replace("3: 2,1,3", "2,1,3"), r"1.soc:9: '2,1,3' is not of the form"),
        (lambda s: s.replace("3: 2,", "0: 2,").replace("2: 3,", "0: 3,"), r"1.soc:10: ends before the first ranking"),
        (
            lambda s: s[: s.index("2: 3, 2")],
            r"1.soc:9: ends with number voters at 3, but line 4 says 5; is the file truncated",
        ),
        (lambda s: s[: s.index("3: 2,1,3")], r"1.soc:8: ends before the first ranking"),
        (lambda s: s.replace("# NUMBER ALTERNATIVES: 3\n", ""), r"1.soc:1: has no line '# NUMBER ALTERNATIVES: ...'"),
        (
            lambda s: s.replace("VES: 3", "VES: three"),
            r"1.soc:3: NUMBER ALTERNATIVES is 'three', but must be a positive",
        ),
        (
            lambda s: s.replace("VES: 3", "VES: 999999999999"),
            r"1.soc:9: '2,1,3' does not rank each of the 999999999999",
        ),
        (lambda s: s.replace("3: 2,1,3", "9" * 400 + ": 2,1,3"), r"1.soc:9: '9+' is not of the form"),
        (lambda _: "", r"1.soc:1: ends before the first ranking"),
    ],
)
def test_malformed_files_name_file_and_line(soc, change, message):
    changed = change(SOC)
    assert changed != SOC
    with pytest.raises(ValueError, match=message):
        read_soc(soc(changed))


def test_unreadable_files(tmp_path):
    with pytest.raises(ValueError, match=r"none\.soc: no such file"):
        read_soc(tmp_path / "none.soc")
    (tmp_path / "binary.soc").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"binary\.soc: cannot be read as text"):
        read_soc(tmp_path / "binary.soc")
    (tmp_path / "folder.soc").mkdir()
    with pytest.raises(ValueError, match=r"folder\.soc: cannot be read as text"):
        read_soc(tmp_path / "folder.soc")


def test_padding_is_no_content(soc):
    text = SOC.replace("3: 2,1,3", "0000000000000000000003 :         2,1 ,         3  ")
    text = text.replace("2: 3, 2, 1", "2:003,0000000000002,1")
    text = text.replace("ALTERNATIVES: 3", "ALTERNATIVES: 0000000000000000000003")
    assert load_scenario(soc(text)) == load_scenario(soc(SOC))
    for digits in ("٣", "1" * 16, "0" * 30):
        with pytest.raises(ValueError, match=r"1\.soc:9: "):
            load_scenario(soc(SOC.replace("3: 2,1,3", f"3: 2,1,{digits}")))


def test_repeated_names_are_told_apart(soc):
    text = SOC.replace("red: light", "a").replace("green", "a (3)").replace("blue", "a")
    assert load_scenario(soc(text)).populations[0].responses == ("a", "a (3)", "a (3) (3)")
