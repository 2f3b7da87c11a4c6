"""What is inside the fields of a v2 request: sensitive ones, and documents of JSON.

Pure. Each refusal names the field at fault and never repeats a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wechatpay_chain.catalogue import Field, Operation
from wechatpay_chain.sandbox.identity import Identity
from wechatpay_chain.sandbox.records import parse_text
from wechatpay_chain.sandbox.signing import decrypt
from wechatpay_chain.sandbox.xml_answers import FormFailure

__all__ = ["check_documents", "open_fields"]

# Names the key that sensitive fields were encrypted for, where an operation has it.
_KEY_FIELD = "cert_serial_number"


def open_fields(
    operation: Operation, fields: Mapping[str, str], identity: Identity
) -> dict[str, str]:
    """Return the fields with the sensitive ones decrypted (敏感信息加密).

    They are encrypted for the key that ``cert_serial_number`` names, else for the one
    that ``v2/risk/getpublickey`` gives.
    """
    opened = dict(fields)
    names = [name for _, name in operation.encrypted if opened.get(name)]
    if not names:
        return opened
    serial = opened.get(_KEY_FIELD) or identity.public_key.serial
    if serial not in identity.platform_keys:
        raise FormFailure(f"{_KEY_FIELD}: it names no key of WeChat Pay")
    key = identity.platform_keys[serial].private_key
    for name in names:
        try:
            opened[name] = decrypt(key, opened[name])
        except ValueError:
            # One text for every cause: which of them it was would help an attacker of the padding.
            problem = f"{name}: the sensitive field cannot be decrypted with the key {serial}"
            raise FormFailure(problem) from None
    return opened


def check_documents(operation: Operation, fields: Mapping[str, str]) -> None:
    """Want the required fields of each JSON object that a field holds as text.

    Two things are let through, since the documentation is not sure of them: a text that
    is no JSON object, and an object that is not there. Which of ``store_info`` and
    ``h5_info`` a ``scene_info`` needs depends on the kind of payment.
    """
    place = operation.place("xml")
    for field in () if place is None else place.fields:
        document = parse_text(fields.get(field.name)) if field.fields else None
        for pointer in _missing(field.fields, document, field.name):
            raise FormFailure(f"{pointer}: the field is required")


def _missing(fields: Iterable[Field], document: Any, at: str) -> Iterator[str]:
    if not isinstance(document, dict):
        return
    for field in fields:
        pointer, value = f"{at}/{field.name}", document.get(field.name)
        if value in (None, ""):
            if field.required and field.type != "object":
                yield pointer
        elif field.is_list and isinstance(value, list):
            for number, one in enumerate(value):
                yield from _missing(field.fields, one, f"{pointer}/{number}")
        else:
            yield from _missing(field.fields, value, pointer)
