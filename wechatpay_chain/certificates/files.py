"""Certificates on disk: each file is there whole or not at all, and its owner's alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from wechatpay_chain import placement
from wechatpay_chain.certificates.listing import PlatformCertificate

__all__ = ["file_name", "save"]


def file_name(serial: str) -> str:
    """Return the name of a certificate's file, as the PHP SDK's command makes it."""
    return f"wechatpay_{serial}.pem"


def save(
    certificates: Iterable[PlatformCertificate], directory: str | os.PathLike[str]
) -> tuple[Path, ...]:
    """Write certificates into a directory, made if need be; return the files' paths.

    A file appears under its name when all of them are on the disk, with mode 0600; if one
    cannot be written, what stood there before still does.

    Raises:
        OSError: one cannot be written.
    """
    place = Path(directory)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    pems = {place / file_name(one.serial): one.pem.encode("ascii") for one in certificates}
    placement.write_all(pems, mode=0o600)
    return tuple(pems)
