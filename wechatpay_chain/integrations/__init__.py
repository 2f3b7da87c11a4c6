"""Callbacks in web frameworks: a module for each, to be imported where it is used."""
