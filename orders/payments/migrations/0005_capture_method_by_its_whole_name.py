from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0004_transfers")]

    operations = [
        migrations.AlterField(
            model_name="paymentintent",
            name="capture_method",
            field=models.CharField(default="automatic", max_length=20),
        ),
    ]
