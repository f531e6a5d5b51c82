"""Asking what came back, without changing anything; in pages, however much there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import sqlalchemy as sa

from allmysms_async.journal import event_schema as schema
from allmysms_async.journal.row import insert_into
from allmysms_async.model.vocabulary import DeliveryStatus

__all__ = [
    "Ids",
    "count_open",
    "count_opt_outs",
    "count_replies",
    "count_states",
    "hours",
    "keep_watch_state",
    "number_page",
    "opt_out_of",
    "opt_out_page",
    "opted_out_page",
    "reply_page",
    "state_page",
    "states_of",
    "watch_state",
]

Ids: TypeAlias = "Sequence[str] | None"
"""Identifiers of sends; None for whatever there is."""

_PAGE = 1000
_HOUR = 3600

_e, _d, _o = schema.event.c, schema.delivery.c, schema.opt_out.c
_encode = msgspec.json.Encoder().encode
_in_force = sa.and_(_o.since.is_not(None), sa.or_(_o.ended_at.is_(None), _o.since >= _o.ended_at))


def _among(connection: sa.Connection, column: sa.ColumnElement[Any], names: Ids) -> sa.ColumnElement[bool]:
    """Return the condition that a column is one of some names, of which there may be any number."""
    if names is None:
        return sa.true()
    if connection.dialect.name == "sqlite":
        value = sa.func.json_each(sa.literal(_encode(list(names)).decode())).table_valued("value")
        return column.in_(sa.select(value.c.value))
    return column == sa.any_(sa.literal(list(names), sa.ARRAY(sa.Text)))


def count_states(connection: sa.Connection, names: Ids) -> Sequence[Any]:
    """Return how many texts of some sends are in each state."""
    of_them = _among(connection, _d.campaign_id, names)
    return connection.execute(sa.select(_d.status, sa.func.count()).where(of_them).group_by(_d.status)).all()


def hours(connection: sa.Connection, names: Ids) -> Sequence[Any]:
    """Return how many texts of some sends came into their state in each hour: hours since 1970, state, count."""
    hour: sa.ColumnElement[Any] = _d.at / _HOUR
    if connection.dialect.name == "postgresql":  # which rounds where SQLite cuts off
        hour = sa.func.floor(hour)
    whole = sa.cast(hour, sa.Integer).label("hour")
    asked = sa.select(whole, _d.status, sa.func.count()).where(_among(connection, _d.campaign_id, names))
    dated = asked.where(_d.at.is_not(None)).group_by(whole, _d.status).order_by(whole)
    return connection.execute(dated).all()


def state_page(connection: sa.Connection, names: Ids, after: tuple[str, str]) -> Sequence[Any]:
    """Return some texts of sends: campaign_id, text, phone, status, at.

    Args:
        connection: In a transaction.
        names: The sends.
        after: Send and text that the page before ended with.
    """
    asked = sa.select(_d.campaign_id, _d.text, _d.phone, _d.status, _d.at).where(
        _among(connection, _d.campaign_id, names), sa.tuple_(_d.campaign_id, _d.text) > sa.tuple_(*after)
    )
    return connection.execute(asked.order_by(_d.campaign_id, _d.text).limit(_PAGE)).all()


def states_of(connection: sa.Connection, texts: Sequence[tuple[str, str]]) -> Sequence[Any]:
    """Return the states of certain texts: campaign_id, phone, status, at.

    Args:
        connection: In a transaction.
        texts: Send and number of each.
    """
    given: Any
    if connection.dialect.name == "sqlite":
        value = sa.func.json_each(sa.literal(_encode(texts).decode())).table_valued("value").c.value
        given = sa.select(sa.func.json_extract(value, "$[0]"), sa.func.json_extract(value, "$[1]"))
    else:
        sends, phones = (sa.literal(list(column), sa.ARRAY(sa.Text)) for column in zip(*texts, strict=True))
        table = sa.func.unnest(sends, phones).table_valued("send", "phone").render_derived()
        given = sa.select(table.c.send, table.c.phone)
    asked = sa.select(_d.campaign_id, _d.phone, _d.status, _d.at)
    return connection.execute(asked.where(sa.tuple_(_d.campaign_id, _d.text).in_(given))).all()


def opted_out_page(connection: sa.Connection, names: Ids, after: tuple[str, str]) -> Sequence[Any]:
    """Return some texts of sends that reports call opted out: campaign_id, text, phone.

    Args:
        connection: In a transaction.
        names: The sends.
        after: Send and text that the page before ended with.
    """
    asked = sa.select(_d.campaign_id, _d.text, _d.phone).where(
        _d.status == DeliveryStatus.OPTED_OUT.value,
        _among(connection, _d.campaign_id, names),
        sa.tuple_(_d.campaign_id, _d.text) > sa.tuple_(*after),
    )
    return connection.execute(asked.order_by(_d.campaign_id, _d.text).limit(_PAGE)).all()


def reply_page(connection: sa.Connection, names: Ids, after: tuple[float, int]) -> Sequence[Any]:
    """Return some replies in the order of their dates: id, at, body.

    Args:
        connection: In a transaction.
        names: The sends that were answered.
        after: Date and identifier that the page before ended with.
    """
    asked = sa.select(_e.id, _e.at, _e.body).where(
        _e.kind == sa.literal_column("'reply'"),  # as the index says it
        _among(connection, _e.campaign_id, names),
        sa.tuple_(_e.at, _e.id) > sa.tuple_(*after),
    )
    return connection.execute(asked.order_by(_e.at, _e.id).limit(_PAGE)).all()


def count_replies(connection: sa.Connection, names: Ids) -> int:
    """Return how many replies there are to some sends."""
    asked = sa.select(sa.func.count()).select_from(schema.event)
    replied = asked.where(_e.kind == sa.literal_column("'reply'"), _among(connection, _e.campaign_id, names))
    return int(connection.execute(replied).scalar_one())


def count_open(connection: sa.Connection) -> int:
    """Return how many events were not handled yet."""
    asked = sa.select(sa.func.count()).select_from(schema.event).where(_e.handled_at.is_(None))
    return int(connection.execute(asked).scalar_one())


def opt_out_page(connection: sa.Connection, active: bool, after: str) -> Sequence[Any]:
    """Return some opt-outs in the order of their numbers: phone, since, source, reason, ended_at.

    Args:
        connection: In a transaction.
        active: Whether only those in force.
        after: Number that the page before ended with.
    """
    known = _in_force if active else _o.since.is_not(None)
    asked = sa.select(_o.phone, _o.since, _o.source, _o.reason, _o.ended_at).where(known, _o.phone > after)
    return connection.execute(asked.order_by(_o.phone).limit(_PAGE)).all()


def opt_out_of(connection: sa.Connection, phone: str) -> Sequence[Any]:
    """Return the opt-out of a number, as of a page of them, or nothing."""
    asked = sa.select(_o.phone, _o.since, _o.source, _o.reason, _o.ended_at)
    return connection.execute(asked.where(_o.since.is_not(None), _o.phone == phone)).all()


def count_opt_outs(connection: sa.Connection, active: bool) -> Sequence[Any]:
    """Return how many opt-outs there are, in force or ended: source, reason, count."""
    held = _in_force if active else sa.and_(_o.since.is_not(None), sa.not_(_in_force))
    asked = sa.select(_o.source, _o.reason, sa.func.count()).where(held).group_by(_o.source, _o.reason)
    return connection.execute(asked.order_by(_o.source, _o.reason)).all()


def number_page(connection: sa.Connection, after: str) -> Sequence[Any]:
    """Return some of the numbers that may not be texted, in their order.

    Args:
        connection: In a transaction.
        after: Number that the page before ended with.
    """
    page = sa.select(_o.phone).where(_in_force, _o.phone > after).order_by(_o.phone)
    return connection.execute(page.limit(10 * _PAGE)).all()


def watch_state(connection: sa.Connection, name: str) -> str | None:
    """Return what was kept for a watch, or None."""
    asked = sa.select(schema.watch.c.state).where(schema.watch.c.name == name)
    return connection.execute(asked).scalar_one_or_none()


def keep_watch_state(connection: sa.Connection, name: str, state: str) -> None:
    """Keep something for a watch."""
    connection.execute(
        insert_into(connection, schema.watch)
        .values(name=name, state=state)
        .on_conflict_do_update(index_elements=["name"], set_={"state": state})
    )
