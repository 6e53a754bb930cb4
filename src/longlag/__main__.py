"""`python -m longlag` is the same as `longlag`."""

import gc
import os
import signal


def main() -> None:
    """The command line, which ends without a traceback where Ctrl-C comes while it is loaded."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    gc.disable()  # nothing is garbage yet
    from longlag.cli.app import main

    gc.enable()
    main()


if __name__ == "__main__":
    main()
