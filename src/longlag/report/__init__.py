"""The report: one HTML page of studies, of settled claims or of a forecast, with its figures."""

import lazy_loader

# The names of __init__.pyi, each imported on first use: naming the report never waits for jax.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
