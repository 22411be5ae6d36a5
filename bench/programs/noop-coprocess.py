import json
import sys

for line in sys.stdin:
    run = json.loads(line)["run"]
    sys.stdout.write(json.dumps({"run": run, "completed": True}) + "\n")
    sys.stdout.flush()
