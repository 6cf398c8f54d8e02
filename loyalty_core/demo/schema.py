"""Tables of the demo warehouse that hold what happened, and how simulated rows go into them."""

import duckdb
import pyarrow as pa

from loyalty_core.demo.block import Block
from loyalty_core.demo.offers import OFFERS

TABLES = """
    CREATE TABLE customers (
        customer_id VARCHAR, first_name VARCHAR, last_name VARCHAR, full_name VARCHAR, email VARCHAR,
        gender VARCHAR, birth_date DATE, city VARCHAR, region VARCHAR, country VARCHAR, signup_date DATE,
        preferred_channel VARCHAR, marketing_consent BOOLEAN, email_verified BOOLEAN, phone_verified BOOLEAN,
        last_login_at TIMESTAMP
    );
    CREATE TABLE transactions (
        transaction_id BIGINT, customer_id VARCHAR, transaction_at TIMESTAMP, amount DECIMAL(10, 2),
        items INTEGER, category VARCHAR, channel VARCHAR, reduced BOOLEAN, days_late INTEGER,
        points_earned INTEGER, points_redeemed INTEGER
    );
    CREATE TABLE offers (
        offer_id INTEGER, name VARCHAR, offer_type VARCHAR, description VARCHAR,
        cost DECIMAL(8, 2), margin DECIMAL(4, 2), channel VARCHAR
    );
    CREATE TABLE offer_responses (
        customer_id VARCHAR, sent_at TIMESTAMP, opened_at TIMESTAMP, offer_id INTEGER, converted_at TIMESTAMP
    );
    CREATE TEMP TABLE history_customers (customer_id VARCHAR);
    CREATE TEMP TABLE signals (
        customer_id VARCHAR, as_of DATE, online_share DOUBLE, discount_share DOUBLE, last_order_days_late INTEGER,
        last_basket_price_rise_pct DOUBLE, store_distance_km DOUBLE, moved_away_km DOUBLE,
        bonus_points_expiring INTEGER, bonus_points_expire_in_days INTEGER, points_redeemed_share DOUBLE,
        app_visits_per_month DOUBLE, app_use_change_pct DOUBLE
    );
    CREATE TEMP TABLE treatments (
        customer_id VARCHAR, treated_at TIMESTAMP, treated BOOLEAN, channel VARCHAR, outcome BOOLEAN, spend DOUBLE
    );
"""
COMMENTS = """
    COMMENT ON TABLE customers IS 'Members of the programme, one row each';
    COMMENT ON TABLE transactions IS 'Baskets, one row each; amounts in euros';
    COMMENT ON TABLE offers IS 'The eight offers of the monthly mailing';
    COMMENT ON TABLE offer_responses IS
        'Monthly mailings of the last year, one row per member and mailing; a member may redeem one offer';
    COMMENT ON COLUMN offer_responses.offer_id IS 'The offer redeemed; blank when none was';
    COMMENT ON COLUMN offer_responses.converted_at IS 'When the offer was redeemed, at a purchase';
    COMMENT ON COLUMN transactions.reduced IS 'Whether the basket was bought at a reduced price';
    COMMENT ON COLUMN transactions.days_late IS
        'Days by which an order arrived late; blank for purchases in a store and orders still on their way';
    COMMENT ON COLUMN offers.cost IS 'Cost of one redemption in euros';
    COMMENT ON COLUMN offers.margin IS 'Margin on the basket with which it is redeemed, as a share';
"""
INSERT_CUSTOMERS = """
    INSERT INTO customers BY NAME
    SELECT
        * EXCLUDE (number, email_domain),
        first_name || ' ' || last_name AS full_name,
        replace(translate(lower(first_name || '.' || last_name), 'øåäö', 'oaao'), 'æ', 'ae')
            || number || '@' || email_domain AS email
    FROM rows"""


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the empty tables, and fill `offers`."""
    connection.execute(TABLES)
    connection.execute(COMMENTS)
    numbered = [[number, *offer] for number, offer in enumerate(OFFERS, start=1)]
    connection.executemany("INSERT INTO offers VALUES (?, ?, ?, ?, ?, ?, ?)", numbered)


def insert_block(connection: duckdb.DuckDBPyConnection, block: Block) -> None:
    """Add the rows of one block of members; names become full names and addresses that cannot belong to anyone.

    What only the history tables and the features view are made of is in temporary tables: members with a history,
    signals, and treatments.
    """
    _insert(connection, INSERT_CUSTOMERS, block.customers)
    _insert(connection, "INSERT INTO transactions BY NAME SELECT * FROM rows", block.transactions)
    _insert(connection, "INSERT INTO offer_responses BY NAME SELECT * FROM rows", block.responses)
    _insert(connection, "INSERT INTO signals BY NAME SELECT * FROM rows", block.signals)
    _insert(connection, "INSERT INTO treatments BY NAME SELECT * FROM rows", block.treatments)
    if block.plan.with_history:
        _insert(connection, "INSERT INTO history_customers SELECT customer_id FROM rows", block.customers)


def _insert(connection: duckdb.DuckDBPyConnection, statement: str, rows: pa.Table) -> None:
    connection.register("rows", rows)
    try:
        connection.execute(statement)
    finally:
        connection.unregister("rows")
