"""A file that appears whole at its path, or not at all.

The bytes go to a hidden file beside it, ``.NAME.HEX.part``, which takes the
path's place when all of them are there. Whoever writes one holds a lock on it;
one that nobody holds was left by a program that was killed, and the next who
writes to that path removes it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Placement", "is_replaceable", "write", "write_all"]

STALE = 24 * 3600
"""Seconds after which a part is taken for left over where files cannot be locked."""

_LONGEST = 48
"""Letters of the name that a part has in its own: names of files may have 255 bytes."""


class Placement:
    """A file on its way to a path; leaving the ``with`` block before `place` leaves nothing.

    ::

        with Placement(Path("bill.csv")) as placement:
            placement.file.write(b"…")
            await placement.place()

    Of its permissions it keeps those of the file before it, unless `mode` says which it has.
    """

    file: BinaryIO

    def __init__(self, path: Path, *, mode: int | None = None) -> None:
        self.path = path
        self._wanted = mode
        self._part = path
        self._placed = False

    def __enter__(self) -> Self:
        _remove_stale(self.path)
        mode = self._mode(self.path)
        while True:
            self._part = _part(self.path)
            # "x": a file or link that somebody else put there is never written to.
            descriptor = os.open(self._part, _FLAGS, 0o666 if mode is None else mode)
            self.file = os.fdopen(descriptor, "wb")
            if _is_held(self.file):
                return self
            # Somebody who tidies up was faster than the lock.
            self.file.close()
            self._part.unlink(missing_ok=True)

    async def place(self, path: Path | None = None) -> None:
        """Put the file at its path, or at another one in the same directory, durably.

        Raises:
            OSError: it cannot be written; the path is left as it was.
        """
        self.file.flush()
        await asyncio.to_thread(os.fsync, self.file.fileno())
        self.take(path or self.path)

    def take(self, path: Path) -> None:
        """Put the file, which is on the disk, at a path in its directory.

        Raises:
            OSError: it cannot be put there; the path is left as it was.
        """
        mode = self._mode(path)
        if mode is not None:
            self._part.chmod(mode)
        if fcntl is None:
            self.file.close()
        self._part.replace(path)
        self.path, self._placed = path, True
        _sync_directory(path.parent)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            # Closing writes what is buffered, for which there may be no room.
            with suppress(OSError):
                self.file.close()
        finally:
            if not self._placed:
                self._part.unlink(missing_ok=True)

    def _mode(self, path: Path) -> int | None:
        return _mode(path) if self._wanted is None else self._wanted


def write(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file, whole or not at all.

    Args:
        path: where; what is there now stays until all of the new file is on the disk.
        content: the bytes.
        mode: its permissions; by default those of what is there, or else the usual ones.

    Raises:
        OSError: it cannot be written; the path is left as it was.
    """
    write_all({path: content}, mode=mode)


def write_all(files: Mapping[Path, bytes], *, mode: int | None = None) -> None:
    """Write files that belong together: none takes its place before all are on the disk.

    Args:
        files: their bytes, by where they go.
        mode: as for `write`.

    Raises:
        OSError: one cannot be written; all paths are left as they were.
    """
    for path in files:
        if path.is_dir() and not path.is_symlink():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with ExitStack() as parts:
        placements = [parts.enter_context(Placement(path, mode=mode)) for path in files]
        for placement, content in zip(placements, files.values(), strict=True):
            placement.file.write(content)
            placement.file.flush()
            os.fsync(placement.file.fileno())
        for placement in placements:
            placement.take(placement.path)


def is_replaceable(path: Path) -> bool:
    """Tell whether a new file may take a path's place: what is there is a file, or nothing.

    A name is all that a rename needs: root would lose ``/dev/null`` by it. A link into
    ``/proc``, such as ``/dev/stdout``, may lead to a file and is none.
    """
    try:
        if path.is_symlink() and str(path.readlink()).startswith("/proc/"):
            return False
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        # Nothing is there, or a link to nothing.
        return True


_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name[:_LONGEST]}.{secrets.token_hex(8)}.part")


def _mode(path: Path) -> int | None:
    """Return the permissions of what is at a path."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return None


def _is_held(file: BinaryIO) -> bool:
    """Lock a part that was just made; tell whether it is still there."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks: there, parts are told by their age.
        return True
    return os.fstat(file.fileno()).st_nlink > 0


def _remove_stale(path: Path) -> None:
    """Remove the parts of a path that nobody writes any more."""
    name = re.compile(rf"\.{re.escape(path.name[:_LONGEST])}\.[0-9a-f]{{16}}\.part")
    # What cannot be looked at or removed is in nobody's way.
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if name.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    _remove_if_stale(Path(entry.path))


def _remove_if_stale(part: Path) -> None:
    if fcntl is None:
        if time.time() - part.stat().st_mtime > STALE:
            part.unlink()
        return
    with part.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        except OSError:
            if time.time() - os.fstat(file.fileno()).st_mtime <= STALE:
                return
        # Removed while it is locked, so that its maker, if there is one, sees that it is gone.
        part.unlink()


def _sync_directory(directory: Path) -> None:
    """Have the disk keep a new name; where a directory cannot be opened, the system does so."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
