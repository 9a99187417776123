"""What the verification's workload shows and what its pods say."""
