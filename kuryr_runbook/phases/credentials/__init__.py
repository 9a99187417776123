"""How Kuryr logs in to the cloud, and moving it to new credentials."""
