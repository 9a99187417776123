"""The state of the verification's workload, and the results of its pods' requests."""
