"""The verification's workload: checking it, and disturbing what it depends on."""
