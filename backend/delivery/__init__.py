"""Cards to people: notices, attempts, receipts, the outbox and its sweeper."""
