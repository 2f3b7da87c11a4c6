"""Signer, encryptor, verifier and guard: aiohttp client middlewares, each usable by itself."""
