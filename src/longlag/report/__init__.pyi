from .claims import page_of_claims as page_of_claims
from .figures import (
    figure_of_audit as figure_of_audit,
    figure_of_gates as figure_of_gates,
    figure_of_run as figure_of_run,
    save_figure as save_figure,
)
from .forecasts import page_of_forecast as page_of_forecast
from .page import Page as Page
from .studies import page_of_store as page_of_store
