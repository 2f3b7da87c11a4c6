"""What a setting for a key or a certificate means: the text itself, a file, or a directory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from wechatpay_chain.cli.profile.sources import Source
from wechatpay_chain.errors import ConfigurationError
from wechatpay_chain.protocol import pem
from wechatpay_chain.protocol.sensitive import Sensitive

__all__ = ["PKCS12", "certificates", "material"]

PKCS12 = (".p12", ".pfx")
"""How the names of files end that hold a certificate and its key together."""

_KEY_FILES = {".pem", ".key", ".crt", ".cer", ".der", *PKCS12}
_CERTIFICATE = re.compile(r"(?:wechatpay_(?P<serial>.+)|(?P<id>PUB_KEY_ID_.+))\.pem")


def material(value: Sensitive[Any], base: Path) -> Sensitive[Any]:
    """Return a key's text as it is, and a file's name as a path, where that file is there."""
    if pem.is_recognised(value.reveal().encode("utf-8", "replace")):
        return value
    try:
        path = base / Path(value.reveal().removeprefix("file://")).expanduser()
        # What is no file may be a key in some unknown form, which no error may show as a path.
        is_path = path.suffix.lower() in _KEY_FILES or path.exists()
        return Sensitive(path if is_path else str(path))
    except (OSError, ValueError, RuntimeError):
        return value


def certificates(source: Source) -> dict[str, Any]:
    """Return WeChat Pay's keys by id and serial, as a setting names them.

    Raises:
        ConfigurationError: it names none.
    """
    value = source.value.reveal()
    if isinstance(value, dict):
        pairs = [(serial, file) for serial, file in value.items() if isinstance(file, str)]
        if len(pairs) != len(value):
            raise ConfigurationError(f'{source.origin} must be SERIAL = "FILE" lines')
    elif "=" in value:
        pairs = [
            (serial.strip(), file.strip())
            for serial, _, file in (one.partition("=") for one in value.split(",") if one.strip())
        ]
    else:
        return _in_directory(source.base / Path(value).expanduser(), source.origin)
    return {serial: material(Sensitive(file), source.base) for serial, file in pairs}


def _in_directory(directory: Path, origin: str) -> dict[str, Any]:
    if not directory.is_dir():
        raise ConfigurationError(f"certs: {directory} is no directory ({origin})")
    found = {
        match["serial"] or match["id"]: Sensitive[Any](path)
        for path in sorted(directory.iterdir())
        if (match := _CERTIFICATE.fullmatch(path.name))
    }
    if not found:
        raise ConfigurationError(f"certs: {directory} holds no wechatpay_SERIAL.pem ({origin})")
    return found
