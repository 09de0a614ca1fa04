"""The whole business of the house: no Telegram, no HTTP, no chain.

Reading order for a newcomer: `money`, `ledger/chart`, `ledger/wallet`, `betting/game`,
`games/engines/dice`, `betting/decide`, `ledger/journal`, `webapp/api/play`. Eight files and a bet
is understood.

Floors, top to bottom; a floor may import only what lies below it:

    worker
    reporting | support
    betting | cashier
    promotions | risk
    players
    ledger | staff
    audit | outbox | inbox | flags | rates | vault
    db | i18n | telemetry | nursery
    config | ids | clock
    money
    errors
"""
