"""WeChat Pay's own keys: public keys (微信支付公钥) and certificates (平台证书), side by side.

A key is chosen by the serial that a message names, never by trying all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wechatpay_chain.keys import KeySource, check_token, load_key, public_key_of
from wechatpay_chain.protocol import pem

__all__ = ["PUBLIC_KEY_ID", "PlatformKeys"]

PUBLIC_KEY_ID = "PUB_KEY_ID_"
"""What the id of a WeChat Pay public key (微信支付公钥) starts with."""


class PlatformKeys(Mapping[str, RSAPublicKey]):
    """WeChat Pay's own keys, by certificate serial or public key id.

    A key is chosen by the serial that a message names, never by trying all.
    """

    def __init__(self, sources: Mapping[str, KeySource]) -> None:
        """Load each key or certificate.

        Raises:
            ConfigurationError: a serial is no header value, or a key is no public RSA key.
        """
        self._keys: dict[str, RSAPublicKey] = {}
        self._expiry: dict[str, float] = {}
        for serial, source in sources.items():
            name = f"certs[{check_token(serial, 'the serial of a platform key')!r}]"
            loaded = load_key(source, name)
            if pem.is_certificate(loaded):
                self._expiry[serial] = loaded.not_valid_after_utc.timestamp()
            self._keys[serial] = public_key_of(loaded, name)

    def __getitem__(self, serial: str) -> RSAPublicKey:
        return self._keys[serial]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<PlatformKeys {', '.join(self._keys)}>"

    async def find(self, serial: str) -> RSAPublicKey | None:
        """Return the key of a serial, or None if there is none."""
        return self._keys.get(serial)

    @property
    def preferred(self) -> str:
        """The serial to encrypt for: a public key's id, else the certificate that expires last."""
        public = [serial for serial in self._keys if serial.startswith(PUBLIC_KEY_ID)]
        return public[0] if public else max(self._keys, key=lambda s: self._expiry.get(s, 0.0))
