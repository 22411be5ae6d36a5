#!/usr/bin/env python3
# Greets whoever the job names, from a process that stays warm.
#
#   [runner:coprocess-hello-python]
#   runner = coprocess!python3 runners/coprocess-hello.py
#   concurrency = 2
#   greeting = Hello
#
# Job:    {"parameters": {"name": "World"}}
# Reply:  {"status": "completed", "data": "Hello, World!"}

import json
import sys


def greet(job, settings, say):
    name = job["body"].get("parameters", {}).get("name")
    if not isinstance(name, str):
        return {"failed": "parameters.name is missing"}
    say(progress=50, message="thinking of " + name)
    return {"completed": True, "data": settings.get("greeting", "Hello") + ", " + name + "!"}


for line in sys.stdin.buffer:
    request = json.loads(line)

    def say(**answer):
        # Flushed, for what lies in a buffer is not said.
        print(json.dumps({"run": request["run"], **answer}), flush=True)

    try:
        say(**greet(request["job"], request["settings"], say))
    except Exception as error:
        say(crashed=repr(error))
