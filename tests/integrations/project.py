"""A Django project in one module: a database with one table, and an address for each server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection, models
from django.test import override_settings
from django.urls import clear_url_caches, path

DIRECTORY = tempfile.TemporaryDirectory(prefix="wechatpay-django-")
settings.configure(
    # Its pages of errors would show everything.
    DEBUG=True,
    SECRET_KEY="for tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    LOGGING_CONFIG=None,
    DATA_UPLOAD_MAX_MEMORY_SIZE=10,
    # CSRF is checked, and each view is one transaction: views are exempt or they fail.
    MIDDLEWARE=[f"{__name__}.Reading", "django.middleware.csrf.CsrfViewMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(DIRECTORY.name) / "db.sqlite3",
            "ATOMIC_REQUESTS": True,
            "OPTIONS": {"timeout": 30},
        }
    },
)
django.setup()


class Reading:
    """Reads a body before the view does, where the address says so."""

    def __init__(self, respond: Any) -> None:
        self.respond = respond

    def __call__(self, request: Any) -> Any:
        """Read it."""
        if request.path.endswith("/read"):
            with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=None):
                assert request.body
        return self.respond(request)


class Notice(models.Model):
    """What a handler writes down."""

    event_id = models.CharField(max_length=64)

    class Meta:
        """Of no app, so it says whose it is."""

        app_label = "notices"


with connection.schema_editor() as editor:
    editor.create_model(Notice)
connection.close()

urlpatterns: list[Any] = []


def add(view: Any, is_read: bool) -> str:
    """Give a view an address of its own, for servers that run at the same time."""
    address = f"notify/{len(urlpatterns)}" + "/read" * is_read
    urlpatterns.append(path(address, view))
    clear_url_caches()
    return f"/{address}"
