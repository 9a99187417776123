"""What the verification's pods saw when they asked each other, and under disturbances."""
