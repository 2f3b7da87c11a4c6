"""The settings of a profile: one table that says what each is called, and what kind it is.

From it follow the names in the environment and in a profile file, what is taken for a
secret, what for a path, and the help.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["BY_NAME", "SETTINGS", "Form", "Kind", "Setting"]


class Kind(Enum):
    """What a setting holds."""

    TEXT = "text that may be shown"
    PATH = "a file with nothing secret in it, or what stands in it"
    KEY = "a file with a private key, or the key itself"
    SECRET = "text that must not be shown"  # noqa: S105 - what it is, not one

    @property
    def is_hidden(self) -> bool:
        """Whether its value is never shown."""
        return self in (Kind.KEY, Kind.SECRET)

    @property
    def is_file(self) -> bool:
        """Whether its value may name a file."""
        return self in (Kind.KEY, Kind.PATH)


class Form(Enum):
    """How a secret is given: as it is, as a command that prints it, or as a file with it."""

    VALUE = ""
    COMMAND = "_command"
    FILE = "_file"


@dataclass(frozen=True)
class Setting:
    """One setting; `client` is what `Client` calls it in its errors."""

    name: str
    kind: Kind
    help: str
    client: str = ""

    @property
    def forms(self) -> tuple[Form, ...]:
        """The ways in which it can be given."""
        return tuple(Form) if self.kind.is_hidden else (Form.VALUE,)

    def variable(self, form: Form = Form.VALUE) -> str:
        """Return its name in the environment."""
        return f"WECHATPAY_{self.key(form).upper()}"

    def key(self, form: Form = Form.VALUE) -> str:
        """Return its name in a profile file."""
        return f"{self.name}{form.value}"

    @property
    def spoken(self) -> str:
        """What an error of `Client` about it begins with."""
        return self.client or self.name


SETTINGS = (
    Setting("mchid", Kind.TEXT, "the merchant's number (商户号)"),
    Setting("serial", Kind.TEXT, "its API certificate's serial (商户API证书序列号)"),
    Setting("private_key", Kind.KEY, "the merchant's private key (apiclient_key.pem)"),
    Setting("private_key_passphrase", Kind.SECRET, "the passphrase of that key, if it has one"),
    Setting("public_key_id", Kind.TEXT, "the id of WeChat Pay's public key (PUB_KEY_ID_…)"),
    Setting("public_key", Kind.PATH, "WeChat Pay's public key (pub_key.pem)"),
    Setting("certs", Kind.PATH, "WeChat Pay's certificates: a directory, or SERIAL=FILE,…"),
    Setting("apiv3_key", Kind.SECRET, "the APIv3 key (APIv3密钥)"),
    Setting("secret", Kind.SECRET, "the key of the XML protocol (APIv2密钥)"),
    Setting(
        "merchant_cert",
        Kind.PATH,
        "the merchant's certificate (apiclient_cert.pem or .p12)",
        "merchant['cert']",
    ),
    Setting(
        "merchant_key",
        Kind.KEY,
        "the key of that certificate; by default private_key",
        "merchant['key']",
    ),
    Setting("merchant_passphrase", Kind.SECRET, "the passphrase of that certificate's file"),
    Setting("v2_public_key", Kind.PATH, "what v2/risk/getpublickey answers (RSA加密公钥)"),
    Setting("base_uri", Kind.TEXT, "where requests go, in place of WeChat Pay's own hosts"),
    Setting("ca_certs", Kind.PATH, "TLS authorities to trust in place of the system's"),
    Setting("scheme", Kind.TEXT, "how requests are signed: rsa, or brand for a brand (品牌)"),
    Setting("proxy", Kind.SECRET, "the address of an HTTP proxy; it may hold a password"),
    Setting("appid", Kind.TEXT, "an appid of the merchant's, for doctor's question over v2"),
    Setting("notify_url", Kind.TEXT, "where callbacks go (回调地址), for doctor to look at"),
)

BY_NAME = {setting.name: setting for setting in SETTINGS}
