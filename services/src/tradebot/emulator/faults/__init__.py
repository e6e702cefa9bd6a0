"""Fault injection: rules, where they act, and the API that sets them."""
