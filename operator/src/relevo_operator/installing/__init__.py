"""relevo-install: what must be in a cluster before the system is: the CustomResourceDefinition and the Secrets."""
