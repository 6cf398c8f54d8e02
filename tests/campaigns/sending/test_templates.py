import pytest

from loyalty_core.campaigns.sending.templates import BadTemplate, faults_of, names_in, render, require_usable

COLUMNS = ["first_name", "city", "total_revenue"]


@pytest.mark.parametrize(
    "template",
    [
        "",
        "No variable",
        "Dear {{ customer.first_name | default: 'customer' }}, {{ offer.name }} of {{ campaign.name }}",
        "{% if customer.city == 'Oslo' %}Hei{% else %}Hello{% endif %} {{ unsubscribe_url }} {{ preferences_url }}",
        "{% assign name = customer.first_name | capitalize %}{{ name }}",
        "{{ customer['city'] }} {{ customer.total_revenue | round: 2 }}",
    ],
)
def test_what_can_be_used_has_no_fault(template: str):
    assert faults_of(template, COLUMNS) == []


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{{ customer.firstname }}", "There is no customer.firstname. Did you mean customer.first_name?"),
        ("{{ custmer.city }}", "There is no custmer. Did you mean customer?"),
        ("{{ offer.price }}", "There is no offer.price."),
        ("{{ customer }}", "Write one value of customer, such as {{ customer.first_name }}."),
        ("{{ customer.city.name }}", "Write one value of customer, such as {{ customer.first_name }}."),
        ("{{ unsubscribe_url.x }}", "unsubscribe_url has no parts."),
        ("{{ customer.city | shout }}", "There is no filter shout."),
        ("{% include 'secrets' %}", "The tag include cannot be used."),
    ],
)
def test_a_fault_is_named_with_the_nearest_name(template: str, fault: str):
    assert faults_of(template, COLUMNS) == [fault]


def test_a_template_that_cannot_be_read_is_refused():
    with pytest.raises(BadTemplate, match="There is no offer"):
        require_usable(["{{ customer.city }}", "{{ offer.prize }}"], COLUMNS)
    with pytest.raises(BadTemplate, match="The template cannot be read"):
        require_usable(["{% if customer.city %}"], COLUMNS)


@pytest.mark.parametrize(
    ("template", "text", "missing"),
    [
        ("Dear {{ customer.first_name }}", "Dear ", ("customer.first_name",)),
        ("Dear {{ customer.first_name | default: 'you' }}", "Dear you", ()),
        ("{{ customer.first_name | upcase }}{{ customer.first_name }}", "", ("customer.first_name",)),
        ("{% if customer.first_name %}Dear{% else %}Hi{% endif %}", "Hi", ()),
        ("{{ customer.first_name | append: '!' }}", "!", ("customer.first_name",)),
        ("{% assign name = customer.first_name %}{{ name }}", "", ("customer.first_name",)),
        ("{{ customer.total_revenue | plus: 1 }}", "11.5", ()),
        ("{{ customer.points | plus: 1 }}", "1", ("customer.points",)),
        ("{{ offer.name }}", "", ("offer.name",)),
    ],
)
def test_missing_values_are_noted(template: str, text: str, missing: tuple[str, ...]):
    rendered = render(template, {"customer": {"city": "Oslo", "total_revenue": 10.5}, "offer": {}})
    assert (rendered.text, rendered.missing) == (text, missing)


def test_a_template_in_the_data_of_a_customer_stays_text():
    rendered = render("{{ customer.city }}", {"customer": {"city": "{{ campaign.name }}{% if %}"}})
    assert rendered.text == "{{ campaign.name }}{% if %}"


@pytest.mark.parametrize(
    "bomb",
    [
        "{% for i in (1..100000) %}{% for j in (1..100000) %}x{% endfor %}{% endfor %}",
        "{% for i in (1..9999) %}{{ customer.city }}{% endfor %}",
        "{% assign a = customer.city %}" + "{% assign a = a | append: a %}" * 20 + "{{ a }}",
    ],
)
def test_a_template_that_takes_too_much_is_stopped(bomb: str):
    with pytest.raises(BadTemplate, match="The text could not be rendered"):
        render(bomb, {"customer": {"city": "x" * 50}})


def test_the_variables_of_a_text_are_known():
    assert names_in("{{ unsubscribe_url }} {% if customer.city %}x{% endif %}") == {"unsubscribe_url", "customer"}
