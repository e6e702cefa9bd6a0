"""Pictures of a model: what it says of minutes that it learnt from, and of those it did not."""
