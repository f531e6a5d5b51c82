"""What the journal holds about people is in the journal, and nowhere else."""

import logging

from allmysms_async import Recipient
from allmysms_async.journal import Journal

from .conftest import campaign, people

LIBRARIES = ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.engine.Engine", "sqlalchemy.pool", "asyncpg")


async def test_logs_hold_neither_texts_nor_numbers(service, sandbox, journal, caplog):
    """With every logger at DEBUG, those of the libraries below included, no text and no number is logged."""
    caplog.set_level(logging.DEBUG)
    for name in {*LIBRARIES, *logging.root.manager.loggerDict}:
        if not name.startswith("sqlalchemy.engine.Engine."):
            caplog.set_level(logging.DEBUG, logger=name)
    secret = "Le mot est sesame-4821, #param_1#. STOP au 36180"
    rows = [*people(5), Recipient("01 23 45 67 89", ("x",)), Recipient("06 12", ("y",))]
    for _ in range(2):
        async with service() as sms:
            assert (await sms.run(campaign(rows, text=secret), journal=journal)).accepted == 5
    async with Journal(journal) as opened:
        assert (await opened.campaign()).message.text == secret
        phones = {outcome.phone async for outcome in opened.outcomes()}
    assert len(phones) == 7
    assert caplog.records
    lines = [f"{record.name} {record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records]
    for word in ("sesame-4821", "N10000003", *phones, *(recipient.phone for recipient in rows)):
        assert not [line[:200] for line in lines if word in line][:3]
