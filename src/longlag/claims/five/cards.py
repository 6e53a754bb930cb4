"""The claims of the five sequence problems (Brownlee 2017), twelve cards.

Every card sets an LSTM of 50 cells beside an MLP in both its forms, shown a single step and
shown the whole sample flattened (they are one where a sample is one step). They are tuned over
the learning rate, the MLPs over their width too, on a stream that is used for nothing else; only
`echo-value/deeper`, which compares lags, keeps one learning rate for all of its LSTMs.
"""

from __future__ import annotations

from longlag.claims.five.cumulative import CUMULATIVE_BIDIRECTIONAL, CUMULATIVE_LABELS
from longlag.claims.five.echo_subsequence import PARTIAL, WHOLE_PER_STEP, WHOLE_VECTOR
from longlag.claims.five.echo_value import VALUE_CURRENT, VALUE_DEEPER, VALUE_PREVIOUS
from longlag.claims.five.memorization import MEMORIZATION_ONE_STEP, MEMORIZATION_SEQUENCE
from longlag.claims.five.ramp import RAMP_ONE_STEP, RAMP_SUBSEQUENCE

CARDS = (
    RAMP_ONE_STEP,
    RAMP_SUBSEQUENCE,
    MEMORIZATION_ONE_STEP,
    MEMORIZATION_SEQUENCE,
    VALUE_CURRENT,
    VALUE_PREVIOUS,
    VALUE_DEEPER,
    WHOLE_VECTOR,
    WHOLE_PER_STEP,
    PARTIAL,
    CUMULATIVE_LABELS,
    CUMULATIVE_BIDIRECTIONAL,
)
