"""A company's own files as a local warehouse in one DuckDB file."""

from loyalty_core.loading.behaviour import behaviour_features
from loyalty_core.loading.column_questions import id_by_name
from loyalty_core.loading.customer_columns import CustomerColumns
from loyalty_core.loading.file_format import FileFormat
from loyalty_core.loading.from_features import load_features
from loyalty_core.loading.from_transactions import load_transactions
from loyalty_core.loading.offers_file import OffersFile
from loyalty_core.loading.purchase_questions import PurchaseColumns
from loyalty_core.loading.report import LoadReport, describe_warehouse
from loyalty_core.loading.warehouse_file import read_source, record_source, write_warehouse

__all__ = [
    "CustomerColumns",
    "FileFormat",
    "LoadReport",
    "OffersFile",
    "PurchaseColumns",
    "behaviour_features",
    "describe_warehouse",
    "id_by_name",
    "load_features",
    "load_transactions",
    "read_source",
    "record_source",
    "write_warehouse",
]
