"""Masking (屏蔽, CQC/SC 11002 4.4.4), and windows for drills and tests (演练/测试)."""
