"""Texts that other people wrote, such as the names of responses, on their way to a terminal."""

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
