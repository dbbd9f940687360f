import os

import pytest

from ualign_env._files import write_file


def test_files_are_whole_or_as_they_were(tmp_path):
    path = tmp_path / "x.bin"
    write_file(path, lambda file: file.write(b"first"))

    def breaks(file):
        file.write(b"half")
        raise RuntimeError("in between")

    def full(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(RuntimeError, match="in between"):
        write_file(path, breaks)
    with pytest.raises(ValueError, match=r"cannot write '.*x\.bin': No space left on device"):
        write_file(path, full)
    assert os.listdir(tmp_path) == ["x.bin"]
    assert path.read_bytes() == b"first"
    write_file(path, lambda file: file.write(b"second"))
    assert path.read_bytes() == b"second"


def test_what_cannot_be_opened_says_why(tmp_path):
    with pytest.raises(ValueError, match=r"cannot write '.*none/x': No such file or directory"):
        write_file(tmp_path / "none" / "x", lambda file: file.write(b""))
    long = tmp_path / ("x" * 300)
    with pytest.raises(ValueError, match="File name too long"):
        write_file(long, lambda file: file.write(b""))
