"""The status digest (简报) that a person may wish for, each day or week."""
