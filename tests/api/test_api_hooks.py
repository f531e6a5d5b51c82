"""Hooks: told of each request and its end, with enough to log and nothing that must not be in a log."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from allmysms_async import Contact, EnvoyerSmsProBackend, MmsBackend, RestBackend, Secret, SmsService, SoapBackend
from allmysms_async.errors import AllMySmsError, AuthenticationFailed, OutcomeUnknown
from allmysms_async.hooks import Answered, Asked, Failed, Note, redacted
from allmysms_async.model import Recipient, SmsMessage
from allmysms_async.protocols.rest.contacts import ListField
from allmysms_async.sandbox import Sandbox
from tests.cases import each

ONE = "33612345678"
TEXT = "Votre code est 482159"
HIDDEN = (
    *("demo-key", "demo-shop", "'demo'", "482159", "Votre code", ONE, "0612345678", "612345678", "s3cret!", "zoe"),
    *("Exemple SARL", "Dupont", "demo@example.com", "Nice", "oui merci", "hush"),
)


@pytest.fixture
def notes() -> list[Note]:
    """What a hook was told."""
    return []


async def everything(sandbox: Sandbox, api: Any) -> None:
    """Ask whatever holds something that must not be shown."""
    sent = await api.sms.send_sms(
        TEXT, [Recipient(ONE, (TEXT,)), Recipient("12")], campaign_name="hush", cli_msg_id="hush", verbose=True
    )
    sandbox.reply(ONE, "oui merci")
    await api.replies.get_pulls(limit=5)
    await api.replies.get_pull_by_sms_id(sent.sms_ids[0].sms_id)
    await api.reports.get_acks(sent.campaign_id)
    await api.campaigns.get_campaign_stats(sent.campaign_id, msisdn_list=True)
    await api.sms.simple_send(TEXT, "0612345678")
    await api.account.get_info()
    await api.account.get_info(sub_account="demo-shop")
    await api.sub_accounts.create_sub_account(
        first_name="zoe", last_name="hush", email="zoe@hush.fr", login="zoe", password=Secret("s3cret!")
    )
    await api.sub_accounts.get_sub_accounts()
    await api.contacts.create_list("clients", [ListField("Ville")])
    await api.contacts.populate_list("clients", [Contact(ONE, {"Ville": "Nice"})])
    await api.contacts.get_contacts("clients")
    await api.blacklist.get_blacklist()
    await api.links.shorten_url("https://hush.example.com/?token=482159")


@pytest.mark.parametrize("formats", [{}, {"flow_format": "xml", "return_format": "xml"}], ids=["json", "xml"])
async def test_nothing_secret_or_personal_is_told(
    sandbox: Sandbox, opened: Callable[..., RestBackend], notes: list[Note], formats: dict[str, str]
) -> None:
    """Neither login, key, password, text, name nor whole number is told, in a request or an answer."""
    backend = opened(hooks=[notes.append], **formats)
    await everything(sandbox, backend.api)
    asked = [note for note in notes if isinstance(note, Asked)]
    ended = [note for note in notes if isinstance(note, Answered)]
    assert [note.number for note in asked] == [note.number for note in ended]
    assert len(asked) == 15
    for note in notes:
        shown = f"{note!r} {note}"
        for word in HIDDEN:
            assert word not in shown, (word, shown)


async def test_note_has_what_a_log_needs(
    sandbox: Sandbox, opened: Callable[..., RestBackend], notes: list[Note]
) -> None:
    """A note says which operation, where, how large, and the figures and states that are nobody's."""
    backend = opened(hooks=[notes.append], timeout=9)
    sent = await backend.api.sms.send_sms(TEXT, [Recipient(ONE)], coding=1, unique_identifier="k1")
    asked, answered = notes
    assert isinstance(asked, Asked)
    assert isinstance(answered, Answered)
    assert (asked.name, asked.url) == ("sendSms", f"{sandbox.http_url}/http/9.0/sendSms/")
    assert (asked.timeout, asked.sub_account) == (9, False)
    assert asked.fields == {"MESSAGE": "…", "CODING": "1", "UNIQUEIDENTIFIER": "k1", "SMS": "[1]"}
    assert asked.body_bytes > 100
    fields = dict(answered.fields)
    assert (answered.name, answered.http_status, answered.number) == ("sendSms", 200, asked.number)
    assert fields == {
        "status": 100,
        "statusText": "Your messages have been sent",
        "invalidNumbers": "",
        "campaignId": sent.campaign_id,
        "credits": 999_999_985,
        "creditsUsed": 15,
        "nbContacts": 1,
        "nbSms": 1,
        "smsIds": "[1]",
        "balance": fields["balance"],
        "cost": 0.045,
    }
    notes.clear()
    view = backend.with_sub_account("demo-shop")
    await view.api.account.get_info()
    assert isinstance(notes[0], Asked)
    assert notes[0].sub_account
    notes.clear()
    await backend.api.reports.get_ack_by_sms_id(sent.sms_ids[0].sms_id or "")
    assert isinstance(notes[1], Answered)
    assert (notes[1].fields["phoneNumber"], notes[1].fields["status"]) == ("336****78", "3")


@pytest.mark.parametrize(("fault", "kind"), [("reset_after", OutcomeUnknown), ("status_102", AuthenticationFailed)])
async def test_failure_is_told_with_its_error(
    sandbox: Sandbox, opened: Callable[..., RestBackend], notes: list[Note], fault: str, kind: type[AllMySmsError]
) -> None:
    """A request that fails is told with the error that the caller gets."""
    sandbox.faults([{"fault": fault}])
    with pytest.raises(kind) as caught:
        await opened(hooks=[notes.append]).api.sms.simple_send(TEXT, ONE)
    asked, failed = notes
    assert isinstance(asked, Asked)
    assert isinstance(failed, Failed)
    assert (failed.number, failed.name, failed.error) == (asked.number, "simpleSend", caught.value)


PEOPLE = {"contact": {"MobilePhone": ONE, "CODE": "4821", "COMMENT": "Dupont", "TEXT": "hush"}}


@each("shape", [PEOPLE, PEOPLE["contact"], [PEOPLE["contact"]], {"contact": [PEOPLE["contact"]]}])
@each("name", ["contacts", "acks", "mos", "blacklist", "subAccounts", "smsIds", "answer", "pulls"])
def test_list_of_people_is_told_by_its_length(name: str, shape: object) -> None:
    """However it is written, nothing of a list of people is told but how many they are."""
    assert redacted({name: shape, ONE: 7}) == {name: "[1]", "336****78": "…"}
    assert redacted({"discardedNumbersDetails": {ONE: "blacklist_stop"}}) == {"discardedNumbersDetails": "[1]"}


async def test_soap_tells_as_much_and_as_little(sandbox: Sandbox, notes: list[Note]) -> None:
    """The SOAP API tells hooks of its requests, answers and failures, with the same redaction."""
    async with SmsService(
        SoapBackend("demo", "demo-pass", endpoint=f"{sandbox.http_url}/soap/server.php", hooks=[notes.append])
    ) as service:
        receipt = await service.send(SmsMessage(TEXT, reference="hush"), to=["0612345678"], name="hush")
        sandbox.reply(ONE, "oui merci")
        _ = [reply async for reply in service.replies(receipt.campaign_id)]
        await service.delivery_reports(receipt.campaign_id or "")
        with pytest.raises(AllMySmsError):
            await service.cancel("nothing")
    assert [type(note) for note in notes] == [Asked, Answered] * 3 + [Asked, Failed]
    assert [note.number for note in notes[::2]] == [note.number for note in notes[1::2]]
    asked, answered = notes[:2]
    assert isinstance(asked, Asked)
    assert isinstance(answered, Answered)
    assert (asked.name, asked.fields["messageData"]["sms"]) == ("sendSms", "[1]")  # type: ignore[index]
    assert (answered.fields["status"], answered.fields["ids"]) == ("100", "[1]")
    for note in notes:
        for word in (*HIDDEN, "demo-pass"):
            assert word not in f"{note!r} {note}", word


async def test_envoyer_sms_pro_and_mms_tell_as_much_and_as_little(sandbox: Sandbox, notes: list[Note]) -> None:
    """What is asked of the two others beside sends, and who is in the answers, is told with the same redaction."""
    hooks = [notes.append]
    backend = EnvoyerSmsProBackend(
        "demo", "demo-pass", default_sender="MAGASIN", base_url=sandbox.http_url, tag="hush", hooks=hooks
    )
    async with SmsService(backend) as service:
        message = SmsMessage(TEXT, wants_replies=True)
        receipt = await service.send(message, to=["0612345678", "0612345679"])
        single = await service.send(message, to="0612345678")
        sandbox.reply(ONE, "oui merci")
        for campaign_id in (receipt.campaign_id, single.campaign_id):
            await service.delivery_reports(campaign_id or "")
            _ = [reply async for reply in service.replies(campaign_id)]
        await service.account()
        await backend.api.accounts.list()
        await backend.api.stops.check(ONE)
    async with SmsService(MmsBackend("demo", "demo-pass", base_url=sandbox.http_url, hooks=hooks)) as service:
        await service.send(SmsMessage(TEXT), to="0612345678", name="hush")
        await service.account()
    assert [type(note) for note in notes] == [Asked, Answered] * (len(notes) // 2)
    assert {note.name for note in notes} >= {"sendmms", "info", "message/send"}
    asked, answered = notes[:2]
    assert isinstance(asked, Asked)
    assert isinstance(answered, Answered)
    assert asked.fields == {
        "text": "…",
        "recipients": "[2]",
        "sendername": "…",
        "responsestatusid": "1",
        "tag": "…",
    }
    assert answered.fields["status"] == "success"
    for note in notes:
        for word in (*HIDDEN, "demo-pass"):
            assert word not in f"{note!r} {note}", (word, note)


async def test_hook_that_fails_undoes_nothing(sandbox: Sandbox, opened: Callable[..., RestBackend]) -> None:
    """What a hook raises is a warning: the answer to a send that was taken still arrives, and other hooks are told."""
    told: list[Note] = []

    def broken(note: Note) -> None:
        raise RuntimeError(ONE)

    backend = opened(hooks=[broken, told.append])
    with pytest.warns(RuntimeWarning, match="A hook failed on simpleSend: RuntimeError") as caught:
        assert (await backend.api.sms.simple_send(TEXT, ONE)).status == "100"
    assert len(told) == len(caught) == 2
    assert ONE not in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (await backend.api.sms.simple_send("Bonjour", ONE)).status == "100"
    assert sandbox.stats()["messages"] == 2
