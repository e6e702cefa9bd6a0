"""Pages of the reference, written from the code at each build of the site."""
