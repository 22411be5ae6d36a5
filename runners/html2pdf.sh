#!/bin/sh
# Makes a PDF of a web page, or of HTML, with whichever of chromium, wkhtmltopdf and weasyprint is there.
#
#   [runner:page2pdf]
#   runner = shell!sh runners/html2pdf.sh %ID.pdf %{parameters.url}
#   output-dir = /srv/pdf
#   allow = https://docs.example.com/* https://wiki.example.com/*
#
# Job:    {"parameters": {"url": "https://docs.example.com/m9003"}}, with the property correlation_id = m9003
# Reply:  {"status": "completed"}, and /srv/pdf/m9003.pdf is there
#
#   [runner:html2pdf]
#   runner = shell!sh runners/html2pdf.sh %ID.pdf
#   output-dir = /srv/pdf
#   body = any
#
# Job:    <h1>Hello</h1>, the message as it is
#
# `allow`: the URLs that a message may name, as patterns of the shell; http://* https://* by default. End a host with a
# slash, and begin it with no *, or another URL can be made to fit. What a page itself loads is not looked at, except
# that it gets no file of this machine; one that is a file (only if a pattern such as file:///srv/pages/* lets it) may.
# A page that cannot be fetched fails the job; with chromium only where there is curl to find out, too.
#
# `chromium-options = --no-sandbox` is for containers and for root, where chromium has no sandbox: it then trusts the page.
#
# Exit status 127 when none of the three is installed: the queue waits until one is.

set -euf

fail() {
  echo "html2pdf: $1" >&2
  exit "${2-1}"
}

# What the job itself has wrong is never tried again.
refuse() {
  printf '{"failed": "%s"}\n' "$1" >>"${RBIT_REPORT:-/dev/stderr}"
  exit 1
}

name=${1-}
url=${2-}
dir=${RBIT_SETTING_OUTPUT_DIR-}

# The name is made of the job's id, which whoever sent the job has chosen.
case $name in
  '' | .* | -* | */* | *[![:print:]]*) refuse 'the job id makes no name of a file: letters and digits do' ;;
esac
[ "${#name}" -le 200 ] || refuse 'the job id is too long for the name of a file'
[ -d "$dir" ] && [ -w "$dir" ] || fail "output-dir \"$dir\" is no folder that can be written to" 126
[ ! -d "$dir/$name" ] || fail "$dir/$name is a folder"

if [ $# -ge 2 ]; then
  case $url in
    *[![:graph:]]*) refuse 'the URL has a blank or a control character in it' ;;
    file:*..* | file:*%*) refuse 'a file: URL is to have neither .. nor % in it' ;;
  esac
  allowed=no
  for pattern in ${RBIT_SETTING_ALLOW:-http://* https://*}; do
    # shellcheck disable=SC2254 # A pattern is meant to be one.
    case $url in $pattern) allowed=yes ;; esac
  done
  [ "$allowed" = yes ] || refuse 'the URL is not on the list (the setting allow)'
fi

has() { command -v "$1" >/dev/null 2>&1; }

chromium=
for program in chromium chromium-browser google-chrome google-chrome-stable; do
  if [ -z "$chromium" ] && has "$program"; then chromium=$program; fi
done

# A run that was killed leaves a part behind, which the next one replaces.
part=$dir/.$name.part
work=$(mktemp -d)
trap 'rm -rf "$work" "$part"' EXIT
trap 'exit 143' HUP INT TERM
rm -f "$part"

# Where there is no page to print, chromium prints that. Without curl it stays so.
require_page() {
  case $1 in
    http*) ! has curl || curl --fail --silent --show-error --location --globoff --output /dev/null "$1" ;;
  esac
}

by_chromium() {
  # shellcheck disable=SC2086 # Several options.
  "$chromium" --headless --disable-gpu --no-first-run --user-data-dir="$work/profile" \
    ${RBIT_SETTING_CHROMIUM_OPTIONS-} --no-pdf-header-footer --print-to-pdf="$part" "$1"
}

by_wkhtmltopdf() {
  case $1 in
    file:*) wkhtmltopdf --quiet --enable-local-file-access "$1" "$part" ;;
    *) wkhtmltopdf --quiet --disable-local-file-access "$1" "$part" ;;
  esac
}

# Its command would fetch file: for anybody who writes it into a page, so it is called from its own Python.
by_weasyprint() {
  read -r python <"$(command -v weasyprint)"
  # shellcheck disable=SC2086 # The program, and options of its own.
  ${python#??} -c '
import sys, weasyprint
source, target = sys.argv[1:]
def fetch(url, *args, **options):
    if not url.startswith(("http:", "https:", "data:")) and url != source:
        raise ValueError("not fetched: " + url)
    return weasyprint.default_url_fetcher(url, *args, **options)
page = dict(string=sys.stdin.buffer.read().decode()) if source == "-" else dict(url=source)
weasyprint.HTML(url_fetcher=fetch, **page).write_pdf(target)
' "$1" "$part"
}

# As a URL of its own, HTML is of no origin and reads no file; it has to fit into one argument.
html_as_url() {
  html=$(base64 | tr -d '\n')
  [ "${#html}" -le 131000 ] || refuse 'more than 96 KiB of HTML need wkhtmltopdf or weasyprint'
  html="data:text/html;charset=utf-8;base64,$html"
}

if [ $# -ge 2 ]; then
  if [ -n "$chromium" ]; then
    require_page "$url"
    by_chromium "$url"
  elif has wkhtmltopdf; then by_wkhtmltopdf "$url"
  elif has weasyprint; then by_weasyprint "$url"
  else fail 'install chromium, wkhtmltopdf or weasyprint' 127; fi
else
  if has wkhtmltopdf; then by_wkhtmltopdf -
  elif has weasyprint; then by_weasyprint -
  elif [ -n "$chromium" ]; then html_as_url && by_chromium "$html"
  else fail 'install chromium, wkhtmltopdf or weasyprint' 127; fi
fi

[ -s "$part" ] || fail 'no PDF was made'
mv -f "$part" "$dir/$name"
echo "$dir/$name"
