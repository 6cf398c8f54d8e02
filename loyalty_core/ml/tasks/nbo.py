"""Next best offer: which offer a customer would take, among those who take one."""

from loyalty_core.ml.tasks.choice import ChoiceTask
from loyalty_core.warehouse.history import HistoryTable

NBO = ChoiceTask(
    name="nbo",
    title="Next best offer",
    noun="offer model",
    history=HistoryTable(
        "customer_offer_history", "converted_offer_id", "created_at", "DWH_NBO_TRAINING_QUERY", taken="what"
    ),
    score_column="confidence",
    group_column="recommended_offer",
)
