"""Opens the document store that the settings name."""

from tradebot.platform.sqlite_store import SqliteStore
from tradebot.platform.store import DocumentStore, StoreSettings


def open_store(settings: StoreSettings) -> DocumentStore:
    """Opens Elasticsearch, or an SQLite file in the state folder.

    Raises:
        SettingsError: the store cannot be used with these settings.
    """
    if settings.elasticsearch:
        # Imported late: SQLite does not need the client, which takes a third of a second to load.
        from tradebot.platform.elastic_store import ElasticStore

        return ElasticStore(settings)
    return SqliteStore(settings.state_dir / "documents.sqlite")
