"""Lies that somebody with the database's own rights could plant, and the checks that must find them."""

MISSING_POSTING = (
    """
    DELETE FROM ledger_ledgerentry
     WHERE transaction_id = (SELECT min(id) FROM ledger_ledgertransaction WHERE kind = 'captured')
    """,
    """
    DELETE FROM ledger_ledgertransaction
     WHERE id = (SELECT min(id) FROM ledger_ledgertransaction WHERE kind = 'captured')
    """,
)
ALTERED_ENTRY = (
    """
    UPDATE ledger_ledgerentry SET amount_fen = amount_fen - 1
     WHERE id = (SELECT min(entry.id) FROM ledger_ledgerentry AS entry
                   JOIN ledger_ledgeraccount AS account ON account.id = entry.account_id
                   JOIN ledger_ledgertransaction AS posting ON posting.id = entry.transaction_id
                  WHERE account.kind = 'seller_payable' AND posting.kind = 'settled')
    """,
)
BALANCED_BUT_WRONG = (
    """
    UPDATE ledger_ledgerentry SET amount_fen = 2 * amount_fen
     WHERE transaction_id = (SELECT min(id) FROM ledger_ledgertransaction WHERE kind = 'settled')
    """,
)
DUPLICATED_ALLOCATION = (
    """
    INSERT INTO lockers_allocation (uuid, compartment_id, group_id, reference, unit_uuid, state, parcel_state,
                                    size, min_c, max_c, policy, reserved_at, collect_until, ended_at,
                                    inspect_reason)
    SELECT gen_random_uuid(), compartment_id,
           (SELECT min(id) FROM lockers_pickupgroup WHERE id <> group_id),
           gen_random_uuid(), gen_random_uuid(), 'free',
           'returned', size, min_c, max_c, policy, reserved_at, collect_until, ended_at, ''
      FROM lockers_allocation WHERE ended_at > reserved_at ORDER BY id LIMIT 1
    """,
)
ALTERED_CUSTODY = (
    """
    UPDATE custody_custodyevent SET temperature_c = 2.0
     WHERE id = (SELECT min(id) FROM custody_custodyevent WHERE temperature_c IS NOT NULL)
    """,
)
CUSTODY_GAP = (
    """
    DELETE FROM custody_custodyevent
     WHERE id = (SELECT min(event.id) FROM custody_custodyevent AS event
                   JOIN custody_handlingunit AS unit ON unit.id = event.unit_id
                  WHERE event.seq = 2 AND unit.kind = 'crate')
    """,
)
VANISHED_GOODS = (
    "UPDATE catalog_stock SET on_hand = on_hand - 1 WHERE id = (SELECT min(id) FROM catalog_stock)",
)
HEAVIER_CRATE = (
    """
    UPDATE orders_weighin SET gross_g = gross_g + 500 WHERE id = (SELECT min(id) FROM orders_weighin)
    """,
)
FORGOTTEN_EVENT = (
    """
    UPDATE outbox_outboxevent SET delivered_at = NULL
     WHERE id = (SELECT min(id) FROM outbox_outboxevent)
    """,
)
COLLECTED_AND_CANCELLED = (
    """
    UPDATE orders_fulfilment SET status = 'cancelled'
     WHERE id = (SELECT min(id) FROM orders_fulfilment WHERE status = 'collected')
    """,
)
LOST_ALLOCATION = ("DELETE FROM lockers_allocation WHERE id = (SELECT min(id) FROM lockers_allocation)",)
SERVED_TOO_FEW = (
    """
    UPDATE orders_fulfilment SET ready_since = NULL
     WHERE id IN (SELECT id FROM orders_fulfilment WHERE way = 'down' ORDER BY id LIMIT 8)
    """,
)

LIES = {
    "missing_posting": (MISSING_POSTING, {"payment without a posting", "number of postings"}),
    "altered_entry": (ALTERED_ENTRY, {"unbalanced posting"}),
    "balanced_but_wrong": (BALANCED_BUT_WRONG, {"settlement without a posting"}),
    "duplicated_allocation": (DUPLICATED_ALLOCATION, {"double allocation"}),
    "altered_custody": (ALTERED_CUSTODY, {"custody chain"}),
    "custody_gap": (CUSTODY_GAP, {"custody chain"}),
    "vanished_goods": (VANISHED_GOODS, {"stock of a lot"}),
    "heavier_crate": (HEAVIER_CRATE, {"grams of a crate"}),
    "forgotten_event": (FORGOTTEN_EVENT, {"left open"}),
    "collected_and_cancelled": (COLLECTED_AND_CANCELLED, {"collected and refunded"}),
    "lost_allocation": (
        LOST_ALLOCATION,
        {"delivery without a door", "collection without a door", "door without a record"},
    ),
    "served_too_few": (SERVED_TOO_FEW, {"served"}),
}  # fmt: skip
