"""Handlers under awslambdaric, one a function."""

import os
import sys
import time

if os.environ["_HANDLER"] == "handler.init":
    raise RuntimeError("cannot begin")


def echo(event, context):
    print("echoing", len(str(event)), "characters")
    return event


def error(event, context):
    raise LookupError("no such gift")


def panic(event, context):
    sys.exit("out of buckets")


def timeout(event, context):
    time.sleep(3600)


def size(event, context):
    return "x" * (event - 2)


def context(event, context):
    custom = context.client_context.custom if context.client_context else {}
    return {
        "id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "custom": custom.get("who"),
        "soon": context.get_remaining_time_in_millis() < 60000,
        "name": context.function_name,
        "memory": int(context.memory_limit_in_mb),
    }


def exit(event, context):
    os._exit(event)


def init(event, context):
    return None
