"""Why a request got no answer, in words that are none of the other side's: they reach status, which others may read."""

from __future__ import annotations

import httpx

from relevo_contract import bounded_http, texts


def failure(error: BaseException | None, seconds: float) -> str:
    """What came instead of an answer within `seconds`; of what the other side said nothing is repeated."""
    match error:
        case TimeoutError() | httpx.TimeoutException():
            said = f"no answer within {seconds:g} s"
        case bounded_http.TooLong():
            said = f"more than {error.most:,} bytes"
        case httpx.ConnectError():  # the resolver's, the kernel's or TLS' own words: nothing was read yet
            said = texts.without_passwords(texts.line(str(error), 200)) or "no connection"
        case httpx.LocalProtocolError() | UnicodeError():  # their words may hold a password's header
            said = "a request that cannot be sent: a login and names must be printable, without line ends"
        case httpx.RemoteProtocolError() | httpx.DecodingError():
            said = "an answer that is not HTTP"
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            said = "an address that cannot be asked"
        case _:
            said = "a connection that broke"
    return said
