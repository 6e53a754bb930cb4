from .claims import page_of_claims as page_of_claims
from .forecasts import page_of_forecast as page_of_forecast
from .page import Page as Page
from .studies import page_of_store as page_of_store
