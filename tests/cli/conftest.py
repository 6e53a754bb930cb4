"""A command called as a user calls it."""

import sys

import pytest

from longlag.cli.app import main


@pytest.fixture
def call(capsys, monkeypatch):
    """Its exit code, what it printed, and what it wrote to standard error."""

    def run(*arguments):
        arguments = [*map(str, arguments)]
        monkeypatch.setattr(sys, "argv", ["longlag", *arguments])
        with pytest.raises(SystemExit) as end:
            main(arguments)
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run
