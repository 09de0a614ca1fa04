"""The player's bot: log in, money in and out, care, support; games open in the Mini App.

Read `app` first (what is wired), then `talk` (how a screen reaches the chat), then `handlers`.
"""
