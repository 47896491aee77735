"""Values have the form in DynamoDB that boto3 gives them, without its import."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from runcast.record.items import from_item, to_item
from runcast.record.model import RunStatus

VALUES = [
    "",
    "中",
    RunStatus.COMPLETE,
    True,
    False,
    0,
    -7,
    10**37,
    Decimal("0.312"),
    Decimal("1E-5"),
    [],
    ("a", 1),
    {},
    {"steps": [{"seq": 1, "elapsed": Decimal("0.1"), "nothing": None, "ok": True}]},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_are_converted_as_boto3_does(value):
    item = to_item({"x": value})
    assert item == {"x": TypeSerializer().serialize(value)}
    assert from_item(item) == {"x": TypeDeserializer().deserialize(item["x"])}


@pytest.mark.parametrize("value", [0.5, b"bytes", {"a"}], ids=repr)
def test_what_no_item_holds_is_refused(value):
    with pytest.raises(TypeError, match="cannot hold"):
        to_item({"x": value})


def test_an_attribute_of_another_type_is_refused():
    with pytest.raises(TypeError, match="of the type B"):
        from_item({"x": {"B": b"bytes"}})


def test_the_store_does_not_import_boto3():
    program = "import sys, runcast.record.store, runcast.live.publish; print('boto3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
