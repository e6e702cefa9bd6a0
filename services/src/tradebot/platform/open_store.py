"""The store of documents that the settings name."""

from tradebot.platform.sqlite_store import SqliteStore
from tradebot.platform.store import DocumentStore, StoreSettings


def open_store(settings: StoreSettings) -> DocumentStore:
    """The store that the settings name: Elasticsearch, or a file under the state folder.

    Raises:
        SettingsError: it cannot be used as it is set.
    """
    if settings.elasticsearch:
        # A reader of SQLite need not load Elasticsearch's client, which takes a third of a second.
        from tradebot.platform.elastic_store import ElasticStore

        return ElasticStore(settings)
    return SqliteStore(settings.state_dir / "documents.sqlite")
