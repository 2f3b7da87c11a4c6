"""The hosts that a request may be signed for, and how addresses are put together.

Nothing is signed for a host that is not WeChat Pay's or the client's own, and
nothing travels in the clear save to this machine itself.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

__all__ = ["DEFAULT_BASE", "OFFICIAL", "is_loopback", "origin", "resolve"]

DEFAULT_BASE = "https://api.mch.weixin.qq.com/"

OFFICIAL = frozenset(
    {
        "https://api.mch.weixin.qq.com",
        "https://api2.mch.weixin.qq.com",  # 备用域名
        "https://apihk.mch.weixin.qq.com",
        "https://apius.mch.weixin.qq.com",
        "https://apieu.mch.weixin.qq.com",
        "https://fraud.mch.weixin.qq.com",
        "https://payapp.weixin.qq.com",
        "https://pay.wechatpay.cn",
    }
)
"""The origins that WeChat Pay itself uses."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PORTS = {"https": 443, "http": 80}


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, the port only where it is not the scheme's own.

    Raises:
        ValueError: it is no http or https URL, has no host, or carries a user name.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not an http or https address without a user name")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.port in (None, _PORTS[parts.scheme]):
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{parts.port}"


def is_loopback(origin: str) -> bool:
    """Tell whether an origin is this machine itself."""
    host = urlsplit(origin).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def resolve(base: str, reference: str) -> str:
    """Return a reference's address, as RFC 3986 section 5.2 has it, less the removal of dots.

    Dot segments never come this far, and all else must stay as it was written,
    because it is signed as it is sent.
    """
    if _SCHEME.match(reference):
        return reference
    scheme, _, rest = base.partition("://")
    if reference.startswith("//"):
        return f"{scheme}:{reference}"
    authority, slash, path = rest.partition("/")
    if not reference:
        return f"{scheme}://{authority}/{path}"
    if reference.startswith("/"):
        return f"{scheme}://{authority}{reference}"
    if reference.startswith(("?", "#")):
        return f"{scheme}://{authority}/{path}{reference}"
    above = path.rpartition("/")[0] + "/" if slash and "/" in path else ""
    return f"{scheme}://{authority}/{above}{reference}"
