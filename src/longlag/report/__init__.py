"""The report: one HTML page of a study or of claims, with its figures."""
