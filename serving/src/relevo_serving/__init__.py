"""Relevo's inference API."""
