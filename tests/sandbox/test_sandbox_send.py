"""Simple send, sendSms and simulateCampaign, as a plain HTTP client sees them. Source: HTTPS API v9, §6 to §8."""

import json

import pytest
from lxml import etree

XML_FLOW = """<DATA>
<MESSAGE><![CDATA[Bonjour #param_1# & <vous>]]></MESSAGE>
<DYNAMIC>1</DYNAMIC>
<TPOA>MAGASIN</TPOA>
<SMS><MOBILEPHONE> +32470123456 </MOBILEPHONE><PARAM_1>Zoé</PARAM_1></SMS>
</DATA>"""


async def test_simple_send_answers_the_printed_fields(sandbox, gateway):
    """A simple send answers the seven fields of the sample, in its types, and reaches the handset."""
    answer = await gateway.call(message="Votre code est 4821", mobile="0612345678;0493000000")
    campaign_id = answer.pop("campaignId")
    assert answer == {
        "status": 100,
        "statusText": "Your messages have been sent",
        "invalidNumbers": "33493000000|",
        "credits": 999_999_985,
        "balance": 2_999_999.96,
        "cost": 0.045,
    }
    assert sandbox.messages("33612345678") == [
        {
            "phone": "33612345678",
            "text": "Votre code est 4821",
            "sender": "36180",
            "campaign_id": campaign_id,
            "protocol": "v9",
            "received_at": "2027-03-02T10:00:00+01:00",
        }
    ]


async def test_simple_send_answers_json_even_where_xml_is_asked(gateway):
    """The simple send knows one format."""
    assert (await gateway.call(message="a", mobile="0612345678", returnformat="xml"))["status"] == 100


async def test_send_sms_answers_the_printed_fields_in_order(gateway):
    """A sendSms answers the fields of the sample in its order."""
    answer = await gateway.flow("Bonjour", "+33612345678")
    assert list(answer) == [
        *("status", "statusText", "invalidNumbers", "campaignId", "credits", "creditsUsed"),
        *("nbContacts", "nbSms", "smsIds", "balance", "cost"),
    ]
    assert (answer["creditsUsed"], answer["nbContacts"], answer["nbSms"]) == (15, 1, 1)
    assert answer["invalidNumbers"] == ""
    assert answer["smsIds"][0]["phoneNumber"] == "33612345678"
    assert len(answer["smsIds"][0]["smsId"]) == 36


async def test_xml_flow_gets_an_xml_answer_with_nested_sms_ids(sandbox, gateway):
    """XML in, XML out: the answer nests smsIds/sms as printed, and CDATA arrives unharmed."""
    response = await gateway.raw("sendSms/", smsData=XML_FLOW, returnformat="xml")
    root = etree.fromstring(response.content)
    assert root.tag == "sendSms"
    assert root.findtext("status") == "100"
    assert root.findtext("smsIds/sms/phoneNumber") == "32470123456"
    assert root.findtext("creditsUsed") == "20"
    assert root.findtext("cost") == "0.06"
    message = sandbox.messages("32470123456")[0]
    assert message["text"] == "Bonjour Zo\u00e9 & <vous>"
    assert message["sender"] == "MAGASIN"


async def test_simulation_tells_the_cost_and_sends_nothing(sandbox, gateway):
    """A simulation answers the fields of the sample, takes no credits and texts nobody."""
    answer = await gateway.flow("Bonjour", "0612345678", "0612345679", "0493000000", method="simulateCampaign")
    assert answer == {
        "status": 100,
        "statusText": "Your messages have been sent",
        "invalidNumbers": "33493000000|",
        "nbCredits": 30,
        "nbContacts": 2,
        "nbSms": 2,
        "balance": 3_000_000,
        "cost": 0.09,
    }
    assert sandbox.stats()["messages"] == 0


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"smsData": ""}, 105),
        ({"smsData": "not a flow"}, 109),
        ({"smsData": "<DATA><MESSAGE>a"}, 109),
        ({"smsData": '{"SMS": []}'}, 109),
        ({"smsData": '{"DATA": {"SMS": []}}'}, 110),
        ({"smsData": '{"DATA": {"MESSAGE": "a"}}'}, 114),
        ({"smsData": '{"DATA": [{"MESSAGE": "a"}, {"MESSAGE": "b"}]}'}, 109),
        ({"smsData": '{"DATA": {"MESSAGE": "a", "SMS": ["0612345678"]}}'}, 109),
        ({"smsData": '{"DATA": {"MESSAGE": ["a"], "SMS": []}}'}, 109),
        ({"smsData": '{"DATA": {"MESSAGE": "a", "DYNAMIC": "two"}}'}, 109),
        ({"smsData": '{"DATA": {"MESSAGE": "a", "DYNAMIC": 101}}'}, 109),
        ({"smsData": "<DATA><MESSAGE>a<b>c</b></MESSAGE></DATA>"}, 109),
        ({"smsData": "<OTHER/>"}, 109),
        ({"smsData": "[" * 100_000}, 109),
    ],
)
async def test_broken_flow_has_its_own_status(gateway, fields, status):
    """An empty, broken or incomplete flow is told apart by its status."""
    assert (await gateway.call("sendSms", **fields))["status"] == status


async def test_simulation_refuses_what_a_send_would(sandbox, gateway):
    """A simulation runs the checks of the flow, and leaves credit aside."""
    assert (await gateway.flow("a" * 1225, "0612345678", method="simulateCampaign"))["status"] == 111
    assert (await gateway.flow("a", "abc", method="simulateCampaign"))["invalidNumbers"] == "abc|"
    sandbox.set_credits("demo", 0)
    assert (await gateway.flow("a", "0612345678", method="simulateCampaign"))["nbCredits"] == 15


async def test_document_type_in_a_flow_is_refused(gateway):
    """A flow that declares entities is broken, whatever it would expand to."""
    flow = '<!DOCTYPE DATA [<!ENTITY e "aaaa">]><DATA><MESSAGE>&e;</MESSAGE></DATA>'
    assert (await gateway.call("sendSms", smsData=flow))["status"] == 109


async def test_one_missing_parameter_refuses_the_whole_request(sandbox, gateway):
    """A recipient without a parameter makes the request 109, and nobody is texted."""
    rows = ({"MOBILEPHONE": "0612345678", "PARAM_1": "a"}, {"MOBILEPHONE": "0612345679"})
    assert (await gateway.flow("Bonjour #param_1#", *rows, DYNAMIC="1"))["status"] == 109
    assert sandbox.stats()["messages"] == 0


async def test_one_text_too_long_refuses_the_whole_request(sandbox, gateway):
    """A recipient whose expanded text is too long makes the request 111, and nobody is texted."""
    rows = ({"MOBILEPHONE": "0612345678", "PARAM_1": "a"}, {"MOBILEPHONE": "0612345679", "PARAM_1": "a" * 1225})
    assert (await gateway.flow("#param_1#", *rows, DYNAMIC=1))["status"] == 111
    assert sandbox.stats()["messages"] == 0


async def test_parameters_are_replaced_in_one_pass(sandbox, gateway):
    """A value that looks like a placeholder stays text."""
    row = {"MOBILEPHONE": "0612345678", "PARAM_1": "#param_2#", "PARAM_2": "b"}
    await gateway.flow("#param_1# #param_2# #param_3# \\n", row, DYNAMIC="2")
    assert sandbox.messages("0612345678")[0]["text"] == "#param_2# b #param_3# \\n"


@pytest.mark.parametrize(
    ("text", "coding", "parts"),
    [
        ("a" * 160, "1", 1),
        ("a" * 161, "1", 2),
        ("a" * 306, "1", 2),
        ("a" * 307, "1", 3),
        ("a" * 1224, "1", 8),
        ("a" * 159 + "\n", "1", 2),
        ("\u20ac" * 80, "", 1),
        ("\u20ac" * 81, "", 2),
        ("\u4f60" * 70, "2", 1),
        ("\u4f60" * 71, "2", 2),
        ("\U0001f600" * 35, "2", 1),
        ("\U0001f600" * 36, "2", 2),
        # What counts two is never split: it begins the next message.
        ("]" * 152, "", 2),
        ("]" * 153, "", 3),
        ("a" * 152 + "\u20ac" + "a" * 151, "", 2),
        ("a" * 152 + "\u20ac" + "a" * 152, "", 3),
        ("a" * 152 + "\n" + "a" * 152, "", 3),
        ("a" * 1222 + "\u20ac", "", 8),
        ("\U0001f600" * 66, "2", 2),
        ("\U0001f600" * 67, "2", 3),
        ("\U0001f600" * 264, "2", 8),
        ("\u4f60" * 68 + "\n", "2", 1),
        ("\u4f60" * 69 + "\n", "2", 2),
        ("\u4f60" * 66 + "\n" + "\u4f60" * 66, "2", 3),
    ],
)
async def test_text_is_billed_by_parts(gateway, text, coding, parts):
    """Parts are 160 then 153 septets, or 70 then 67 units of whole characters; newlines and escapes count twice."""
    answer = await gateway.flow(text, "0612345678", CODING=coding)
    assert (answer["nbSms"], answer["creditsUsed"]) == (parts, 15 * parts)


@pytest.mark.parametrize(
    ("text", "coding"),
    [
        ("a" * 1225, ""),
        ("\u4f60" * 537, "2"),
        ("a" * 152 + "\u20ac" + "a" * 1070, ""),
        ("]" * 609, ""),
        ("\U0001f600" * 265, "2"),
        ("\u4f60" * 66 + "\U0001f600" + "\u4f60" * 468, "2"),
    ],
)
async def test_text_of_nine_parts_is_too_long(gateway, text, coding):
    """More than eight parts are 111."""
    assert (await gateway.flow(text, "0612345678", CODING=coding))["status"] == 111


async def test_foreign_characters_without_unicode_coding_arrive_as_question_marks(sandbox, gateway):
    """A client that forgets CODING=2 sees it on the handset."""
    await gateway.flow("\u0153uf \u00e7a \u4f60", "0612345678")
    await gateway.flow("\u0153uf \u00e7a \u4f60", "0612345678", CODING=2)
    assert [message["text"] for message in sandbox.messages("0612345678")] == ["?uf ?a ?", "\u0153uf \u00e7a \u4f60"]


async def test_numbers_come_back_in_international_form(gateway):
    """Whatever the form, accepted numbers are international digits, and refused ones are listed with a final bar."""
    good = ["0612345678", "33712345678", "+33612345679", "32470123456", "+14155550123", "262692123456"]
    bad = [
        "0493000000",
        "33512345678",
        "+338123456",
        "0033612345678",
        "99912345678",
        "06 12 34 56 78",
        "abc",
        "1234567",
    ]
    answer = await gateway.flow("a", *good, *bad)
    assert [sms["phoneNumber"] for sms in answer["smsIds"]] == [
        *("33612345678", "33712345678", "33612345679", "32470123456", "14155550123", "262692123456"),
    ]
    assert answer["invalidNumbers"] == (
        "33493000000|33512345678|338123456|0033612345678|99912345678|06 12 34 56 78|abc|1234567|"
    )


async def test_number_listed_twice_is_texted_twice(sandbox, gateway):
    """The gateway does not mend a client that repeats itself."""
    await gateway.flow("a", "0612345678", "33612345678")
    assert sandbox.stats() == {"messages": 2, "handsets": 1, "max_per_handset": 2}


async def test_no_valid_number_lists_the_invalid_ones(gateway):
    """With no valid number the answer is 114, with the numbers and on request the reasons."""
    assert await gateway.flow("a", "0493000000", VERBOSE="1") == {
        "status": 114,
        "statusText": "No valid numbers",
        "invalidNumbers": "33493000000|",
        "discardedNumbersDetails": [{"number": "33493000000", "reason": "invalid"}],
    }


async def test_verbose_tells_why_and_since_when(sandbox, gateway):
    """Opted-out numbers are left out, listed as invalid, and explained with the date in a verbose answer."""
    sandbox.opt_out("0612345678", "blacklist_stop")
    sandbox.opt_out("0612345679", "blacklist_manual")
    quiet = await gateway.flow("a", "0612345677", "0612345678", "0612345679")
    assert quiet["invalidNumbers"] == "33612345678|33612345679|"
    assert "discardedNumbersDetails" not in quiet
    verbose = await gateway.flow("a", "0612345677", "0612345678", "0612345679", VERBOSE=1)
    assert verbose["discardedNumbersDetails"] == [
        {"number": "33612345678", "reason": "blacklist_stop", "date": "2027-03-02 10:00:00"},
        {"number": "33612345679", "reason": "blacklist_manual", "date": "2027-03-02 10:00:00"},
    ]
    assert sandbox.messages("0612345678") == []


@pytest.mark.parametrize(
    ("text", "sender", "phone", "shown"),
    [
        ("Promo STOP au 36180", "MAGASIN", "0612345678", "MAGASIN"),
        ("Promo\nStop au 36180", "Ma Boite 2", "0612345678", "Ma Boite 2"),
        ("Promo", "MAGASIN", "0612345678", "36180"),
        ("PromoSTOP au 36180", "MAGASIN", "0612345678", "36180"),
        ("Promo", "MAGASIN", "32470123456", "MAGASIN"),
        ("Promo STOP au 36180", "2MAGASIN", "0612345678", "36180"),
        ("Promo STOP au 36180", "AB", "0612345678", "36180"),
        ("Promo STOP au 36180", "ABCDEFGHIJKL", "0612345678", "36180"),
        ("Promo STOP au 36180", "\u00c9t\u00e9", "0612345678", "36180"),
        ("Promo STOP au 36180", " ", "0612345678", "36180"),
    ],
)
async def test_sender_is_honoured_only_by_the_rules(sandbox, gateway, text, sender, phone, shown):
    """A bad sender, or in France a text without the opt-out notice, shows the short code."""
    await gateway.flow(text, phone, TPOA=sender)
    assert sandbox.messages(phone)[0]["sender"] == shown


@pytest.mark.parametrize("date", ["2027-03-02", "02/03/2027 12:00:00", "2027-02-30 12:00:00", "2027-03-02 09:59:59"])
async def test_bad_or_past_date_is_refused(gateway, date):
    """A date that cannot be read or has passed is 115."""
    assert (await gateway.flow("a", "0612345678", DATE=date))["status"] == 115


async def test_lists_and_numbers_are_read_where_the_manual_prints_objects_and_strings(sandbox, gateway):
    """DATA in a list, one SMS without a list, numbers for strings and nulls for absent values are all understood."""
    flow = {"DATA": [{"MESSAGE": 4821, "TPOA": None, "DATE": "", "SMS": {"MOBILEPHONE": 33612345678}}]}
    assert (await gateway.call("sendSms", smsData=json.dumps(flow)))["status"] == 100
    assert sandbox.messages("0612345678")[0]["text"] == "4821"
