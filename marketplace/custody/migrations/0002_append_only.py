from django.db import migrations

FORWARD = """
CREATE TRIGGER custody_append_only BEFORE UPDATE OR DELETE ON custody_custodyevent
FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("custody", "0001_initial"), ("database", "0002_append_only")]
    operations = [migrations.RunSQL(FORWARD, "DROP TRIGGER custody_append_only ON custody_custodyevent")]
