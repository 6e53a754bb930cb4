"""The claims of the five sequence problems (Brownlee 2017), twelve cards.

Every card compares an LSTM of 50 cells with two MLPs: one gets a single step, the other the whole
sample, flattened (they are equal where a sample is one step). The learning rate of each is tuned,
and the width of the MLPs too, on a separate stream; only `echo-value/deeper`, which compares lags,
has one learning rate for all of its LSTMs.
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
