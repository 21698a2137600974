"""What the pages say of house prices, in both languages."""

from __future__ import annotations

from typing import Final

from relevo_ui.language import spanish
from relevo_ui.wording import Wording
from tests.houses import LISTINGS

EN: Final = Wording(LISTINGS)
ES: Final = Wording(LISTINGS, spanish)
