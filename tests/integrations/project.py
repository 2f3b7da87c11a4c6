"""A Django project in one module: a database with one table, and a URL for each server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection, models
from django.urls import path

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
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
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


def add(address: str, view: Any) -> None:
    """Give a view an address, in place of what had it."""
    urlpatterns[:] = [one for one in urlpatterns if one.name != address]
    urlpatterns.append(path(address, view, name=address))
    django.urls.clear_url_caches()
