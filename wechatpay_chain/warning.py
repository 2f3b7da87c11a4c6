"""What is warned of, where the caller can see it: at the first line outside this package."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

__all__ = ["CapitalWarning", "CertificateExpiryWarning", "DeprecatedOperationWarning", "warn"]

_PACKAGE = str(Path(__file__).parent)


class CapitalWarning(UserWarning):
    """A capital letter in ``chain()`` or ``[…]`` became a hyphen, as it does in PHP."""


class CertificateExpiryWarning(UserWarning):
    """A certificate of WeChat Pay's (平台证书) has expired, or soon will and has no successor."""


class DeprecatedOperationWarning(FutureWarning):
    """WeChat Pay has withdrawn an operation (接口已下线), or says that another replaces it.

    No DeprecationWarning, which Python shows to hardly anybody who runs a program.
    """


def warn(message: str, category: type[Warning]) -> None:
    """Issue a warning on behalf of the code that called into this package."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level + 1)
