"""Conversations: what a chat hears and says, whichever it is; the concepts bring words, steps and rights."""
