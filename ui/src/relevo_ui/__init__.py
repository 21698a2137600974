"""Relevo's user interface."""
