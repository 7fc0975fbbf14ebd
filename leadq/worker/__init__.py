"""The worker: claims jobs, runs each under its timeout, and records how it ended."""
