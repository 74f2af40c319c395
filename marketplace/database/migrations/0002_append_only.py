"""A trigger function for tables that only grow: custody, ledger."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("database", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, "DROP FUNCTION refuse_change()")]
