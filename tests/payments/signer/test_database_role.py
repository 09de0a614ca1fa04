"""The signer's own database role: it can sign, and it can do nothing else."""

import asyncpg
import pytest

from casino.cashier.withdrawal_states import WithdrawalStatus as Status
from casino.db import Database
from payments.signer.__main__ import main
from payments.signer.database_role import GRANTS, statements
from payments.signer.errors import KeystoreError
from payments.signer.service import Signer
from tests.payments.conftest import TON, World
from tests.payments.house import House

FORBIDDEN = (
    "UPDATE wallets SET cash = cash + 1",
    "INSERT INTO transfers SELECT * FROM transfers",
    "UPDATE withdrawals SET destination = 'elsewhere'",
    "UPDATE withdrawals SET units = 1",
    "UPDATE withdrawals SET order_text = ''",
    "UPDATE payouts SET closed_at = now()",
    "UPDATE payout_members SET outcome = 'dead'",
    "UPDATE signed_orders SET units = 0",
    "DELETE FROM signed_orders",
    "UPDATE signer_spends SET at = at - interval '1 day'",
    "DELETE FROM signer_spends",
    "DELETE FROM payout_attempts",
    "UPDATE rails SET address = 'mine'",
    "SELECT * FROM outbox",
    "SELECT * FROM players",
    "SELECT * FROM player_keys",
    "SELECT * FROM audit_log",
    "CREATE TABLE public.mine (id int)",
)


@pytest.mark.chain
async def test_the_role_is_enough_to_sign(world: World, db: Database, as_signer: Database) -> None:
    house = House(world, db)
    await house.open()
    player = await house.rich_player(10 * TON)
    withdrawal = await house.withdraw(player, 2 * TON, house.somebody(1).friendly())
    await house.sender.step()
    assert await Signer(as_signer, house.signer.pen, 1).step() == 1
    assert await house.status(withdrawal) is Status.SIGNED
    await house.turn()
    assert await house.status(withdrawal) is Status.CONFIRMED


@pytest.mark.chain
async def test_the_role_is_enough_to_complain(
    world: World, db: Database, as_signer: Database
) -> None:
    house = House(world, db)
    await house.open()
    player = await house.rich_player(200 * TON)
    await house.withdraw(player, 150 * TON, house.somebody(1).friendly())
    await house.sender.step()
    assert await Signer(as_signer, house.signer.pen, 1).step() == 0, "above the order limit"
    connection = await asyncpg.connect(db.dsn)
    told = await connection.fetchval(
        "SELECT payload->>'reason' FROM outbox WHERE kind = 'alert.signing_refused'"
    )
    await connection.close()
    assert told == "order_limit"


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_role_can_do_nothing_else(as_signer: Database, statement: str) -> None:
    connection = await asyncpg.connect(as_signer.dsn)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


def test_the_command_prints_what_the_test_ran(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["role", "fairhouse_signer"]) == 0
    printed = capsys.readouterr().out
    assert [f"{line};" for line in statements("fairhouse_signer")] == printed.splitlines()
    assert all(f" ON {grant.table} TO fairhouse_signer;" in printed for grant in GRANTS)


@pytest.mark.parametrize("name", ["", "1signer", "Signer", "a b", "x; DROP TABLE players", "a'b"])
def test_a_name_that_could_hide_sql_is_refused(name: str) -> None:
    with pytest.raises(KeystoreError):
        statements(name)
