"""The neutral state of the sandbox, shared by the faces it shows to each protocol."""

from .account import Account, euros
from .campaign import Campaign
from .clock import PARIS, Clock, parse_wall, wall
from .contact import Change, ContactList
from .handset import HandsetMessage, Stats
from .identifier import InProgress
from .optout import OPT_OUT_REASONS, OptOutReason
from .order import Discard, Order, Plan, Reason, Refused
from .recording import Recording
from .reply import Reply
from .world import Sending, World

__all__ = [
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
    "euros",
    "parse_wall",
    "wall",
]
