"""What a cluster holds and permits, as typed state."""
