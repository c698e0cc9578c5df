"""Telegram: a channel that speaks (`channel`), ears that hear (`updates`, `webhook`), routers by concept.

The rule: aiogram is imported here and nowhere else; a chat account is never the identity, people's own
`person_of_chat` is asked on every update (channels/telegram.md §6).
"""
