"""Price history: bars, file formats, and a store by month."""
