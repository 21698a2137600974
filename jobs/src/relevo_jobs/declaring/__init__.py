"""Writing a declaration and looking at what it makes of the data: `init` and `check`."""
