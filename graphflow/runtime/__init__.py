"""The asyncio driver: performs nodes, keeps timers, commits, tells observers. It decides nothing; the core does."""
