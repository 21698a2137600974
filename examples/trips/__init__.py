"""A second use case, small enough to be read whole: how many minutes a trip on a shared bike takes.

docs/your-own.md goes through it file by file.
"""
