from __future__ import annotations

from relevo_contract.features import PRICE_BY_SIZE
from relevo_contract.numbers import NUMBERS
from relevo_contract.tables import SHARES
from relevo_jobs.train.encoding import ENCODINGS
from relevo_ui.features import meaning
from relevo_ui.language import spanish

ADDITIVE = [f"additive_{part}" for part in ("house", "place", "broker", "price")]


def test_every_feature_of_the_encoder_is_told_in_words() -> None:
    names = [*NUMBERS, *(e.feature for e in ENCODINGS), PRICE_BY_SIZE, *(f"share_of_{n}" for n in SHARES), *ADDITIVE]
    plain = [name for name in names if meaning(name) == "as it came"]
    assert plain == ["bed", "bath", "acre_lot", "house_size"]
    told = [meaning(name) for name in names if name not in plain]
    assert len(set(told)) == len(told), "no two are told alike"
    assert [text for text in told if "_" in text] == []
    assert [name for name in names if meaning(name, spanish) == meaning(name)] == []


def test_a_key_is_named_as_a_person_says_it() -> None:
    assert meaning("price_by_brokered_by") == "the usual price of listings with the same broker"
    assert meaning("share_of_zip_code") == "the share of the training data with the same zip code"
