"""The operators' bot: decisions about money and people, each by permission and on record.

Read `app` first (what is wired), then `access` (who may do what), `cards` (what a decision shows),
`news` (how cards reach everyone concerned), then `handlers`.
"""
