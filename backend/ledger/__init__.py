"""The append-only record of what was received and done (CQC/SC 11002-2025, 4.1.3)."""
