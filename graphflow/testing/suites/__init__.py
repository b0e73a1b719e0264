"""What is asked of graphs without a line of test, and what a session went through."""
