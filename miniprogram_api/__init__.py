"""The phones' edge: the JSON API under `/mp/v1`, the live inbox, and the channel that fills it.

The rule: the inbox's rows are the truth; a hint only says that reading them again is worth it.
"""
