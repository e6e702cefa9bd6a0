"""What goes wrong on demand: rules, where they act, and the API that sets them."""
