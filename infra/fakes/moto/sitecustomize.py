"""moto 5.2.1 copies the whole table once for every item of a transaction, to be able to undo it: a thousand rows take
minutes and gigabytes. One copy a transaction undoes as well. It also lets no two transactions cross."""

import copy
import threading

from moto.dynamodb import models
from moto.dynamodb.models.table import Table

carried_out = models.DynamoDBBackend.transact_write_items
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
    with one_at_a_time:
        models.copy = Once()
        try:
            return carried_out(self, transact_items)
        finally:
            models.copy = copy


models.DynamoDBBackend.transact_write_items = transact_write_items
