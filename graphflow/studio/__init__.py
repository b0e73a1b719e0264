"""A local page over a store: runs as they go, and what can be done about them."""
