"""Edge: chat accounts. A chat is never the identity; it is a way to a person."""
