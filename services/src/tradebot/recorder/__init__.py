"""The recorder stage: trade documents, into SQLite or Elasticsearch, each once."""
