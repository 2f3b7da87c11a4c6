"""Certificates on disk: each file is there whole or not at all, and its owner's alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from errno import EISDIR
from pathlib import Path

from wechatpay_chain.certificates.listing import PlatformCertificate
from wechatpay_chain.placement import Placement

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
    for path in pems:
        if path.is_dir() and not path.is_symlink():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))
    # All are on the disk before the first takes its place: they belong together.
    with ExitStack() as parts:
        placements = [parts.enter_context(Placement(path, mode=0o600)) for path in pems]
        for placement, pem in zip(placements, pems.values(), strict=True):
            placement.file.write(pem)
            placement.file.flush()
            os.fsync(placement.file.fileno())
        for placement in placements:
            placement.place_now()
    return tuple(pems)
