"""Runs over the real machine, a move at a time: whoever plays chooses what happens next."""
