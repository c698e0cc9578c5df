"""What every room stands on: settings, clock, ids, errors, words, logs, metrics, database, live events."""
