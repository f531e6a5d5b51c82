"""The sandbox's MMS module, spoken to in plain HTTP."""

import pytest

FLOW = (
    "<DATA><CLIENT>DEMO</CLIENT><MOBILEPHONE>+33612345678</MOBILEPHONE><MOBILEPHONE>0712345678</MOBILEPHONE>"
    "<MSGCLASS>0</MSGCLASS><MESSAGE>Bonjour</MESSAGE></DATA>"
)
SOUND = "<MSGCLASS>3</MSGCLASS><SON><URL>http://w.fr/s.mid</URL><DUREE>9</DUREE></SON>"


def flow(**changes: str) -> str:
    """Return the flow with elements put in place of others."""
    text = FLOW
    for tag, new in changes.items():
        text = text.replace(text[text.index(f"<{tag}>") : text.rindex(f"</{tag}>") + len(tag) + 3], new)
    return text


@pytest.fixture
def ask(gateway):
    """Post fields to one of the module's pages, and return the answer's lines."""

    async def post(page="/amsmodule.sendmms.v2.php", **fields):
        response = await gateway.http.post(page, data={"clientcode": "demo", "passcode": "demo-pass"} | fields)
        assert response.status_code == 200
        return dict(line.split("=", 1) for line in response.text.splitlines())

    return post


async def test_accepted_flow_answers_every_printed_line(sandbox, ask):
    """Numbers come back as they were sent, junk among the refused."""
    answer = await ask(XMLFlow=flow(MSGCLASS="<MOBILEPHONE>06XXzsqsd</MOBILEPHONE><MSGCLASS>0</MSGCLASS>"))
    listed = "".join(
        f"<CUSTOMER><MOBILEPHONE>{number}</MOBILEPHONE></CUSTOMER> " for number in ("+33612345678", "0712345678")
    )
    assert answer == {
        "Status": "100",
        "StatusText": "Le message a été envoyé",
        "Credits": "999999970",
        "InvalidNums": "06XXzsqsd",
        "CampaignID": answer["CampaignID"],
        "IDs": f"<RECOVERIDS>{listed.strip()}</RECOVERIDS>",
    }
    assert sandbox.state()["campaigns"][0]["id"] == answer["CampaignID"]
    assert [message["protocol"] for message in sandbox.messages()] == ["mms", "mms"]


@pytest.mark.parametrize(
    ("code", "sent"),
    [
        (105, " "),
        (106, "<DATA><CLIENT>"),
        (106, "<FLUX></FLUX>"),
        (106, '<!DOCTYPE DATA [<!ENTITY x "y">]>' + FLOW),
        (107, flow(CLIENT="")),
        (107, flow(CLIENT="<CLIENT>demo</CLIENT>")),
        (108, flow(MSGCLASS="")),
        (109, flow(MSGCLASS="<MSGCLASS>5</MSGCLASS>")),
        (110, flow(MESSAGE="<MESSAGE> </MESSAGE>")),
        (110, flow(MSGCLASS="<MSGCLASS>1</MSGCLASS>")),
        (110, flow(MSGCLASS="<MSGCLASS>1</MSGCLASS><IMAGE></IMAGE>")),
        (111, flow(MESSAGE=f"<MESSAGE>{'x' * 1001}</MESSAGE>")),
        (111, flow(MESSAGE="<MESSAGE>" + "x" * 999 + "\n</MESSAGE>")),
        (111, flow(MSGCLASS=SOUND, MESSAGE=f"<MESSAGE>{'x' * 101}</MESSAGE>")),
        (112, flow(MSGCLASS="<MSGCLASS>1</MSGCLASS><IMAGE>http://w.fr/a.png</IMAGE>")),
        (113, flow(MSGCLASS="<MSGCLASS>1</MSGCLASS><IMAGE>https://w.fr/a.gif</IMAGE>")),
        (113, flow(MSGCLASS="<MSGCLASS>1</MSGCLASS><IMAGE>http://w.fr/?a&amp;b.gif</IMAGE>")),
        (118, flow(MSGCLASS="<MSGCLASS>3</MSGCLASS><SON><DUREE>9</DUREE></SON>")),
        (119, flow(MSGCLASS="<MSGCLASS>2</MSGCLASS><VIDEO><URL>http://w.fr/v.3gp</URL></VIDEO>")),
        (120, flow(MSGCLASS=SOUND.replace("9", "1001"))),
        (120, flow(MSGCLASS=SOUND.replace("9", "neuf"))),
        (121, flow(CLIENT="<CLIENT>DEMO</CLIENT><DATE>demain</DATE>")),
        (121, flow(CLIENT="<CLIENT>DEMO</CLIENT><DATE>2020-01-01 10:00:00</DATE>")),
        (122, flow(MOBILEPHONE="")),
        (123, flow(MOBILEPHONE="<MOBILEPHONE>0400000000</MOBILEPHONE><MOBILEPHONE>+34612345678</MOBILEPHONE>")),
    ],
)
async def test_each_error_has_its_status(sandbox, ask, code, sent):
    """Each status that a flow can have, in the order of the table; nothing is sent."""
    answer = await ask(XMLFlow=sent)
    assert answer["Status"] == str(code)
    assert answer["StatusText"]
    assert sandbox.messages() == []
    if code == 123:
        assert answer["InvalidNums"] == "0400000000|+34612345678"


@pytest.mark.parametrize("fields", [{"passcode": "demo-key"}, {"clientcode": "nobody"}, {"clientcode": "DEMO"}])
async def test_wrong_login_is_102(sandbox, ask, fields):
    """The password is the account's, not its key."""
    assert (await ask(XMLFlow=FLOW, **fields))["Status"] == "102"
    assert sandbox.messages() == []


async def test_euro_sign_becomes_an_e(sandbox, ask):
    """As the manual warns."""
    await ask(XMLFlow=flow(MESSAGE="<MESSAGE>10 €</MESSAGE>"))
    assert {message["text"] for message in sandbox.messages()} == {"10 E"}


async def test_identical_flows_are_two_sends(sandbox, ask):
    """The rule of ten seconds is v9's alone."""
    assert [(await ask(XMLFlow=FLOW))["Status"] for _ in range(2)] == ["100", "100"]


@pytest.mark.parametrize("page", ["/amsmodule.sendsms.v6.php", "/smsmod/amsmodule.sendsms.v2.php"])
async def test_account_is_told_on_both_printed_pages(ask, page):
    """The printed page and the one of the sample answer the same."""
    assert await ask(page, info="demo-shop") == {"Status": "100", "StatusText": " Compte actif", "Credits": "10000000"}
    assert (await ask(page, info="nobody"))["Status"] == "301"
    hidden = await ask(page, info="demo", clientcode="demo-shop", passcode="demo-shop-pass")
    assert hidden["Status"] == "302"


@pytest.mark.parametrize("code", [114, 116, 200, 999])
async def test_a_status_can_be_asked_for(sandbox, ask, code):
    """status_NNN answers that status, and has no other effect."""
    sandbox.faults([{"fault": f"status_{code}"}])
    answer = await ask(XMLFlow=FLOW)
    assert answer["Status"] == str(code)
    assert answer["StatusText"]
    assert sandbox.messages() == []


async def test_other_pages_are_not_the_modules(gateway):
    """Only the printed pages are served."""
    assert (await gateway.http.post("/amsmodule.sendmms.php")).status_code == 404
