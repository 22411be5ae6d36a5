# A shell job of the fault campaign: KEY KIND TRIES MILLISECONDS. Its ledger and its host come as settings.
key=$1 kind=$2 tries=$3 ms=$4

note() {
  printf '%s %s %s %s %s %s %s\n' \
    "$1" "$key" "$RBIT_ATTEMPT" "$RBIT_SETTING_HOST" "$$" "$(date +%s%3N)" "$2" >>"$RBIT_SETTING_LEDGER"
}
end() {
  note end "$1"
  exit "$2"
}

# Held by every process of the job, so it is free only when the last of them is dead.
exec 9>>"$RBIT_SETTING_LOCKS/$RBIT_SETTING_HOST.$key"
flock -n 9 || note overlap -
trap 'end aborted 143' TERM
note begin -
[ "$ms" = 0 ] || sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
case $kind in
  crash-out) end crashed 3 ;;
  crash) [ "$RBIT_ATTEMPT" -gt "$tries" ] || end crashed 3 ;;
  blocked) [ "$RBIT_ATTEMPT" -gt "$tries" ] || end blocked 75 ;;
  endless) sleep 600 ;;
esac
end done 0
