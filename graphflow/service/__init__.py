"""Runs of a store and their graphs: found, read, told, and driven when they need it. What commands and the studio share."""
