"""The script of a worker process, which runs by its path and with `python -P`.

Files of the working folder cannot shadow libraries: it is not on the path until all is loaded, and
then at its end, with the other folders of the coordinator (the arguments), which may have a user's
modules. All output by `print` goes to standard error, and `input` finds nothing to read.
"""

import ctypes
import os
import signal
import sys


def main() -> None:
    """Serve jobs on standard input and output until the coordinator closes them."""
    if os.environ.pop("LONGLAG_ENDS_WITH_PARENT", "") and sys.platform == "linux":
        # Needed if a model blocks the thread that waits for the end of the coordinator.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    jobs, output = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path.insert(0, os.path.dirname(package))
    import longlag.events  # the longlag of the coordinator

    del sys.path[0]

    import longlag.trials.fit  # noqa: F401 - loaded before the first job
    from longlag.training import devices, kept
    from longlag.workers.worker import serve

    kept.replace_unreadable()
    sys.path += [folder for folder in sys.argv[1:] if folder not in sys.path]
    serve(device=devices.describe(), jobs=jobs, output=output)


if __name__ == "__main__":
    main()
