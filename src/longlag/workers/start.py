"""What a worker process runs, by its path and with `python -P`.

Nothing in the working folder stands in for a library: it is not on the path until all is loaded,
and then at its end, with the other folders of the coordinator (the arguments), where a user's own
modules are found. What anyone prints from here on goes to standard error.
"""

import ctypes
import os
import signal
import sys


def main() -> None:
    """Serve jobs on standard input and output until the coordinator closes them."""
    if os.environ.pop("LONGLAG_ENDS_WITH_PARENT", "") and sys.platform == "linux":
        # Also where a model never lets the thread run that looks for the end of the coordinator.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    output = os.dup(1)
    os.dup2(2, 1)
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path.insert(0, os.path.dirname(package))
    import longlag.events  # of the same longlag as the coordinator

    del sys.path[0]

    import longlag.trials.fit  # noqa: F401 - loaded before the first job comes in
    from longlag.training import devices, kept
    from longlag.workers.worker import serve

    kept.replace_unreadable()
    sys.path += [folder for folder in sys.argv[1:] if folder not in sys.path]
    serve(device=devices.describe(), output=output)


if __name__ == "__main__":
    main()
