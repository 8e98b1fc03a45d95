"""Which network addresses a system may be reached at: the SSRF guard's judgement and the one look-up of a
name.

The address that was judged is the address that is connected to (see `wire.py`); a name is never looked up
twice.
"""

import ipaddress
import socket
from collections.abc import Callable
from threading import Thread

from django.utils.translation import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]

NAT64 = ipaddress.ip_network("64:ff9b::/96")
NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
V4_COMPATIBLE = ipaddress.ip_network("::/96")
CARRIER_NAT = ipaddress.ip_network("100.64.0.0/10")
UNIQUE_LOCAL = ipaddress.ip_network("fc00::/7")
SITE_LOCAL = ipaddress.ip_network("fec0::/10")
PRIVATE_V4 = tuple(ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
METADATA = {
    ipaddress.ip_address(a)
    for a in (
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
}
"""Addresses at which clouds hand out credentials: refused even where private networks are allowed."""


class AddressRefused(Exception):
    """The system's address may not be reached."""


class NameUnknown(Exception):
    """The system's host name has no address, or the name service did not answer in time."""


def why_refused(address: str, *, private_network: bool) -> str | None:
    """The reason why `address` (an IP address as text) may not be reached, or None if it may.

    With `private_network`, the company's own networks and this machine are allowed; link-local, metadata,
    multicast and unusable addresses never are. An IPv4 address that hides in an IPv6 one is judged as itself.
    """
    try:
        parsed = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return _("it is not an address")
    inner = _hidden_v4(parsed)
    if inner is not None:
        return why_refused(str(inner), private_network=private_network)
    if parsed in METADATA:
        return _("it is a cloud's metadata address")
    if parsed.is_unspecified or parsed.is_multicast or parsed.is_link_local:
        return _("it is a link-local, multicast or unspecified address")
    if _is_internal(parsed):
        return None if private_network else _("it is in a private network, and the system record does not allow that")
    if not parsed.is_global or parsed.is_reserved or parsed in NAT64_LOCAL:
        return _("it is in a reserved range")
    return None


def allowed_addresses(host: str, port: int, *, private_network: bool, seconds: float, resolve: Resolve) -> list[str]:
    """The addresses of `host`, looked up once, all of them allowed.

    Raises AddressRefused if any of them is not (a name that also points inside is not to be trusted),
    NameUnknown if there is none or none came within `seconds`.
    """
    addresses = _within(seconds, host, port, resolve)
    if not addresses:
        raise NameUnknown(_("The name %(host)s has no address.") % {"host": host})
    for address in addresses:
        reason = why_refused(address, private_network=private_network)
        if reason is not None:
            raise AddressRefused(
                _("%(host)s is not reached: %(reason)s (%(address)s).")
                % {"host": host, "address": address, "reason": reason}
            )
    return addresses


def look_up_name(host: str, port: int) -> list[str]:
    """The addresses that the machine's resolver gives for `host`, in its order, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _within(seconds: float, host: str, port: int, resolve: Resolve) -> list[str]:
    found: list[str] = []
    failed: list[Exception] = []

    def look() -> None:
        try:
            found.extend(resolve(host, port))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    # The resolver cannot be told to hurry: a thread of its own, left behind if it hangs, keeps the call's
    # time limit.
    thread = Thread(target=look, name="name-look-up", daemon=True)
    thread.start()
    thread.join(max(seconds, 0.0))
    if thread.is_alive():
        raise NameUnknown(_("The name %(host)s was not found in time.") % {"host": host})
    if failed:
        raise NameUnknown(_("The name %(host)s is not known.") % {"host": host})
    return list(found)


def _hidden_v4(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in NAT64 or (address in V4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_internal(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_loopback or address in CARRIER_NAT or any(address in network for network in PRIVATE_V4)
    return address.is_loopback or address in UNIQUE_LOCAL or address in SITE_LOCAL
