"""Whose account a command works with: a profile file, the environment over it, and commands.

`settings` is the table of what can be set, `sources` finds it, `secret_sources` and
`materials` fetch what stands elsewhere, `advice` says what
is missing, and `profile` makes a client of it all.
"""

from wechatpay_chain.cli.profile.profile import Profile, add_options, open_client, open_profile

__all__ = ["Profile", "add_options", "open_client", "open_profile"]
