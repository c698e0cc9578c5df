"""Rows of dialogues under way (草稿): they survive a restart, and are let go after a day."""

from piccolo.table import Table

from backend.core.db import columns as c


class ChatDraftRow(Table, tablename="chat_drafts"):
    """One open dialogue of a person in a conversation. `turn` grows with each claim: a late hand writes nothing."""

    id = c.key()
    person = c.uid()
    via = c.text()
    chat = c.text()
    dialogue = c.text()
    step = c.text()
    answers = c.document()
    turn = c.counter()
    busy_until = c.moment(null=True)
    began_at = c.moment()
    touched_at = c.moment()
