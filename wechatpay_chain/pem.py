"""The PHP SDK's ``PemUtil`` in Python's spelling: certificates and private keys."""

from __future__ import annotations

import os

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wechatpay_chain import keys
from wechatpay_chain.keys import KeySource
from wechatpay_chain.protocol.binary import octets
from wechatpay_chain.protocol.frames import without_frames

__all__ = ["PemUtil"]


class PemUtil:
    """Load certificates and private keys, and tell a certificate's serial."""

    @staticmethod
    @without_frames
    def load_certificate(filepath: str | os.PathLike[str]) -> x509.Certificate:
        """Return the certificate in a file.

        Raises:
            ConfigurationError: it cannot be read, or is something else.
        """
        return keys.load_certificate(filepath)

    @staticmethod
    @without_frames
    def load_certificate_from_string(certificate: str | bytes) -> x509.Certificate:
        """Return the certificate in a PEM text, or in DER bytes.

        Raises:
            ConfigurationError: it is something else.
        """
        # As bytes: a text could be taken for a file's name.
        return keys.load_certificate(octets(certificate, "the certificate"))

    @staticmethod
    @without_frames
    def load_private_key(filepath: str | os.PathLike[str]) -> RSAPrivateKey:
        """Return the private key in a file.

        Raises:
            ConfigurationError: it cannot be read, or is something else.
        """
        return keys.load_private_key(filepath)

    @staticmethod
    @without_frames
    def load_private_key_from_string(private_key: str | bytes) -> RSAPrivateKey:
        """Return the private key in a PEM text, or in DER bytes.

        Raises:
            ConfigurationError: it is something else.
        """
        return keys.load_private_key(octets(private_key, "private_key"))

    @staticmethod
    @without_frames
    def parse_certificate_serial_no(certificate: KeySource) -> str:
        """Return a certificate's serial in upper-case hexadecimal, as WeChat Pay shows it.

        Two digits a byte, so a serial that begins with a zero keeps it.

        Raises:
            ConfigurationError: it is no certificate.
        """
        digits = format(keys.load_certificate(certificate).serial_number, "X")
        return digits.zfill(len(digits) + len(digits) % 2)
