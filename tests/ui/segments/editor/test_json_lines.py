"""Lines of a rule's places, and texts that are no rule."""

import json

import pytest

from loyalty_core.rules import RuleError, compile_rule
from loyalty_core.ui.segments.editor.json_lines import lines_of, read_rule

RULE = """{
  "and": [
    {"==": [{"var": "city"}, "a, \\"b\\" } ] \\n"]},
    {
      ">":
        [
        {"var": "age"},
        "x"
      ]
    },
    {"!": {
      "var": "vip"
    }},
    {"in": [{"var": "tier"}, [
      "gold",
      "silver"
    ]]},
    {
      "my op.x[0]": 1
    }
  ]
}"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("$", 1),
        ("$.and", 2),
        ("$.and[0]", 3),
        ("$.and[0].==[1]", 3),
        ("$.and[1]", 4),
        ("$.and[1].>", 5),
        ("$.and[1].>[0]", 7),
        ("$.and[1].>[0].var", 7),
        ("$.and[1].>[1]", 8),
        ("$.and[2]", 11),
        ("$.and[2].!", 11),
        ("$.and[2].!.var", 12),
        ("$.and[3].in[1]", 14),
        ("$.and[3].in[1][1]", 16),
        ('$.and[4]["my op.x[0]"]', 19),
    ],
)
def test_each_place_has_its_line(path: str, line: int):
    assert lines_of(RULE, [path])[path] == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("$.and[1].>[7]", 5),
        ("$.and[9]", 2),
        ("$.or[1].>", 1),
        ("$.and[1].>[0].var.deeper", 7),
        ("", 1),
        ("nonsense", 1),
    ],
)
def test_a_place_that_is_not_there_has_the_line_around_it(path: str, line: int):
    assert lines_of(RULE, [path])[path] == line


def test_the_paths_of_faults_are_found():
    text = json.dumps({"or": [{"tody": [1]}, {"weird op": []}, {"and": [{">": [1]}]}, [1, float("nan")]]}, indent=1)
    with pytest.raises(RuleError) as caught:
        compile_rule(read_rule(text), [])
    lines = lines_of(text, [fault.path for fault in caught.value.faults])
    rows = text.splitlines()
    shown = {path: rows[line - 1].strip() for path, line in lines.items()}
    assert shown == {
        "$.or[0].tody": '"tody": [',
        '$.or[1]["weird op"]': '"weird op": []',
        "$.or[2].and[0].>": '">": [',
        "$.or[3][1]": "NaN",
    }


def test_a_key_written_with_escapes_is_the_same_key():
    assert lines_of('{\n"\\u0061nd": [\n1]}', ["$.and[0]"])["$.and[0]"] == 3


@pytest.mark.parametrize("text", ["", "]", "}}", '{"and', '{"and": [1,', "{{{", ":::", '{"a\\', "\x00", '{"\\u12": 1}'])
def test_a_text_that_is_not_json_still_has_lines(text: str):
    assert lines_of(text, ["$.and[1].>"])["$.and[1].>"] == 1


def test_what_was_written_before_the_fault_is_found():
    assert lines_of('{\n"and": [\n1,\n{">": [', ["$.and[1].>"])["$.and[1].>"] == 4


def test_depth_and_length_are_no_matter():
    deep = "[" * 200_000 + "\n1"
    assert list(lines_of(deep, ["$" + "[0]" * 2_000]).values()) == [1]
    long = '{"in": [{"var": "x"}, [\n' + ",\n".join(f'"{number}"' for number in range(100_000)) + '],\n"' + "é" * 10**6
    assert lines_of(long, ["$.in[1][99999]", "$.in[2]"]) == {"$.in[1][99999]": 100_001, "$.in[2]": 100_002}


def test_a_text_is_read():
    assert read_rule('{"==": [{"var": "x"}, 1]}') == {"==": [{"var": "x"}, 1]}
    assert read_rule(" \n") == {}


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ('{\n "and" []}', "bad_json", "line 2, column 8"),
        ('{"and": [1 2]}', "bad_json", "line 1, column 12"),
        ("{'and': []}", "bad_json", "line 1, column 2"),
        ('{"and": [1], "and": [2]}', "repeated_key", '"and" more than once'),
        ('{">": [' + "9" * 5_000 + ", 1]}", "number_too_large", "thousands of digits"),
        ("[" * 100_000 + "]" * 100_000, "too_deep", "nested too deep"),
    ],
)
def test_a_text_that_is_no_json_is_one_fault(text: str, code: str, part: str):
    with pytest.raises(RuleError) as caught:
        read_rule(text)
    (fault,) = caught.value.faults
    assert (fault.code, fault.path) == (code, "$")
    assert part in fault.sentence
    assert fault.remedy
