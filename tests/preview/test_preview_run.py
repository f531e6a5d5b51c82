"""A preview says what the run then reports, to the last row, within the limits of every protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from allmysms_async import Campaign, Outcome, Recipient, RestBackend, SmsMessage, SmsService
from allmysms_async.preview import Preview
from allmysms_async.sandbox import Sandbox

from .conftest import LIMITS, NAMES, Taking, ugly_list

TEXTS = {
    "one": "Soldes demain. STOP au 36180",
    "gsm": "Bonjour #param_1#, le code #param_2# vaut -20 % chez nous, #param_1# ! " + "Venez nombreux. " * 4,
    "unicode": "Bonjour #param_1#, l’offre #param_2# finit demain",
}


async def both(sms: SmsService, campaign: Campaign) -> tuple[Preview, Any, list[Outcome]]:
    """Return a preview, and the result and the rejected rows of the run after it."""
    preview = await sms.preview(campaign)
    rejected: list[Outcome] = []
    run = sms.stream(campaign)
    async for progress in run:
        rejected += [outcome for outcome in progress.outcomes if outcome.state == "rejected"]
    return preview, run.result, rejected


def agree(preview: Preview, result: Any, rejected: Sequence[Outcome]) -> None:
    """Assert that a preview said what became of the campaign."""
    assert (preview.rows, preview.recipients, preview.parts) == (result.rows, result.accepted, result.parts)
    assert preview.requests == len(result.campaign_ids) or len(set(result.campaign_ids)) == 1
    assert dict(preview.rejections) == dict(result.rejections)
    by_reason: dict[Any, list[Outcome]] = {}
    for outcome in sorted(rejected, key=lambda outcome: outcome.row):
        by_reason.setdefault(outcome.reason, []).append(outcome)
    assert dict(preview.first_rejected) == {reason: tuple(rows[:5]) for reason, rows in by_reason.items()}
    histogram = preview.histogram
    assert sum(histogram.values()) == preview.recipients
    assert sum(parts * count for parts, count in histogram.items()) == preview.parts
    assert sum(each.recipients for each in preview.countries) == preview.recipients
    assert sum(each.parts for each in preview.countries) == preview.parts


CASES = [(protocol, kind, "auto") for protocol in LIMITS for kind in TEXTS] + [("rest", "gsm", "unicode")]


@pytest.mark.parametrize(("protocol", "kind", "encoding"), CASES)
async def test_preview_is_what_the_run_reports(ugly: Sequence[Any], protocol: str, kind: str, encoding: Any) -> None:
    """Rows, recipients, parts, rejections and their first rows are the run's, whatever is wrong with the list."""
    limits = LIMITS[protocol]
    text = TEXTS[kind] if limits.max_ucs2_units else TEXTS[kind].replace("’", "'")
    message = SmsMessage(text, purpose="transactional", encoding=encoding)
    rows = ugly if limits.personalises else ugly[:600]
    async with SmsService(Taking(limits)) as sms:
        agree(*await both(sms, Campaign("essai", message, rows)))


async def test_preview_is_what_the_sandbox_counts() -> None:
    """The gateway's own count of parts is the preview's, and the cost is the one that it bills."""
    rows = [row for row in ugly_list(2000, seed=2) if not str(getattr(row, "phone", "")).startswith(("069", "+1"))]
    message = SmsMessage(TEXTS["gsm"] + "STOP au 36180", purpose="marketing")
    async with Sandbox() as sandbox:
        backend = RestBackend("demo", "demo-key", base_url=sandbox.http_url)
        async with SmsService(backend) as sms:
            opted_out = next(row.phone for row in rows if type(row) is Recipient and row.phone.startswith("06"))
            sandbox.opt_out(opted_out)
            preview, result, rejected = await both(sms, Campaign("essai", message, rows, quiet_hours="ignore"))
            agree(preview, result, rejected)
            assert preview.rejections["opted_out"] == 1  # type: ignore[index]
            assert (preview.cost, preview.unpriced_parts) == (result.cost, 0)


async def test_simulation_of_the_sandbox_agrees() -> None:
    """Asked about each request, the gateway sees each figure as the plan does, and sends nothing."""
    rows = ugly_list(400, seed=3)
    message = SmsMessage(TEXTS["unicode"], purpose="transactional")
    async with Sandbox() as sandbox:
        async with SmsService(RestBackend("demo", "demo-key", base_url=sandbox.http_url)) as sms:
            preview = await sms.preview(Campaign("essai", message, rows), simulate=True, chunk_size=50)
        assert sandbox.messages() == []
    simulation = preview.simulation
    assert simulation is not None
    assert (simulation.recipients, simulation.parts) == (preview.recipients, preview.parts)
    assert (simulation.requests, simulation.differences, simulation.refused) == (preview.requests, (), {})


async def test_names_of_the_list_force_unicode_as_the_texts_do(ugly: Sequence[Any]) -> None:
    """Recipients are counted by each character that their own text holds and GSM-7 lacks."""
    message = SmsMessage("Bonjour #param_1# #param_2#", purpose="transactional")
    backend = Taking()
    async with SmsService(backend) as sms:
        preview = await sms.preview(Campaign("essai", message, ugly))
        await sms.run(Campaign("autre", message, ugly))
    sent = set(backend.sent)
    by_phone = {f"33{row.phone[1:].strip()}": row.params for row in ugly if row.phone.startswith("061")}
    held: Counter[str] = Counter()
    for phone, params in by_phone.items():
        if phone in sent and all(isinstance(value, str) for value in params):
            held.update(set("".join(params)) & set("çŒ’😀\u202e"))
    found = {each.character: each.recipients for each in preview.characters}
    assert found.keys() == {"ç", "Œ", "’", "😀", "\u202e"} == set(held)
    assert all(found[character] >= count for character, count in held.items())
    assert preview.unicode_recipients >= max(found.values())
    assert len(NAMES) == 12
