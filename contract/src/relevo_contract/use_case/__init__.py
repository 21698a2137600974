"""The declaration of a use case, and what is made of it."""

from relevo_contract.use_case.declaration import Declaration
from relevo_contract.use_case.reading import read, text_of

__all__ = ["Declaration", "read", "text_of"]
