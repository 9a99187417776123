"""The workload of the verification: checking it, and disturbing what carries it."""
