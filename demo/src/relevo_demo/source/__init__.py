"""The data source: a server that answers one batch per request, as the course's server does."""
