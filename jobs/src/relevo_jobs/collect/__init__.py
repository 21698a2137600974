"""collect: ask the data source for one new batch and keep it in RAW."""
