"""A file takes its place whole, or leaves nothing; what dead programs left is removed."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from wechatpay_chain import placement as module
from wechatpay_chain.errors import RequestError
from wechatpay_chain.payments import Qr
from wechatpay_chain.placement import Placement
from wechatpay_chain.sinks import check


def place(path: Path, content: bytes = b"new") -> None:
    """Write a file through a placement."""

    async def write() -> None:
        with Placement(path) as placement:
            placement.file.write(content)
            await placement.place()

    asyncio.run(write())


def leave(path: Path, *, ends: str = "0123456789abcdef") -> Path:
    """Leave a part as a program does that is killed."""
    part = path.with_name(f".{path.name}.{ends}.part")
    part.write_bytes(b"half")
    return part


def test_what_a_killed_program_left_is_removed(tmp_path: Path) -> None:
    """Only parts of that very target go; files of others, and of other names, stay."""
    target = tmp_path / "a.csv"
    left = leave(target)
    others = [
        leave(tmp_path / "b.csv"),
        leave(target, ends="0123456789abcde"),
        leave(target, ends="0123456789ABCDEF"),
        leave(tmp_path / "a.csv.a"),
        tmp_path / "a.csv.part",
    ]
    others[-1].touch()
    place(target)
    assert not left.exists()
    assert set(tmp_path.iterdir()) == {target, *others}


def test_a_part_that_is_being_written_stays(tmp_path: Path) -> None:
    """Two programs may write to one target; the later one wins, and nothing is torn."""
    target = tmp_path / "a"
    with Placement(target) as first:
        first.file.write(b"first")
        place(target, b"second")
        assert target.read_bytes() == b"second"
        asyncio.run(first.place())
    assert target.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [target]


def test_links_and_directories_are_left_alone(tmp_path: Path) -> None:
    """What only looks like a part is not followed, and not removed."""
    target, precious = tmp_path / "a", tmp_path / "precious"
    precious.write_bytes(b"precious")
    link = target.with_name(".a.0000000000000000.part")
    link.symlink_to(precious)
    directory = target.with_name(".a.1111111111111111.part")
    directory.mkdir()
    place(target)
    assert precious.read_bytes() == b"precious"
    assert link.is_symlink()
    assert directory.is_dir()


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt(), asyncio.CancelledError()])
def test_leaving_early_leaves_nothing(error: BaseException, tmp_path: Path) -> None:
    """Whatever ends the block, the part is gone and the old file is there."""
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def write() -> None:
        with Placement(target) as placement:
            placement.file.write(b"new")
            raise error

    with pytest.raises(type(error)):
        write()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_old_file(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the disk is raised, and nothing is left."""
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(*(os, "fsync") if step == "fsync" else (Path, "replace"), fail)
    with pytest.raises(OSError, match="broken"):
        place(target)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_part_has_the_old_files_permissions_from_the_start(tmp_path: Path) -> None:
    """A file that others may not read is not readable while it is written either."""
    target = tmp_path / "a"
    target.touch(mode=0o600)
    with Placement(target) as placement:
        assert stat.S_IMODE(os.fstat(placement.file.fileno()).st_mode) == 0o600
        target.chmod(0o640)
        asyncio.run(placement.place())
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_part_that_was_tidied_away_too_early_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who tidies up between making and locking does no harm."""
    target, taken = tmp_path / "a", []
    lock = fcntl.flock

    def tidy_first(file: Any, how: int) -> None:
        if not taken:
            taken.extend(path for path in tmp_path.iterdir())
            taken[0].unlink()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", tidy_first)
    place(target)
    assert len(taken) == 1
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("has_locks", [None, False], ids=["no module", "no locks"])
def test_without_locks_age_tells(
    has_locks: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where files cannot be locked, only a part of over a day is taken for left over."""
    target = tmp_path / "a"
    fresh, old = leave(target), leave(target, ends="f" * 16)
    os.utime(old, (0, 0))

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "no locks here")

    if has_locks is None:
        monkeypatch.setattr(module, "fcntl", None)
    else:
        monkeypatch.setattr(fcntl, "flock", refuse)
    place(target)
    assert set(tmp_path.iterdir()) == {target, fresh}


def test_nothing_but_a_file_is_replaced(tmp_path: Path) -> None:
    """A rename would take a device, a pipe or the standard output away from everybody."""
    pipe, link, dangling = tmp_path / "pipe.svg", tmp_path / "link.svg", tmp_path / "new.svg"
    os.mkfifo(pipe)
    link.symlink_to("/proc/self/fd/1")
    dangling.symlink_to(tmp_path / "nothing")
    for special in (pipe, link):
        with pytest.raises(RequestError, match="no file"):
            check(special)
        with pytest.raises(RequestError, match="no file"):
            Qr("x").save(special)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert link.is_symlink()
    check(dangling)
    check(tmp_path / "absent")


def test_a_file_gets_the_mode_it_is_to_have(tmp_path: Path) -> None:
    """A mode that is asked for holds from the first byte on, whatever was there before."""
    target = tmp_path / "secret.pem"
    for before in (None, 0o644):
        if before is not None:
            target.chmod(before)
        module.write(target, b"new", mode=0o600)
        assert target.read_bytes() == b"new"
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]
