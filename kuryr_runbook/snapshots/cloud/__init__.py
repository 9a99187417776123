"""What a cloud holds and permits, as typed state."""
