"""Whether a browser asks on behalf of somebody else's web page. Pure; for servers that programs and people ask.

A page that a person looks at can make the browser ask any address that it reaches. It can do so by a name of its own
that it points at this server meanwhile (DNS rebinding): the Host tells. Or it posts here from where it is: the Origin
tells, which browsers send along and programs do not.
"""

from __future__ import annotations

from collections.abc import Container
from ipaddress import ip_address


def host_name(host: str) -> str:
    """A Host header's name in small letters, without its port; an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def is_own_name(name: str, names: Container[str]) -> bool:
    """Whether a name is this server's: one of `names`, or what nobody else can point here, localhost or an address."""
    if name == "localhost" or name in names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_other_page(origin: str, host: str) -> bool:
    """Whether the page that an Origin header names is of another server than the Host header does."""
    return origin.partition("://")[2].lower() != host.lower()
