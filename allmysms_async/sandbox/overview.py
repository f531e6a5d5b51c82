"""The whole sandbox at a glance, without a secret."""

from typing import TypedDict

from .exchange import Traffic
from .state import World, wall

__all__ = ["AccountState", "CampaignState", "State", "overview"]


class AccountState(TypedDict):
    """An account, without its secrets."""

    login: str
    master: str | None
    credits: float


class CampaignState(TypedDict):
    """A campaign."""

    id: str
    login: str
    protocol: str
    name: str
    status: str
    contacts: int
    parts: int
    credits: int
    ordered_at: str
    send_at: str


class State(TypedDict):
    """The whole sandbox at a glance."""

    clock: str
    accounts: list[AccountState]
    campaigns: list[CampaignState]
    opt_outs: int
    requests: dict[str, int]
    in_flight: int
    max_in_flight: int


def overview(world: World, traffic: Traffic) -> State:
    """Describe a state and what came in."""
    now = world.settle()
    return {
        "clock": wall(now),
        "accounts": [
            {"login": account.login, "master": account.master, "credits": account.credits}
            for account in world.accounts.values()
        ],
        "campaigns": [
            {
                "id": campaign.id,
                "login": campaign.login,
                "protocol": campaign.protocol,
                "name": campaign.name,
                "status": campaign.status,
                "contacts": len(campaign.phones),
                "parts": campaign.parts,
                "credits": campaign.credits,
                "ordered_at": wall(campaign.ordered_at),
                "send_at": wall(campaign.send_at),
            }
            for campaign in world.by_number
        ],
        "opt_outs": len(world.opt_outs),
        "requests": dict(traffic.requests),
        "in_flight": traffic.in_flight,
        "max_in_flight": traffic.max_in_flight,
    }
