import pytest

from loyalty_core.errors import SettingsError
from loyalty_core.settings import split_table_name


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("customers", (None, "customers")),
        ("dwh.customers", ("dwh", "customers")),
        ("lake.dwh.customers", ("lake.dwh", "customers")),
        ('"odd schema"."my view"', ("odd schema", "my view")),
        ('dwh."a.b"', ("dwh", "a.b")),
        ('"say ""hi"""', (None, 'say "hi"')),
        ("kunder_ø", (None, "kunder_ø")),
        (" customers ", (None, "customers")),
    ],
)
def test_reads_what_people_write(written: str, parts: tuple[str | None, str]):
    assert split_table_name(written) == parts


@pytest.mark.parametrize(
    "written", ["", " ", ".", "a.", ".a", "a..b", '"', '"a', 'a"b"', '"a"b', '""', "a.b.c.d", "a. .b"]
)
def test_refuses_the_rest(written: str):
    with pytest.raises(SettingsError) as refusal:
        split_table_name(written)
    assert "is not the name of a table" in str(refusal.value)
    assert refusal.value.remedy
