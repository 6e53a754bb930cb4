"""Rows of the newer literature on sequence layers, each to be reproduced or refuted."""

from __future__ import annotations

from longlag.claims.modern.automata import (
    A5,
    FLIP_FLOP_LSTM,
    FLIP_FLOP_MAMBA,
    PARITY,
    SLSTM_ARITHMETIC,
)
from longlag.claims.modern.copying import (
    ARU_COPYING,
    COGSCALE_COPY,
    COGSCALE_SELECTIVE,
    SELECTIVE,
)
from longlag.claims.modern.counting import ADDING, COUNTING
from longlag.claims.modern.recall import ICL_INDUCTION, ICL_RECALL, INDUCTION
from longlag.claims.modern.strings import BUCKET_SORT, REVERSE

CARDS = (
    COGSCALE_COPY,
    COGSCALE_SELECTIVE,
    ARU_COPYING,
    ADDING,
    ICL_RECALL,
    ICL_INDUCTION,
    INDUCTION,
    FLIP_FLOP_LSTM,
    FLIP_FLOP_MAMBA,
    PARITY,
    SLSTM_ARITHMETIC,
    REVERSE,
    BUCKET_SORT,
    SELECTIVE,
    A5,
    COUNTING,
)
