"""What each facility says now, and which of it is an alarm."""
