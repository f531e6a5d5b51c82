"""What a campaign's result shows of itself."""

from decimal import Decimal

from allmysms_async import CampaignResult, Reason


def test_result_of_a_large_campaign_is_shown_in_a_short_line() -> None:
    """Thousands of identifiers and problems, and a long name, are one line under 300 characters with the sums."""
    many = 99_999_999
    result = CampaignResult(
        name="soldes\n" * 14,
        run_id="0123456789abcdef" * 2,
        rows=many,
        accepted=many,
        rejected=many,
        failed=many,
        unknown=many,
        pending=many,
        parts=many,
        cost=Decimal("9999999.12345"),
        rejections=dict.fromkeys(Reason, many),
        campaign_ids=tuple(f"campaign-{number}" for number in range(9_999)),
        problems={f"A sentence that says what went wrong with request {number}.": 7 for number in range(9_999)},
    )
    shown = repr(result)
    assert len(shown) < 300
    assert "\n" not in shown
    assert f"{result}" == shown


def test_result_of_a_small_campaign_tells_the_sums() -> None:
    """Whoever prints one sees what became of the rows."""
    result = CampaignResult(name="soldes", run_id="0123456789abcdef", rows=3, accepted=2, rejected=1, parts=2)
    assert repr(result) == (
        "<CampaignResult 'soldes' run 01234567, rows=3, accepted=2, rejected=1, failed=0, unknown=0, pending=0, "
        "parts=2, cost=0, complete=False, 0 reasons, 0 campaign ids, 0 problems>"
    )
