"""The protocol, pure: no clock, randomness, network, disk or HTTP client in here.

They are passed in, so that every rule can be tested with plain values.
"""
