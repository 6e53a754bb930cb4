"""The store: one SQLite file of finished trials."""
