"""A correction is the exact opposite of what it names: the database looks at both sides at the commit."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION ledger_check_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM ledger_ledgerentry e WHERE e.transaction_id IN (NEW.id, NEW.reverses_id)
         GROUP BY e.account_id HAVING sum(e.amount_fen) <> 0
    ) THEN
        RAISE EXCEPTION 'ledger transaction % is not the opposite of % that it reverses', NEW.id, NEW.reverses_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_reversal_opposes AFTER INSERT ON ledger_ledgertransaction
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.reverses_id IS NOT NULL)
EXECUTE FUNCTION ledger_check_reversal();
"""

BACKWARD = """
DROP TRIGGER ledger_reversal_opposes ON ledger_ledgertransaction;
DROP FUNCTION ledger_check_reversal();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_settlements")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
