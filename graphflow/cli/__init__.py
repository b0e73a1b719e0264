"""The command line. Data goes to stdout and everything else to stderr; what went wrong is told by the exit code too.

One module per command, ``main`` finds it; nothing knows the command line. No command prompts where there is no terminal.
"""
