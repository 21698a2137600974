"""Keeping every input: a spool on disk that is written before the answer, and a thread that carries it to RAW."""
