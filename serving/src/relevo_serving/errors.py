"""Every error of the inference API; each message says what was expected, what came and what to do."""


class SettingsError(Exception):
    """A setting is missing or wrong, or the port is taken: the process ends with exit code 2."""


class RegistryAway(Exception):
    """MLflow did not answer or failed: asked again at the next poll, and what serves goes on serving."""


class NoVersion(Exception):
    """MLflow answered, and marks no version with the alias yet: asked again at the next poll."""


class StoreAway(Exception):
    """PostgreSQL does not take inferences: they wait in the spool, and what serves goes on serving."""


class WrongRecord(Exception):
    """PostgreSQL can never take a record of the spool: it is set aside and counted."""


class GraphFailed(Exception):
    """A version's graph cannot take the rows that were asked, or gave no prediction for each: answered with 422."""


class BrokenVersion(Exception):
    """A version cannot be loaded or fails its self-test: refused until the alias moves; pinned, it ends the process."""


class NoSuchVersion(BrokenVersion):
    """MLflow answered that the pinned number does not exist."""
