"""Relevo's pipeline steps, one command each: collect, clean, decide, train, promote."""
