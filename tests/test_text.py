import pytest

from ualign_env._text import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("naïve – 日本 ∞ 🙂", "naïve – 日本 ∞ 🙂"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("two\nlines", "two\nlines"),
        ("a\tb\rc\x9bd", "a\\tb\\rc\\x9bd"),
        ("left \u202eright\u2028", "left \\u202eright\\u2028"),
        ("half \ud800", "half \\ud800"),
        ("back\\slash '\"", "back\\slash '\""),
    ],
)
def test_controls_are_written_out(text, expected):
    assert printable(text) == expected


def test_cells_are_one_line():
    assert printable("two\nlines", keep="") == "two\\nlines"
