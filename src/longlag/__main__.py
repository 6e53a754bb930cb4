"""`python -m longlag` is the same as `longlag`."""

import os
import signal


def main() -> None:
    """The command line, which ends without a traceback where Ctrl-C comes while it is loaded."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from longlag.cli.app import main

    main()


if __name__ == "__main__":
    main()
