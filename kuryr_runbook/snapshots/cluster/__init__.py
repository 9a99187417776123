"""A cluster's contents and permissions, as typed state."""
