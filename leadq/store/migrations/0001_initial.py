"""Laravel's three tables with Laravel's column names, and leadq's own beside them.

Another program may INSERT into `jobs` with Laravel's columns alone, so every column added to them has a
default in the database itself.
"""

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    CharField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    SqliteDatabase,
    TextField,
)
from playhouse.sqlite_ext import AutoIncrementField

from leadq.store.ddl import MYSQL_TABLE, create_missing


class LongTextField(TextField):
    """MySQL's TEXT ends at 64 kB; SQLite reads the type as TEXT."""

    field_type = "LONGTEXT"


def up(migrator, db):
    # without AUTOINCREMENT SQLite gives a deleted row's id to the next one: a job's id must stay its own
    sqlite = isinstance(db, SqliteDatabase)
    key = AutoIncrementField if sqlite else BigAutoField
    zero = [SQL("DEFAULT 0")]

    class Base(Model):
        class Meta:
            database = db
            legacy_table_names = False
            table_settings = () if sqlite else MYSQL_TABLE

    class Users(Base):
        id = key()
        name = CharField()
        email = CharField()
        # the address folded, since it is unique whatever its case; that makes up to three letters of one
        email_key = CharField(max_length=400, unique=True)
        active = IntegerField(constraints=[SQL("DEFAULT 1")])
        last_lead_at = BigIntegerField(constraints=zero)  # who has waited longest comes first
        last_lead_id = BigIntegerField(constraints=zero)  # … and decides within one second
        created_at = BigIntegerField()

        class Meta:
            table_name = "users"
            indexes = ((("active", "last_lead_at", "last_lead_id", "id"), False),)

    class Leads(Base):
        id = key()
        name = CharField()
        email = CharField()
        phone = CharField(null=True)
        company = CharField(null=True)
        source = CharField(null=True)
        message = LongTextField(null=True)
        user = ForeignKeyField(Users, null=True)
        created_at = BigIntegerField(index=True)
        # reckoned by the database, so that rows of other programs have it, too
        email_key = CharField(null=True, constraints=[SQL("GENERATED ALWAYS AS (LOWER(email)) STORED")])

        class Meta:
            table_name = "leads"
            indexes = ((("email_key",), False),)

    class Deliveries(Base):
        id = key()
        uuid = CharField(max_length=64, unique=True)
        lead = ForeignKeyField(Leads)
        user = ForeignKeyField(Users)
        status = CharField(max_length=16)
        attempts = IntegerField(constraints=zero)
        message_id = CharField(null=True)
        reply = TextField(null=True)
        error = TextField(null=True)
        queued_at = BigIntegerField()
        sent_at = BigIntegerField(null=True)
        test = IntegerField(constraints=zero)  # tells nothing about the lead's own notification

        class Meta:
            table_name = "deliveries"

    class DeliveryEvents(Base):
        id = key()
        uuid = CharField(max_length=64, index=True)
        at = BigIntegerField()
        event = CharField(max_length=32)
        attempt = IntegerField(null=True)
        detail = TextField(null=True)

        class Meta:
            table_name = "delivery_events"

    class Workers(Base):
        id = key()
        name = CharField()
        host = CharField()
        pid = IntegerField()
        pid_space = CharField(max_length=128)  # the boot and the pid namespace in which pid means something
        pid_started = CharField(max_length=32)  # tells a process from a later one with the same pid
        queues = LongTextField()
        started_at = BigIntegerField()
        seen_at = BigIntegerField()
        done = BigIntegerField(constraints=zero)
        failed = BigIntegerField(constraints=zero)
        paused = IntegerField(constraints=zero)  # by a signal

        class Meta:
            table_name = "workers"

    # a row each, so that no worker waits for another one's
    class JobCounts(Base):
        worker_id = BigIntegerField()
        minute = BigIntegerField(index=True)  # the second in which it begins
        queue = CharField()
        done = IntegerField()
        failed = IntegerField()
        attempts = IntegerField()
        run_ms = BigIntegerField()

        class Meta:
            table_name = "job_counts"
            primary_key = CompositeKey("worker_id", "minute", "queue")

    class Jobs(Base):
        id = key()
        queue = CharField()
        payload = LongTextField()
        attempts = IntegerField(constraints=zero)
        reserved_at = BigIntegerField(null=True)
        available_at = BigIntegerField()
        created_at = BigIntegerField()
        priority = IntegerField(constraints=zero)
        # 0: not looked at yet (delayed, or inserted by another program), 1: due, 2: reserved, 3: held until mail can
        # leave again. The claim reads due rows alone, so that no other ones stand in its way.
        stage = IntegerField(constraints=zero)
        worker_id = BigIntegerField(null=True)
        last_error = TextField(null=True)  # how the attempt before ended
        # NULL until the first claim of a row that another program inserted
        uuid = CharField(max_length=64, null=True)
        batch_id = CharField(max_length=64, null=True)

        class Meta:
            table_name = "jobs"
            indexes = (
                (("queue", "stage", "priority", "id", "available_at"), False),  # the last one for those who count
                (("stage", "available_at"), False),
                (("batch_id",), False),
            )

    class FailedJobs(Base):
        id = key()
        uuid = CharField(max_length=64, unique=True)
        connection = CharField()
        queue = CharField()
        payload = LongTextField()
        exception = LongTextField()
        failed_at = BigIntegerField()
        attempts = IntegerField(constraints=zero)
        priority = IntegerField(constraints=zero)  # so that a retried job keeps its place
        batch_id = CharField(max_length=64, null=True)

        class Meta:
            table_name = "failed_jobs"
            indexes = (
                (("queue", "id"), False),
                (("batch_id", "id"), False),
            )

    # one row while no mail can leave and MAIL_OUTAGE=hold has jobs wait for that
    class MailOutage(Base):
        id = IntegerField(primary_key=True)
        since = BigIntegerField()
        error = TextField()
        probes = IntegerField()
        next_probe_at = BigIntegerField()

        class Meta:
            table_name = "mail_outage"

    # one row: when MAIL_RATE lets the next mail go, in milliseconds
    class MailPace(Base):
        id = IntegerField(primary_key=True)
        next_at_ms = BigIntegerField()

        class Meta:
            table_name = "mail_pace"

    # queues that workers pass over; the one without a name stands for all
    class Pauses(Base):
        queue = CharField(primary_key=True)
        since = BigIntegerField()
        until = BigIntegerField(null=True)  # NULL: until somebody ends it
        reason = TextField(null=True)

        class Meta:
            table_name = "pauses"

    # one row, once there was a restart: how many there were; a worker that finds more than at its start ends
    class RestartSignal(Base):
        id = IntegerField(primary_key=True)
        counter = BigIntegerField()

        class Meta:
            table_name = "restart_signal"

    class JobBatches(Base):
        id = CharField(max_length=64, primary_key=True)
        name = CharField()
        total_jobs = IntegerField()
        pending_jobs = IntegerField()
        failed_jobs = IntegerField()
        failed_job_ids = LongTextField()
        options = LongTextField(null=True)
        cancelled_at = BigIntegerField(null=True)
        created_at = BigIntegerField()
        finished_at = BigIntegerField(null=True)

        class Meta:
            table_name = "job_batches"
            indexes = ((("created_at", "id"), False),)

    create_missing(
        db,
        [
            Users,
            Leads,
            Deliveries,
            DeliveryEvents,
            Workers,
            JobCounts,
            Jobs,
            FailedJobs,
            MailOutage,
            MailPace,
            Pauses,
            RestartSignal,
            JobBatches,
        ],
    )
