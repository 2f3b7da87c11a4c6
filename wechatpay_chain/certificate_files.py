"""Certificates on disk: each file is there whole or not at all, and its owner's alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from wechatpay_chain.certificate_list import PlatformCertificate

__all__ = ["file_name", "save"]


def file_name(serial: str) -> str:
    """Return the name of a certificate's file, as the PHP SDK's command makes it."""
    return f"wechatpay_{serial}.pem"


def save(
    certificates: Iterable[PlatformCertificate], directory: str | os.PathLike[str]
) -> tuple[Path, ...]:
    """Write certificates into a directory, made if need be; return the files' paths.

    A file appears under its name when all of it is on the disk, with mode 0600; whatever
    happens on the way, what stood there before still does.

    Raises:
        OSError: one cannot be written.
    """
    place = Path(directory)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = tuple(_write(place / file_name(one.serial), one.pem) for one in certificates)
    _sync(place)
    return paths


def _write(path: Path, text: str) -> Path:
    # In the same directory, because only there can it be renamed in one step.
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _sync(directory: Path) -> None:
    """Put the directory's new names onto the disk, where a system lets it be opened."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
