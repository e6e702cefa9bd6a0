"""The dashboard stage: a page that shows the whole line as it moves."""
