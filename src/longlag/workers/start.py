"""What a worker process runs, by its path and with `python -P`.

Nothing in the working folder stands in for a library: it is not on the path until all is loaded,
and then at its end, with the other folders of the coordinator (the arguments), where a user's own
modules are found. What anyone prints from here on goes to standard error.
"""

import os
import sys

output = os.dup(1)
os.dup2(2, 1)
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
import longlag.events  # noqa: E402 - of the same longlag as the coordinator

del sys.path[0]

import longlag.trials.fit  # noqa: E402, F401 - loaded before the first job comes in
from longlag.training import devices  # noqa: E402
from longlag.workers.worker import serve  # noqa: E402

sys.path += [folder for folder in sys.argv[1:] if folder not in sys.path]
serve(device=devices.describe(), output=output)
