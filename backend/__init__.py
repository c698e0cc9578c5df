"""The concepts of the house: what an alarm, a unit, a person is, and what each can do."""
