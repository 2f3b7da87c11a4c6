"""The HTTP methods that the API knows."""

__all__ = ["METHODS"]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
