#!/bin/sh
# Numbers the jobs that it is given, for as long as it lives.
#
#   [runner:coprocess-hello]
#   runner = coprocess!sh runners/coprocess-hello.sh
#
# Job:    {}
# Reply:  {"status": "completed"}
#
# A shell cannot read JSON, but it can cut out the run, which comes first. Give what else it needs of the request to a
# program that can, like jq.

jobs=0
while IFS= read -r request; do
  run=${request#*\"run\":\"}
  run=${run%%\"*}
  jobs=$((jobs + 1))
  echo "job $jobs of process $$"
  printf '{"run":"%s","completed":true}\n' "$run"
done
