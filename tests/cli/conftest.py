"""A command called as a user calls it."""

import sys

import pytest

from longlag.cli.app import main
from longlag.workers import local


@pytest.fixture
def call(capsys, monkeypatch):
    """Its exit code, what it printed, and what it wrote to standard error.

    A study has one worker unless the test says how many: each takes seconds to start.
    """
    monkeypatch.setattr(local, "_cores", lambda: 1)

    def run(*arguments):
        arguments = [*map(str, arguments)]
        monkeypatch.setattr(sys, "argv", ["longlag", *arguments])
        with pytest.raises(SystemExit) as end:
            main(arguments)
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run
