"""The rules, in the order in which they can be tried: a later one may rest on an earlier one."""

from collections.abc import Callable

from lockers.conformance.bench import Bench
from lockers.conformance.rules import codes, fallback, lockout, orders, power, qr, tokens, wire

Rule = Callable[[Bench], None]

RULES: tuple[Rule, ...] = (
    wire.says_that_it_lives,
    wire.keeps_its_states_retained,
    wire.numbers_without_holes,
    wire.sends_again_until_acknowledged,
    wire.forgets_what_is_acknowledged,
    wire.tells_how_far_its_clock_is_off,
    orders.opens_once_per_tx,
    orders.refuses_stale_orders,
    orders.refuses_strange_orders,
    orders.keeps_a_withdrawn_door_shut,
    orders.applies_newer_configurations_only,
    codes.checks_codes_by_tags,
    codes.obeys_a_reissued_code,
    codes.keeps_an_overdue_parcel,
    codes.keeps_a_blocked_parcel,
    codes.opens_neither_of_two_groups,
    qr.opens_by_qr_once,
    qr.refuses_strange_qr_codes,
    qr.takes_up_a_new_signing_key,
    tokens.takes_a_parcel_by_token,
    tokens.keeps_to_the_deposit_policy,
    tokens.refuses_strange_tokens,
    tokens.gives_a_recalled_parcel,
    fallback.speaks_over_https,
    fallback.obeys_once_over_both_ways,
    power.starts_a_new_boot,
    power.keeps_its_journal_over_a_cut,
    power.opens_nothing_when_power_returns,
    power.obeys_no_tx_again_after_a_start,
    power.forgets_openings_at_a_cut,
    power.keeps_parcels_over_a_cut,
    lockout.locks_out_and_still_opens_by_order,
    lockout.opens_by_qr_while_locked,
    lockout.stays_locked_over_a_cut,
    lockout.takes_a_new_key_by_order,
)
