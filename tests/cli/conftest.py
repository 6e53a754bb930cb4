"""A command called as a user calls it."""

import sys

import pytest

from longlag.cli.app import main


@pytest.fixture
def call(capsys, monkeypatch):
    """Its exit code, what it printed, and what it said on standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["longlag", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run
