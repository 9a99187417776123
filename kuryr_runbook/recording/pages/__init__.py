"""The pages of records: plain files that need no network, each with links to those around it."""
