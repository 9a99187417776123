"""A cloud's contents and permissions, as typed state."""
