"""The pages: the phone page under `/m` and the duty desk at `/`. Server-rendered, live by server-sent events.

The rule: the server draws everything, and a page that hears of a change asks for itself again; no script of ours
holds a second copy of the truth, and nothing comes from another server.
"""
