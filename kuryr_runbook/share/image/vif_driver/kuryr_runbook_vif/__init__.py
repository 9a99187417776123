"""VIF drivers of the runbook for Kuryr's controller, found by way of Kuryr's entry points."""
