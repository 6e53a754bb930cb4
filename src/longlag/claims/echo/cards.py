"""The claims of the echo tutorial (Brownlee 2017, echo random integers), nine cards.

Integers from 0 to 99, 25 per sequence, one-hot, log loss, Adam, each sequence used once.
"""

from __future__ import annotations

from longlag.claims.echo.context import IGNORE_STATE, WITH_CONTEXT, WITHOUT_CONTEXT
from longlag.claims.echo.current import CURRENT, ENCODE
from longlag.claims.echo.lags import LAG_SEQUENCE, OTHER_LAGS
from longlag.claims.echo.missing import ENTIRE_SEQUENCE, MASK_MISSING

CARDS = (
    ENCODE,
    CURRENT,
    WITHOUT_CONTEXT,
    WITH_CONTEXT,
    IGNORE_STATE,
    MASK_MISSING,
    ENTIRE_SEQUENCE,
    OTHER_LAGS,
    LAG_SEQUENCE,
)
