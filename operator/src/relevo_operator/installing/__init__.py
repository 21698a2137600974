"""relevo-install: what must be in a namespace before the system is: its Secrets."""
