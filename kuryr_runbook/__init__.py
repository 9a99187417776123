"""kuryr-runbook: Kuryr networking for Kubernetes on OpenStack, as a runbook that runs.

The sub-packages are layers; imports go down only (see docs/architecture.md and the import
contract in pyproject.toml).
"""
