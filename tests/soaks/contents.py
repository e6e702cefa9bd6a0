"""What a bot publishes: the same content whenever a document is sent again."""

from collections.abc import Sequence
from typing import Final

from tradebot.records import DocType, Document

STATES: Final = (DocType.ORDER, DocType.SCORE, DocType.BALANCE)
"""Kinds with a document for each state: a newer one replaces the older under the same id."""


def assert_one_content_for_each_id(documents: Sequence[Document]) -> None:
    """No id has two contents, but for the kinds whose states replace one another."""
    found: dict[str, Document] = {}
    for document in documents:
        if document.doc_type not in STATES:
            first = found.setdefault(document.id, document)
            assert first == document, f"{document.id} is both {first} and {document}"
