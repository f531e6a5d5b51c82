"""The neutral state of the sandbox, shared by the faces it shows to each protocol."""

from .account import Account, euros
from .campaign import Campaign, campaign_id, sms_id
from .clock import PARIS, Clock, parse_wall, wall
from .contact import Change, ContactList
from .fate import HANDED_OVER, ack_delay, fate
from .handset import HandsetMessage, Stats
from .identifier import InProgress
from .optout import OPT_OUT_REASONS, OptOutReason
from .order import Discard, Order, Plan, Reason, Refused
from .recording import Recording
from .reply import Reply
from .world import Observer, Sending, World

__all__ = [
    "HANDED_OVER",
    "OPT_OUT_REASONS",
    "PARIS",
    "Account",
    "Campaign",
    "Change",
    "Clock",
    "ContactList",
    "Discard",
    "HandsetMessage",
    "InProgress",
    "Observer",
    "OptOutReason",
    "Order",
    "Plan",
    "Reason",
    "Recording",
    "Refused",
    "Reply",
    "Sending",
    "Stats",
    "World",
    "ack_delay",
    "campaign_id",
    "euros",
    "fate",
    "parse_wall",
    "sms_id",
    "wall",
]
