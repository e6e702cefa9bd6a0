"""Price history: bars, the forms that files hold them in, and a store of months."""
