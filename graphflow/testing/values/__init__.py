"""Values made up for a test, from schemas and from what conditions ask of them."""
