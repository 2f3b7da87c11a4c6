"""A merchant of a sandbox whose keys and profile lie in a directory, to be spoilt by tests."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.cli.command import run_here
from wechatpay_chain.cli.credentials import write_keys
from wechatpay_chain.sandbox import Sandbox

PROFILE = "profile.toml"


class Account:
    """A directory as `wechatpay-chain sandbox` writes it, and the command run with its profile.

    Whatever a run prints, none of the account's secrets may be in it.
    """

    def __init__(self, gateway: Sandbox, directory: Path) -> None:
        self.gateway = gateway
        self.directory = write_keys(gateway, directory)
        self.environment: dict[str, str] = {}
        self.secrets = [
            gateway.apiv3_key,
            gateway.identity.merchant.secret,
            gateway.identity.merchant.private_key_pem.splitlines()[5],
        ]

    @property
    def profile(self) -> Path:
        """The profile file."""
        return self.directory / PROFILE

    def set(self, **settings: str) -> Account:
        """Set settings in the environment, which wins over the file; return the account."""
        self.environment |= {f"WECHATPAY_{name.upper()}": text for name, text in settings.items()}
        return self

    def drop(self, *names: str) -> Account:
        """Take settings out of the file, or a table for ``[name]``; return the account."""
        kept = []
        is_kept = True
        for line in self.profile.read_text().splitlines():
            if line.startswith("["):
                is_kept = line not in names
            if is_kept and line.partition(" = ")[0] not in names:
                kept.append(line)
        self.profile.write_text("\n".join(kept))
        return self

    def write(self, name: str, content: str, mode: int = 0o600) -> str:
        """Write a file into the directory; return its path."""
        path = self.directory / name
        path.write_text(content)
        path.chmod(mode)
        return str(path)

    def run(
        self,
        command: str,
        *arguments: str,
        stdin: str | None = None,
        by: Callable[..., subprocess.CompletedProcess[str]] = run_here,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with the profile, in this process unless `by` another one."""
        ended = by(
            command,
            *arguments,
            "--profiles",
            str(self.profile),
            stdin=stdin,
            **self.environment,
        )
        for secret in self.secrets:
            assert secret not in ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
        return ended
