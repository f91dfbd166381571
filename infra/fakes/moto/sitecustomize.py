"""moto 5.2.1 copies the whole table once for every item of a transaction, to be able to undo it: a thousand rows take
minutes and gigabytes. One copy a transaction undoes as well. It also checks a condition and then writes, and lets others
write in between: here one request to DynamoDB is carried out after the other, whichever process sends them."""

import copy
import threading

from moto.dynamodb import models
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

carried_out = models.DynamoDBBackend.transact_write_items
answered = DynamoHandler.call_action
one_at_a_time = threading.Lock()


class Once:
    def __init__(self):
        self.copies = {}

    def deepcopy(self, thing):
        if not isinstance(thing, Table):
            return copy.deepcopy(thing)
        if id(thing) not in self.copies:
            self.copies[id(thing)] = copy.deepcopy(thing)
        return self.copies[id(thing)]


def transact_write_items(self, transact_items):
    models.copy = Once()
    try:
        return carried_out(self, transact_items)
    finally:
        models.copy = copy


def call_action(self):
    with one_at_a_time:
        return answered(self)


models.DynamoDBBackend.transact_write_items = transact_write_items
DynamoHandler.call_action = call_action
