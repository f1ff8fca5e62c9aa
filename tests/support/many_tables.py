"""A database of many tables as SQLAlchemy makes it, with what people add by hand over the years."""

from __future__ import annotations

from random import Random

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from .servers import Server

TABLES = 300

_SUBJECTS = ("order", "invoice", "stock", "user", "Audit", "shipment", "price list", "tag", "address", "payment")

_BY_HAND = """
CREATE SCHEMA reporting;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed_at := now(); RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch();
CREATE VIEW reporting.active AS SELECT id, name FROM customers WHERE NOT is_deleted;
CREATE MATERIALIZED VIEW reporting.by_day AS SELECT date_trunc('day', changed_at) AS day, count(*) FROM customers GROUP BY 1;
CREATE UNIQUE INDEX ON reporting.by_day (day);
CREATE TABLE measurements (id bigint, taken_at timestamptz NOT NULL, value numeric) PARTITION BY RANGE (taken_at);
CREATE TABLE measurements_2025 PARTITION OF measurements FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE measurements_rest PARTITION OF measurements DEFAULT;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY; CREATE POLICY everybody ON customers USING (true);
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%'); ALTER TABLE customers ADD COLUMN contact email;
INSERT INTO customers (name) SELECT 'customer ' || n FROM generate_series(1, 1000) AS n;
"""


def make_tables(server: Server, database: str) -> None:
    """Makes the tables in a database that is empty."""
    random, metadata = Random(300), sa.MetaData()
    made = [
        sa.Table(
            "customers",
            metadata,
            sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
            sa.Column("name", sa.Text, nullable=False, index=True),
            sa.Column("is_deleted", sa.Boolean, nullable=False, server_default=sa.false()),
            sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        )
    ]
    while len(made) < TABLES:
        number = len(made)
        made.append(_table(random, metadata, f"{random.choice(_SUBJECTS)}_{number}", made))
    info = server.conninfo
    engine = sa.create_engine(
        sa.URL.create("postgresql+psycopg", username=str(info["user"]), database=database),
        connect_args={"host": str(info["host"]), "port": str(info["port"])},
    )
    metadata.create_all(engine)
    engine.dispose()
    with server.connect(database) as session:
        session.execute(_BY_HAND.encode())


def _table(random: Random, metadata: sa.MetaData, name: str, others: list[sa.Table]) -> sa.Table:
    columns: list[sa.Column[object] | sa.Constraint | sa.Index] = [
        sa.Column("id", random.choice((sa.Integer, sa.BigInteger, UUID)), primary_key=True)
        if random.random() < 0.3
        else sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True)
    ]
    kinds = (
        sa.Text(), sa.String(80), sa.Numeric(10, 2), sa.Date(), sa.DateTime(timezone=True), JSONB(), ARRAY(sa.Integer),
        sa.Enum("new", "it's done", name=f"state of {name}"), sa.Boolean(), sa.SmallInteger(),
    )  # fmt: skip
    for number in range(random.randint(2, 9)):
        kind = random.choice(kinds)
        columns.append(
            sa.Column(
                f"{random.choice(('Value', 'note', 'total', 'order'))}_{number}",
                kind,
                nullable=random.random() < 0.7,
                comment="it's what it says" if random.random() < 0.2 else None,
                index=not isinstance(kind, JSONB) and random.random() < 0.2,
            )
        )
    for other in random.sample(others, min(len(others), random.randint(0, 2))):
        key = other.c.id
        columns.append(sa.Column(f"{other.name}_id", key.type, sa.ForeignKey(key, ondelete="CASCADE")))
    columns.append(sa.CheckConstraint("id IS NOT NULL", name=f"{name} is named"))
    return sa.Table(name, metadata, *columns)
