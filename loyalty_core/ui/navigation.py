"""The list of screens, as data: the sidebar, links between pages and tests all read it."""

from dataclasses import dataclass

import streamlit as st
from streamlit.navigation.page import Page

from loyalty_core.access import Action, may
from loyalty_core.errors import LoyaltyError


@dataclass(frozen=True)
class Screen:
    """One page: its file under pages/, name and icon in the sidebar, address, the action it needs, and section."""

    file: str
    title: str
    icon: str
    path: str
    action: Action
    section: str = ""


CUSTOMER_PARAMETER = "customer_id"

OVERVIEW = Screen("overview.py", "Overview", ":material/space_dashboard:", "overview", Action.VIEW)
CUSTOMERS = Screen("customers.py", "Customers", ":material/person_search:", "customers", Action.VIEW, "Explore")
SEGMENTS = Screen("segments.py", "Segments", ":material/groups:", "segments", Action.VIEW, "Explore")
CHURN = Screen("churn.py", "Churn", ":material/person_off:", "churn", Action.VIEW, "Predict")
RFM = Screen("rfm.py", "RFM", ":material/grid_on:", "rfm", Action.VIEW, "Predict")
OFFERS = Screen("offers.py", "Next best offer", ":material/local_offer:", "offers", Action.VIEW, "Predict")
CAMPAIGNS = Screen("campaigns.py", "Campaigns", ":material/campaign:", "campaigns", Action.VIEW, "Act")
FLIGHT_RECORDER = Screen("flight_recorder.py", "Flight recorder", ":material/route:", "recorder", Action.VIEW, "Act")
TRAINING = Screen("training.py", "Training", ":material/model_training:", "training", Action.VIEW, "Operate")
SYSTEM_HEALTH = Screen(
    "system_health.py", "System health", ":material/monitor_heart:", "health", Action.VIEW, "Operate"
)
DOCUMENTATION = Screen(
    "documentation.py", "Documentation", ":material/menu_book:", "documentation", Action.VIEW, "Operate"
)
CONNECT = Screen("connect.py", "Connect data", ":material/upload_file:", "connect", Action.CONNECT_DATA, "Administer")
ACCESS = Screen("access.py", "Access", ":material/admin_panel_settings:", "access", Action.MANAGE_ACCESS, "Administer")
AUDIT = Screen("audit.py", "Audit", ":material/history:", "audit", Action.READ_AUDIT, "Administer")

SCREENS = (
    OVERVIEW,
    SEGMENTS,
    CUSTOMERS,
    CHURN,
    OFFERS,
    RFM,
    CAMPAIGNS,
    FLIGHT_RECORDER,
    TRAINING,
    SYSTEM_HEALTH,
    DOCUMENTATION,
    CONNECT,
    ACCESS,
    AUDIT,
)


def current_page() -> tuple[Screen, Page]:
    """Draw the navigation, with the screens that the viewer may use, and return the one that was chosen."""
    sections: dict[str, list[Page]] = {}
    screens: dict[str, Screen] = {}
    for screen in SCREENS:
        page = st.Page(
            f"pages/{screen.file}",
            title=screen.title,
            icon=screen.icon,
            # The default page is served at / and only there; _open_overview has its path.
            url_path="home" if screen is OVERVIEW else screen.path,
            default=screen is OVERVIEW,
            # Not left out, so that a link to it says what is missing.
            visibility="visible" if _is_allowed(screen) else "hidden",
        )
        sections.setdefault(screen.section, []).append(page)
        screens[page.url_path] = screen
    alias = st.Page(_open_overview, title=OVERVIEW.title, url_path=OVERVIEW.path, visibility="hidden")
    sections[OVERVIEW.section].append(alias)
    page = st.navigation(sections, expanded=True)
    return screens.get(page.url_path, OVERVIEW), page


def _is_allowed(screen: Screen) -> bool:
    try:
        return may(screen.action)
    except LoyaltyError:  # in an outage, the page says so
        return False


def _open_overview() -> None:
    """Links to /overview work too."""
    st.switch_page(f"pages/{OVERVIEW.file}", query_params=st.query_params.to_dict())
