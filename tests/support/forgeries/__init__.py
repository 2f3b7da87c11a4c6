"""Signatures and ciphertexts that nobody honest would make, and honest ones beside them.

Made in the way of Project Wycheproof: each case is a text, what is to come of it, and
a comment that says what is wrong. Built from integers and bytes by hand, so that the
library that is tested has no part in them, and without chance, so that the same bytes
come each time.
"""
