"""Readings in partitions by week of the device's clock, and their hourly roll-ups."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

PARTED = """
CREATE TABLE telemetry_reading (
    probe_id bigint NOT NULL,
    ts timestamptz NOT NULL,
    at timestamptz NOT NULL,
    c double precision NOT NULL,
    raw_c double precision NOT NULL,
    door_open boolean NOT NULL,
    trust varchar(8) NOT NULL,
    device varchar(32) NOT NULL,
    boot bigint NOT NULL,
    seq bigint NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT telemetry_reading_pkey PRIMARY KEY (device, boot, seq, ts)
) PARTITION BY RANGE (ts);
CREATE INDEX reading_by_time ON telemetry_reading (probe_id, at);
CREATE INDEX reading_by_arrival ON telemetry_reading USING brin (received_at);
CREATE TABLE telemetry_reading_other PARTITION OF telemetry_reading DEFAULT;
"""
WHOLE_TO_PARTED = f"""
ALTER TABLE telemetry_reading RENAME TO telemetry_reading_whole;
ALTER INDEX reading_by_time RENAME TO reading_whole_by_time;
ALTER INDEX telemetry_reading_pkey RENAME TO telemetry_reading_whole_pkey;
{PARTED}
INSERT INTO telemetry_reading
SELECT probe_id, at, at, c, raw_c, door_open, trust, device, boot, seq, received_at FROM telemetry_reading_whole;
DROP TABLE telemetry_reading_whole;
"""


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(WHOLE_TO_PARTED, migrations.RunSQL.noop)],
            state_operations=[
                migrations.DeleteModel("Reading"),
                migrations.CreateModel(
                    name="Reading",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "device", "boot", "seq", "ts", blank=True, editable=False,
                                primary_key=True, serialize=False,
                            ),
                        ),
                        ("ts", models.DateTimeField()),
                        ("at", models.DateTimeField()),
                        ("c", models.FloatField()),
                        ("raw_c", models.FloatField()),
                        ("door_open", models.BooleanField(default=False)),
                        (
                            "trust",
                            models.CharField(
                                choices=[
                                    ("good", "可信"),
                                    ("by_mono", "按单调时钟推算"),
                                    ("unplaced", "无法校准"),
                                ],
                                default="good",
                                max_length=8,
                            ),
                        ),
                        ("device", models.CharField(max_length=32)),
                        ("boot", models.BigIntegerField()),
                        ("seq", models.BigIntegerField()),
                        ("received_at", models.DateTimeField()),
                        (
                            "probe",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="readings",
                                to="telemetry.probe",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["probe", "at"], name="reading_by_time"),
                            django.contrib.postgres.indexes.BrinIndex(
                                fields=["received_at"], name="reading_by_arrival"
                            ),
                        ],
                    },
                ),
            ],
        ),
        migrations.AddField(
            "probe",
            "outside_at",
            models.DateTimeField(null=True, help_text="its latest reading outside the band"),
        ),
        migrations.RunSQL(
            "UPDATE telemetry_probe AS p SET outside_at = (SELECT max(at) FROM telemetry_reading AS r"
            " WHERE r.probe_id = p.id AND (r.c < p.min_c OR r.c > p.max_c))",
            migrations.RunSQL.noop,
        ),
        migrations.AddIndex(
            "probe",
            models.Index(
                condition=models.Q(("review_since__isnull", False)), fields=["id"], name="probe_to_review"
            ),
        ),
        migrations.CreateModel(
            name="ReadingHour",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "probe_id", "hour", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("readings", models.PositiveIntegerField()),
                ("lowest_c", models.FloatField()),
                ("highest_c", models.FloatField()),
                ("mean_c", models.FloatField(null=True)),
                ("mkt_c", models.FloatField(null=True)),
                ("known_s", models.FloatField()),
                ("unknown_s", models.FloatField()),
                ("outside_s", models.FloatField(help_text="outside the band of the probe")),
                (
                    "unverified",
                    models.PositiveIntegerField(help_text="readings without a valid certificate"),
                ),
                (
                    "probe",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hours",
                        to="telemetry.probe",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RollUpMark",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("upto", models.DateTimeField()),
            ],
        ),
    ]
