"""值班表: who is on duty in a unit, when, and where nobody is."""
