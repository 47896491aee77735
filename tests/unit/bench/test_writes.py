import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from bench.writes import CountedWrites

KEY = {"requestId": {"S": "r1"}}
ITEM = {**KEY, "text": {"S": "x" * 2000}}


@mock_aws
def test_a_write_uses_the_units_of_the_item_as_it_has_become():
    client = boto3.client("dynamodb", region_name="us-east-1")
    client.create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "requestId", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "requestId", "AttributeType": "S"}],
    )
    counted = CountedWrites(client)
    client.put_item(TableName="t", Item=ITEM)
    assert (counted.writes, counted.units) == (1, 2)
    change = {"UpdateExpression": "SET more = :more", "ExpressionAttributeValues": {":more": {"S": "y" * 100}}}
    client.update_item(TableName="t", Key=KEY, **change)
    assert (counted.writes, counted.units) == (2, 5)
    put = {"TableName": "t", "Item": ITEM | {"requestId": {"S": "r2"}}}
    client.transact_write_items(TransactItems=[{"Update": {"TableName": "t", "Key": KEY, **change}}, {"Put": put}])
    assert (counted.writes, counted.units) == (3, 15), "A transaction writes each item twice."
    missing = {"requestId": {"S": "r3"}}
    with pytest.raises(ClientError):
        client.update_item(TableName="t", Key=missing, ConditionExpression="attribute_exists(requestId)", **change)
    assert (counted.writes, counted.units) == (4, 16)
