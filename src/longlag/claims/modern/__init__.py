"""Claims of the literature on sequence layers, 2018 to 2026."""
