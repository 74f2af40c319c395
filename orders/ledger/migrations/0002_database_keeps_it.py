"""The promises that no code of ours can break: append-only, balanced, sealed."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER ledger_account_stays BEFORE UPDATE OR DELETE ON ledger_ledgeraccount
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_transaction_append_only BEFORE UPDATE OR DELETE ON ledger_ledgertransaction
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE ON ledger_ledgerentry
FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION ledger_check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    id_ bigint := CASE WHEN TG_TABLE_NAME = 'ledger_ledgertransaction' THEN NEW.id
                       ELSE (to_jsonb(NEW) ->> 'transaction_id')::bigint END;
    row_ record;
BEGIN
    SELECT t.entry_count AS sealed, count(e.id) AS found, coalesce(sum(e.amount_fen), 0) AS total,
           count(*) FILTER (WHERE a.currency <> t.currency OR e.occurred_at <> t.occurred_at) AS strange
      INTO row_
      FROM ledger_ledgertransaction t
      LEFT JOIN ledger_ledgerentry e ON e.transaction_id = t.id
      LEFT JOIN ledger_ledgeraccount a ON a.id = e.account_id
     WHERE t.id = id_ GROUP BY t.entry_count;
    IF row_.total <> 0 THEN
        RAISE EXCEPTION 'ledger transaction % does not balance: %', id_, row_.total
            USING ERRCODE = 'check_violation';
    END IF;
    IF row_.found <> row_.sealed OR row_.strange <> 0 THEN
        RAISE EXCEPTION 'ledger transaction % is sealed with % entries, found %', id_, row_.sealed, row_.found
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_transaction_balances AFTER INSERT ON ledger_ledgertransaction
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_balance();
CREATE CONSTRAINT TRIGGER ledger_entry_balances AFTER INSERT ON ledger_ledgerentry
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_balance();
"""

BACKWARD = """
DROP TRIGGER ledger_entry_balances ON ledger_ledgerentry;
DROP TRIGGER ledger_transaction_balances ON ledger_ledgertransaction;
DROP FUNCTION ledger_check_balance();
DROP TRIGGER ledger_entry_append_only ON ledger_ledgerentry;
DROP TRIGGER ledger_transaction_append_only ON ledger_ledgertransaction;
DROP TRIGGER ledger_account_stays ON ledger_ledgeraccount;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial"), ("database", "0002_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
