"""What a backend adds to messages of its own is part of a campaign: changed, it is refused like a changed sender."""

import pytest

from allmysms_async import CampaignChanged, EnvoyerSmsProBackend, SmsService, SoapBackend

from .conftest import campaign, people

TEXT = "Bonjour.\nSTOP SMS au 36111"


def envoyer(sandbox, **options):
    """Return a service over Envoyer SMS Pro."""
    settings = {"default_sender": "MAGASIN"} | options
    return SmsService(EnvoyerSmsProBackend("demo", "demo-pass", base_url=sandbox.http_url, **settings))


@pytest.mark.parametrize("change", [{"default_sender": "AUTRE"}, {"stop_sms": True}, {"tag": "hiver"}])
async def test_changed_setting_of_the_backend_is_refused(sandbox, journal, change):
    """Another default sender, STOP line or tag under the same name sends nothing, with or without the source."""
    async with envoyer(sandbox) as sms:
        await sms.run(campaign(people(3), text=TEXT), journal=journal)
    async with envoyer(sandbox, **change) as sms:
        with pytest.raises(CampaignChanged, match="of the backend"):
            await sms.run(campaign(people(9), text=TEXT), journal=journal)
        run = await sms.resume(journal)
        with pytest.raises(CampaignChanged, match="of the backend"):
            await anext(aiter(run))
    assert len(list(sandbox.all_messages())) == 3


async def test_default_sender_does_not_matter_where_the_message_names_one(sandbox, journal):
    """A setting that changes nothing for this message may change."""
    for sender, count in (("MAGASIN", 3), ("AUTRE", 5)):
        async with envoyer(sandbox, default_sender=sender) as sms:
            last = await sms.run(campaign(people(count), text=TEXT, sender="BOUTIQUE"), journal=journal)
        assert last.accepted == count


async def test_one_object_is_not_continued_with_another_setting(sandbox):
    """In memory a changed setting is refused as well, and named."""
    one = campaign(people(3), text=TEXT)
    async with envoyer(sandbox) as sms:
        await sms.run(one)
    async with envoyer(sandbox, stop_sms=True) as sms:
        with pytest.raises(CampaignChanged, match="another stop_sms of the backend"):
            await sms.run(one)


async def test_cheaper_route_of_soap_is_a_setting_of_the_campaign(sandbox, tmp_path):
    """A campaign does not change its route on the way."""
    endpoint = f"{sandbox.http_url}/soap/server.php"
    async with SmsService(SoapBackend("demo", "demo-pass", endpoint=endpoint)) as sms:
        await sms.run(campaign(people(3), text=TEXT), journal=tmp_path / "a.db")
    async with SmsService(SoapBackend("demo", "demo-pass", endpoint=endpoint, lowcost=True)) as sms:
        with pytest.raises(CampaignChanged):
            await sms.run(campaign(people(9), text=TEXT), journal=tmp_path / "a.db")
