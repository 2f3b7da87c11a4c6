"""Write the tables: ``python -m tests.support.forgeries``."""

from tests.support.forgeries.tables import DIRECTORY, tables

for name, text in tables().items():
    (DIRECTORY / name).write_text(text, "utf-8")
