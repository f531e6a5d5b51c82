"""What is shown of the structs that hold a number or a text."""

from datetime import UTC, datetime

from pyroaring import BitMap64

from allmysms_async.backend import SendRequest
from allmysms_async.batch.chunk import Chunk
from allmysms_async.batch.plan import Planner
from allmysms_async.model import (
    Accepted,
    Campaign,
    DeliveryReport,
    DeliveryStatus,
    Estimate,
    NewSubAccount,
    OptOut,
    Outcome,
    OutcomeState,
    People,
    Reason,
    Recipient,
    Rejected,
    Reply,
    Secret,
    SendReceipt,
    SmsMessage,
    Unconfirmed,
)
from allmysms_async.protocols.envoyersmspro.response import Response
from allmysms_async.protocols.envoyersmspro.stats import RecipientStats
from allmysms_async.protocols.mms.answer import Answer
from allmysms_async.protocols.rest import RestBackend
from allmysms_async.protocols.rest.account import GetInfoResult
from allmysms_async.protocols.rest.blacklist import BlacklistEntry
from allmysms_async.protocols.rest.campaigns import CampaignInfo, CampaignSms
from allmysms_async.protocols.rest.replies import Mo
from allmysms_async.protocols.rest.reports import Ack, GetAckBySmsIdResult, GetAcksResult
from allmysms_async.protocols.rest.sms import SendSms, SendSmsResult, SimpleSend, SmsId
from allmysms_async.protocols.rest.voice import SendVocalResult
from allmysms_async.protocols.soap import reports as soap
from allmysms_async.protocols.soap.account import Stop
from allmysms_async.protocols.soap.sms import PushId
from allmysms_async.text import Coding
from tests.cases import each

PHONE, TEXT, NAME = "33612345678", "Votre code est 482159", "Eulalie"
SOMEBODY = Recipient(PHONE, (NAME,))
MESSAGE = SmsMessage(TEXT)


def chunk() -> object:
    """Return a chunk as the planner makes one."""
    message = SmsMessage(f"{TEXT} #param_1#")
    planner = Planner(message, RestBackend.limits, chunk_size=10, seen=BitMap64(), accounted=BitMap64())
    planner.add(1, SOMEBODY)
    return planner.flush()[0]


SHOWN = [
    MESSAGE,
    SOMEBODY,
    Accepted(PHONE),
    Rejected(PHONE, Reason.OPTED_OUT, datetime(2027, 1, 2, tzinfo=UTC)),
    Unconfirmed(PHONE),
    SendReceipt(campaign_id="7", results=(Accepted(PHONE),), raw={"smsIds": [PHONE]}),
    Estimate(recipients=1, parts=1, credits=None, cost=None, rejected=(Rejected(PHONE, Reason.OPTED_OUT),)),
    DeliveryReport(phone=PHONE, status=DeliveryStatus.DELIVERED, code="1", comment=TEXT),
    Reply(phone=PHONE, text=TEXT),
    OptOut(phone=PHONE),
    NewSubAccount(login="atelier", password=Secret(TEXT), mobile=PHONE),
    Outcome(1, 1, PHONE, OutcomeState.ACCEPTED),
    Campaign("soldes", MESSAGE, [SOMEBODY, PHONE]),
    SendRequest(message=MESSAGE, text=TEXT, coding=Coding.GSM7, recipients=(SOMEBODY,)),
    chunk(),
    SendSms(TEXT, (SOMEBODY,)),
    SimpleSend(TEXT, PHONE),
    SendSmsResult(sms_ids=(SmsId(phone_number=PHONE),), raw={"smsIds": PHONE, "text": TEXT}),
    SmsId(phone_number=PHONE, sms_id="1"),
    GetAcksResult(acks=(Ack(phone_number=PHONE, comment=TEXT),)),
    GetAckBySmsIdResult(phone_number=PHONE, comment=TEXT),
    Ack(phone_number=PHONE, comment=TEXT),
    CampaignSms(msisdn=PHONE),
    CampaignInfo(message=TEXT),
    SendSmsResult(invalid_numbers=f"{PHONE}|{PHONE}"),
    SendVocalResult(invalid_numbers=PHONE),
    GetInfoResult(email=f"{NAME}@exemple.fr", last_name=NAME, first_name=NAME, society=NAME),
    BlacklistEntry(phone_number=PHONE, comment=TEXT),
    Mo(phone_number=PHONE, message=TEXT),
    soap.Ack(phone_number=PHONE, status="1", comment=TEXT),
    soap.Pull(id="1", phone_number=PHONE, campaign_id="7", message=TEXT, reception_date=None),
    soap.GetAcksResult(status="0", acks=(soap.Ack(phone_number=PHONE, status="1"),)),
    PushId(mobile_phone=PHONE, id="1"),
    Stop(phone_number=PHONE, comment=TEXT),
    RecipientStats(mobile_number=PHONE, status_id="1"),
    Response(mobile_number=PHONE, content=TEXT),
    Answer(
        code="100",
        text=TEXT,
        credits=None,
        campaign_id="7",
        accepted=frozenset({PHONE}),
        refused=frozenset({PHONE}),
        whole=True,
        raw={"IDs": PHONE},
    ),
]


@each("value", SHOWN, ids=lambda value: type(value).__name__)
def test_number_and_text_are_not_shown(value: object) -> None:
    """Printing it, alone or in a list, shows neither a whole number, nor a text, nor a parameter."""
    for shown in (repr(value), str(value), f"{[value]}", f"{value!a}"):
        assert type(value).__name__ in shown
        assert PHONE not in shown
        assert TEXT not in shown
        assert NAME not in shown


def test_recipients_in_columns_are_shown_by_their_number() -> None:
    """As those in a tuple are."""
    people = People(["33612345678", "33698765432"], [None, None])
    for recipients in (people, tuple(people)):
        chunk = Chunk(seq=1, text="a", coding=Coding.GSM7, params=0, recipients=recipients, rows=(1, 2), parts=2)
        assert "recipients=<2>" in repr(chunk)
