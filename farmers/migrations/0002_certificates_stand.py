"""A certificate is never edited, only replaced: the database refuses every other change."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER certificate_never_edited BEFORE UPDATE ON farmers_certificate FOR EACH ROW
WHEN ((OLD.farmer_id, OLD.number, OLD.commitment, OLD.basis, OLD.product_name, OLD.quantity, OLD.unit,
       OLD.origin, OLD.issued_on, OLD.issuer, OLD.contact, OLD.file_id, OLD.sha256, OLD.recorded_at)
      IS DISTINCT FROM
      (NEW.farmer_id, NEW.number, NEW.commitment, NEW.basis, NEW.product_name, NEW.quantity, NEW.unit,
       NEW.origin, NEW.issued_on, NEW.issuer, NEW.contact, NEW.file_id, NEW.sha256, NEW.recorded_at)
      OR (OLD.replaced_by_id IS NOT NULL AND OLD.replaced_by_id IS DISTINCT FROM NEW.replaced_by_id))
EXECUTE FUNCTION refuse_change();
CREATE TRIGGER certificate_never_deleted BEFORE DELETE ON farmers_certificate FOR EACH ROW
EXECUTE FUNCTION refuse_change();
"""
BACKWARD = """
DROP TRIGGER certificate_never_edited ON farmers_certificate;
DROP TRIGGER certificate_never_deleted ON farmers_certificate;
"""


class Migration(migrations.Migration):
    dependencies = [("farmers", "0001_initial"), ("database", "0002_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
