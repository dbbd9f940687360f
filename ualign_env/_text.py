"""Texts on their way to a terminal: what other people wrote, such as the names of responses, and numbers of things."""

import unicodedata


def printable(text: str, keep: str = "\n") -> str:
    """Returns a text in which what would move a cursor, colour a terminal or reorder a line is written out.

    Args:
        text: any text.
        keep: control characters that stay.
    """
    return "".join(
        repr(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs") and c not in keep else c
        for c in text
    )


def short(text: str, most: int = 60) -> str:
    """Returns a text on one line, and of a long one its beginning and its end: answers of models are pages."""
    line = " ".join(text.split())
    end = (most - 3) // 3
    return line if len(line) <= most else f"{line[: most - 3 - end]}...{line[-end:]}"


def counted(number: float, noun: str) -> str:
    """Returns a number of things, such as `1 row` or `2,000 rows`."""
    return f"{number:,.12g} {noun}{'' if number == 1 else 's'}"


def counted_between(least: int, most: int, noun: str) -> str:
    """Returns a number of things that differs from place to place, such as `3 to 7 rows`."""
    return counted(most, noun) if least == most else f"{least:,} to {counted(most, noun)}"
