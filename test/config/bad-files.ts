/** An INI file that cannot be used, and the line that has to say so. */
export interface BadFile {
  readonly name: string;
  readonly text: string;
  /** Matches the whole line, whatever stands before the file's name. */
  readonly expected: RegExp;
}

const RBIT = '[rbit]\nqueue-mappings = q:r\n';
const AMQP = '[amqp]\nhost = localhost\n';
const RUNNER = '[runner:r]\nrunner = shell!true\n';

/** A file is usable but for one thing, in the lines added at its end: line 7 and following. */
const inRunner = (...lines: string[]): string => `${RBIT}${AMQP}${RUNNER}${lines.join('\n')}\n`;
/** As inRunner, in `[amqp]`. */
const inAmqp = (...lines: string[]): string => `${RBIT}${RUNNER}${AMQP}${lines.join('\n')}\n`;
/** As inRunner, in `[rbit]`. */
const inRbit = (...lines: string[]): string => `${AMQP}${RUNNER}${RBIT}${lines.join('\n')}\n`;
/** `queue-mappings` is line 6. */
const mapped = (value: string): string => `${AMQP}${RUNNER}[rbit]\nqueue-mappings = ${value}\n`;

const bad = (name: string, text: string, after: string): BadFile => ({
  name,
  text,
  expected: new RegExp(`^[^\\n]*\\.ini${RegExpEscape(after)}$`, 'm'),
});

/** One of each kind of mistake. `expected` begins after the file's name. */
export const badFiles: readonly BadFile[] = [
  bad('an empty file', '', ': no [rbit] section (add [rbit] with queue-mappings = QUEUE:RUNNER)'),
  bad('no [rbit]', AMQP + RUNNER, ': no [rbit] section (add [rbit] with queue-mappings = QUEUE:RUNNER)'),
  bad(
    'no queue-mappings',
    `[rbit]\nname = x\n${AMQP}${RUNNER}`,
    ':1: [rbit] queue-mappings: missing (add queue-mappings = QUEUE:RUNNER)',
  ),
  bad('empty queue-mappings', mapped(''), ':6: [rbit] queue-mappings: empty (write QUEUE:RUNNER)'),
  bad(
    'text before the first section',
    `name = x\n${RBIT}${AMQP}${RUNNER}`,
    ':1: text before the first section (begin with a line such as [rbit])',
  ),
  bad(
    'a key without a value',
    inRunner('keep-failed'),
    ':7: [runner:r]: neither KEY = VALUE nor a [SECTION] (add "=", or indent the line if it belongs to the value above)',
  ),
  bad(
    'a value without a key',
    inRunner('= 3'),
    ':7: [runner:r]: a value without a key (write it as KEY = VALUE)',
  ),
  bad(
    'an indented line with no key before it',
    `${RBIT}${RUNNER}[amqp]\n  host = localhost\n`,
    ':6: [amqp]: an indented line with no key before it (remove the white space before it)',
  ),
  bad(
    'a header without a bracket',
    inRunner('[runner:x'),
    ':7: [runner:r]: a section header without a name or without "]" (write it as [NAME])',
  ),
  bad(
    'a NUL character',
    inRunner('x = a\0b'),
    ':7: [runner:r]: the line has a NUL character (is this a text file? remove it)',
  ),
  bad('an unknown section', inRunner('[rbitt]'), ':7: [rbitt]: unknown section (did you mean [rbit]?)'),
  bad(
    'a misspelt [amqp]',
    `${RBIT}${RUNNER}[ampq]\nhost = localhost\n`,
    ':5: [ampq]: unknown section (did you mean [amqp]?)',
  ),
  bad(
    'an [amqp] by another name',
    `${RBIT}${RUNNER}[rabbitmq]\nhost = localhost\n`,
    ':5: [rabbitmq]: unknown section (did you mean [amqp]?)',
  ),
  bad(
    'an indented [amqp]',
    `${RBIT}${RUNNER}  [amqp]\n`,
    ':5: [runner:r] runner: an indented [amqp] is part of this value (remove the white space before it)',
  ),
  bad(
    'a state folder of another user',
    inRbit('state-dir = ~bob/state'),
    ':7: [rbit] state-dir: ~bob is not filled in (write ~/ for your own home folder, or the whole path)',
  ),
  bad(
    'a section unlike any',
    inRunner('[weather]'),
    ':7: [weather]: unknown section (known: rbit, include, amqp, http, queue:NAME, runner:NAME, processor:NAME, DEFAULT)',
  ),
  bad(
    'a misspelt runner section',
    inRunner('[runer:pdf]'),
    ':7: [runer:pdf]: unknown section (did you mean [runner:pdf]?)',
  ),
  bad(
    'a runner section with a space',
    inRunner('[runner pdf]'),
    ':7: [runner pdf]: unknown section (did you mean [runner:pdf]?)',
  ),
  bad('a section in capitals', inRunner('[AMQP]'), ':7: [AMQP]: unknown section (did you mean [amqp]?)'),
  bad(
    'a runner without a name',
    inRunner('[runner:]', 'runner = shell!true'),
    ':7: [runner:]: a runner without a name (write [runner:NAME])',
  ),
  bad(
    'a runner named by spaces',
    inRunner('[runner:  ]', 'runner = shell!true'),
    ':7: [runner:  ]: a runner without a name (write [runner:NAME])',
  ),
  bad(
    'spaces around a name',
    inRunner('[queue: q]'),
    ':7: [queue: q]: spaces around the name (write [queue:q])',
  ),
  bad('a misspelt [http]', inRunner('[htpp]'), ':7: [htpp]: unknown section (did you mean [http]?)'),
  bad(
    'a port to listen on without its host',
    inRunner('[http]', 'listen = 9464'),
    ':8: [http] listen = "9464": a port needs its host (try 127.0.0.1:9464)',
  ),
  bad(
    'a port to listen on after nothing',
    inRunner('[http]', 'listen = :9464'),
    ':8: [http] listen = ":9464": a port needs its host (try 127.0.0.1:9464)',
  ),
  bad(
    'an address to listen on without its port',
    inRunner('[http]', 'listen = localhost'),
    ':8: [http] listen = "localhost": not an address to listen on (try 127.0.0.1:9464)',
  ),
  bad(
    'an IPv6 address to listen on without its port',
    inRunner('[http]', 'listen = ::1'),
    ':8: [http] listen = "::1": an address without a port (try [::1]:9464)',
  ),
  bad(
    'brackets around something else',
    inRunner('[http]', 'listen = [localhost]:9464'),
    ':8: [http] listen = "[localhost]:9464": no IPv6 address in the brackets (try [::1]:9464)',
  ),
  bad(
    'a URL to listen on',
    inRunner('[http]', 'listen = http://127.0.0.1:9464/'),
    ':8: [http] listen = "http://127.0.0.1:9464/": not an address to listen on (write HOST:PORT, without http://)',
  ),
  bad(
    'every address as a star',
    inRunner('[http]', 'listen = *:9464'),
    ':8: [http] listen = "*:9464": not the name or address of a host (for every address write 0.0.0.0)',
  ),
  bad(
    'a port that is too large',
    inRunner('[http]', 'listen = 127.0.0.1:70000'),
    ':8: [http] listen = "127.0.0.1:70000": a port out of range (0 to 65535)',
  ),
  bad(
    'a port to listen on by itself',
    inRunner('[http]', 'port = 9464'),
    ':8: [http] port: unknown key (did you mean listen?)',
  ),
  bad(
    'a processor of one’s own without a module',
    inRunner('[processor:x]'),
    ':7: [processor:x] module: missing (add module = ./FILE.ts)',
  ),
  bad(
    'a processor of one’s own by a name that is taken',
    inRunner('[processor:shell]', 'module = ./x.ts'),
    ':7: [processor:shell]: shell! is there already (choose another name)',
  ),
  bad(
    'a processor of one’s own that no line could name',
    inRunner('[processor:a!b]', 'module = ./x.ts'),
    ':7: [processor:a!b]: a name with "!" or white space in it (choose another name)',
  ),
  bad(
    'a misspelt key of a processor',
    inRunner('[processor:x]', 'modul = ./x.ts'),
    ':8: [processor:x] modul: unknown key (did you mean module?)',
  ),
  bad(
    'an underscore for a hyphen',
    `${AMQP}${RUNNER}[rbit]\nqueue_mappings = q:r\n`,
    ':6: [rbit] queue_mappings: unknown key (did you mean queue-mappings?)',
  ),
  bad(
    'an unknown key',
    inAmqp('pasword = hunter22'),
    ':7: [amqp] pasword: unknown key (did you mean password?)',
  ),
  bad(
    'a key by another name',
    inAmqp('vhost = /x'),
    ':7: [amqp] vhost: unknown key (did you mean virtual_host?)',
  ),
  bad(
    'a key of a section that has lost its header',
    `${RBIT}${RUNNER}[include]\n# [amqp]\nhost = mq\n`,
    ':7: [include] host: unknown key (it belongs in [amqp])',
  ),
  bad(
    'a key of every runner',
    inRbit('timeout = 5m'),
    ':7: [rbit] timeout: unknown key (it belongs in [runner:NAME])',
  ),
  bad(
    'a key unlike any',
    `${inRunner()}[queue:q]\nlazy = yes\n`,
    ':9: [queue:q] lazy: unknown key (known: bind, queue-type, dead-letter)',
  ),
  bad(
    'a mapping without a runner',
    mapped('abc'),
    ':6: [rbit] queue-mappings = "abc": a queue without a runner (write abc:RUNNER)',
  ),
  bad(
    'a mapping with nothing after the colon',
    mapped('y:'),
    ':6: [rbit] queue-mappings = "y:": no runner after ":" (write y:RUNNER)',
  ),
  bad(
    'a mapping with nothing before the colon',
    mapped(':r'),
    ':6: [rbit] queue-mappings = ":r": no queue before ":" (write QUEUE:r)',
  ),
  bad(
    'a mapping with two colons',
    mapped('q:r\n  a:b:c'),
    ':7: [rbit] queue-mappings = "a:b:c": more than one ":" (neither name can have a ":" in it; write QUEUE:RUNNER)',
  ),
  bad(
    'a comment behind a mapping',
    mapped('q:r ; the only one'),
    ':6: [rbit] queue-mappings = "q:r ; the only one": not QUEUE:RUNNER (move the comment to a line of its own)',
  ),
  bad(
    'a mapping to an unknown runner',
    `${AMQP}[rbit]\nqueue-mappings = q:pfd\n[runner:pdf]\nrunner = shell!true\n`,
    ':4: [rbit] queue-mappings = "q:pfd": there is no [runner:pfd] (did you mean pdf?)',
  ),
  bad(
    'a runner section without a line',
    `${RBIT}${AMQP}[runner:r]\ntimeout = 1m\n`,
    ':5: [runner:r] runner: missing (add runner = PROCESSOR!SPEC, such as shell!COMMAND or module!./FILE.ts)',
  ),
  bad(
    'a runner line without a mark',
    `${RBIT}${AMQP}[runner:r]\nrunner = echo hi\n`,
    ':6: [runner:r] runner = "echo hi": no "!" in it (write PROCESSOR!SPEC, such as shell!COMMAND or module!./FILE.ts)',
  ),
  bad(
    'an empty runner line',
    `${RBIT}${AMQP}[runner:r]\nrunner = shell!\n`,
    ':6: [runner:r] runner = "shell!": nothing after "!" (write PROCESSOR!SPEC, such as shell!COMMAND or module!./FILE.ts)',
  ),
  bad(
    'a misspelt processor',
    `${RBIT}${AMQP}[runner:r]\nrunner = Shel!true\n`,
    ':6: [runner:r] runner = "Shel!true": unknown processor Shel (did you mean shell? known: shell, exec, module, coprocess, python)',
  ),
  bad(
    'an unknown processor',
    `${RBIT}${AMQP}[runner:r]\nrunner = perl!a.b:c\n`,
    ':6: [runner:r] runner = "perl!a.b:c": unknown processor perl (known: shell, exec, module, coprocess, python)',
  ),
  bad(
    'a bad duration',
    inRunner('timeout = 10x'),
    ':7: [runner:r] timeout = "10x": not a duration (try 10s, 10m, 2h)',
  ),
  bad(
    'a duration without a unit',
    inRunner('timeout = 10'),
    ':7: [runner:r] timeout = "10": a duration needs a unit (try 10s, 10m, 2h)',
  ),
  bad(
    'a timeout of nothing',
    inRunner('timeout = 0s'),
    ':7: [runner:r] timeout = "0s": too short (for no limit write none)',
  ),
  bad(
    'a duration no timer can wait',
    inRunner('timeout = 25d'),
    ':7: [runner:r] timeout = "25d": too long (at most 24d)',
  ),
  bad(
    'a comment behind a typed value',
    inRunner('concurrency = 4 ; cores'),
    ':7: [runner:r] concurrency = "4 ; cores": not a whole number (move the comment to a line of its own)',
  ),
  bad(
    'a number out of range',
    inRunner('concurrency = 0'),
    ':7: [runner:r] concurrency = "0": out of range (1 to 65535)',
  ),
  bad(
    'a negative number',
    inRunner('retries = -1'),
    ':7: [runner:r] retries = "-1": out of range (0 or more)',
  ),
  bad(
    'neither yes nor no',
    inRunner('keep-failed = maybe'),
    ':7: [runner:r] keep-failed = "maybe": not yes or no (write yes or no)',
  ),
  bad(
    'a misspelt word',
    inRbit('log-level = wran'),
    ':7: [rbit] log-level = "wran": not one of trace, debug, info, warn, error, fatal (did you mean warn?)',
  ),
  bad(
    'a range that runs backwards',
    inRunner('blocked-delay = 15m..30s'),
    ':7: [runner:r] blocked-delay = "15m..30s": the range ends before it begins (try 30s..15m)',
  ),
  bad(
    'half a range',
    inRunner('retry-delay = 10s..'),
    ':7: [runner:r] retry-delay = "10s..": not a delay (try 30s or 30s..15m)',
  ),
  bad(
    'an exit code out of range',
    inRunner('blocked-codes = 75 300'),
    ':7: [runner:r] blocked-codes = "75 300": "300" is out of range (0 to 255)',
  ),
  bad(
    'one exit code with two meanings',
    inRunner('success-codes = 0 75'),
    ':7: [runner:r] success-codes: 75 is in blocked-codes as well (leave it out of one of them; by default blocked-codes is 75)',
  ),
  bad(
    'no exit code for success',
    inRunner('success-codes ='),
    ':7: [runner:r] success-codes: empty: no job could ever complete (write 0, or remove it)',
  ),
  bad(
    'a path with a hole',
    inRunner('required = dynamic..cart'),
    ':7: [runner:r] required = "dynamic..cart": "dynamic..cart" is not a path into the message (names with dots between, such as dynamic.cart)',
  ),
  bad(
    'a folder that is not there',
    inRunner('cwd = ./nowhere'),
    ':7: [runner:r] cwd: no such folder (create it; relative ones start at the INI file)',
  ),
  bad(
    'a bad name of a variable',
    inRunner('env.A-B = 1'),
    ':7: [runner:r] env.A-B: not the name of a variable (env. and then letters, digits and _)',
  ),
  bad(
    'a variable that is taken',
    inRunner('env.RBIT_QUEUE = 1'),
    ':7: [runner:r] env.RBIT_QUEUE: RBIT_ is for what rbit-ts itself tells a job (choose another name)',
  ),
  bad(
    'a size without digits',
    inRunner('memory = big'),
    ':7: [runner:r] memory = "big": not a size (try 64K, 10M, 2G)',
  ),
  bad(
    'no memory at all',
    inRunner('memory = 0'),
    ':7: [runner:r] memory = "0": too small (try 64K, 10M, 2G)',
  ),
  bad(
    'a bad regular expression',
    inRunner('redact = (a'),
    ':7: [runner:r] redact = "(a": Invalid regular expression: /(a/gm: Unterminated group (one a line, as JavaScript writes them between its slashes)',
  ),
  bad(
    'two bad regular expressions',
    inRunner('redact = x*', '  fine', '  y*'),
    ':7: [runner:r] redact = "x*\\nfine\\ny*": x* matches even nothing; y* matches even nothing (make it match what is secret)',
  ),
  bad(
    'a program with an argument',
    inRunner('runner = python!m:f', 'python = /usr/bin/env python3'),
    ':8: [runner:r] python = "/usr/bin/env python3": not one program (write its name or its path, without arguments; it is rbit-ts\'s own key: a setting of your own needs another name, here and in the .py)',
  ),
  bad(
    'a key of a Python runner that is one of ours',
    inRunner('runner = python!m:f', 'timeout = 30'),
    ':8: [runner:r] timeout = "30": a duration needs a unit (try 10s, 10m, 2h; it is rbit-ts\'s own key: a setting of your own needs another name, here and in the .py)',
  ),
  bad(
    'a processor by the name of one of ours',
    inRunner('[processor:shell]', 'module = ./x.ts'),
    ':7: [processor:shell]: shell! is there already (choose another name)',
  ),
  bad(
    'an empty user that undoes nothing',
    inRunner('user ='),
    ':7: [runner:r] user: empty (write something after "=", or remove it)',
  ),
  bad(
    'an expression that matches everywhere',
    inRunner('redact = x*'),
    ':7: [runner:r] redact = "x*": x* matches even nothing (make it match what is secret)',
  ),
  bad(
    'an expression that can take for ever',
    inRunner(String.raw`redact = (a)\1`),
    String.raw`:7: [runner:r] redact = "(a)\1": (a)\1 can be made to take for ever (no look-around, no back-reference, and no more than 16 repetitions at once: \d{13}\d{0,6} for \d{13,19})`,
  ),
  bad('a nice that is none', inRunner('nice = 20'), ':7: [runner:r] nice = "20": out of range (-20 to 19)'),
  bad(
    'acknowledging some other time',
    inRunner('ack = later'),
    ':7: [runner:r] ack = "later": not one of done, receipt (write done or receipt)',
  ),
  bad(
    'isolation by something else',
    inRunner('isolation = container'),
    ':7: [runner:r] isolation = "container": not one of thread, process, none (write thread or process or none)',
  ),
  bad(
    'notifications without an exchange',
    inRunner('notify = yes'),
    ':7: [runner:r] notify: there is no exchange to notify (add exchange to [amqp])',
  ),
  bad(
    'a binding without an exchange',
    `${inRunner()}[queue:q]\nbind = worker.q\n`,
    ':9: [queue:q] bind: there is no exchange to bind to (add exchange to [amqp])',
  ),
  bad(
    'a queue that is its own dead-letter queue',
    `${inRunner()}[queue:q]\ndead-letter = q\n`,
    ':9: [queue:q] dead-letter: the queue itself (write another name, or remove it for q.dead)',
  ),
  bad('a port out of range', inAmqp('port = 70000'), ':7: [amqp] port = "70000": out of range (1 to 65535)'),
  bad(
    'a host with a port',
    `${RBIT}${RUNNER}[amqp]\nhost = mq:5672\n`,
    ':6: [amqp] host: not the name or address of a host (a port goes into port, a URL into url)',
  ),
  bad(
    'a user without a password',
    inAmqp('user = bob'),
    ':7: [amqp] user: there is no password for it (add password)',
  ),
  bad(
    'both a URL and a host',
    inAmqp('url = amqp://mq'),
    ':6: [amqp] host: url (line 7) says this already (remove host or url)',
  ),
  bad(
    'a URL of another kind',
    `${RBIT}${RUNNER}[amqp]\nurl = http://mq\n`,
    ':6: [amqp] url: not an amqp:// or amqps:// URL (write amqp://USER:PASSWORD@HOST:PORT/VHOST)',
  ),
  bad(
    'a URL with a bad port',
    `${RBIT}${RUNNER}[amqp]\nurl = amqp://mq\n  amqp://mq:99999\n`,
    ':7: [amqp] url: its port is out of range (1 to 65535)',
  ),
  bad(
    'a certificate without its key',
    inAmqp('ssl = yes', 'cert-file = worker.ini'),
    ':8: [amqp] cert-file: a certificate needs its key (add key-file)',
  ),
  bad(
    'an authority without TLS',
    inAmqp('ca-file = /etc/hostname'),
    ':7: [amqp] ca-file: means nothing without TLS (add ssl = yes, or write amqps:// in url)',
  ),
  bad(
    'a certificate file that is not there',
    inAmqp('ssl = yes', 'ca-file = nowhere.pem'),
    ':8: [amqp] ca-file = "nowhere.pem": no such file (check the path)',
  ),
  bad(
    'a heartbeat too fast',
    inAmqp('heartbeat = 100ms'),
    ':7: [amqp] heartbeat = "100ms": too short (at least 1s)',
  ),
  bad(
    'a name too long',
    inAmqp(`exchange = ${'x'.repeat(256)}`),
    `:7: [amqp] exchange = "${'x'.repeat(60)}…": longer than 255 bytes (AMQP has no room for more)`,
  ),
  bad(
    'a variable that is not set',
    inRunner('x = ${env:NOT_SET_ANYWHERE}'),
    ':7: [runner:r] x: ${env:NOT_SET_ANYWHERE}: no such environment variable (set NOT_SET_ANYWHERE where rbit-ts is started)',
  ),
  bad(
    'a secret file that is not there',
    inRunner('x = ${file:nowhere}'),
    ':7: [runner:r] x: ${file:nowhere}: no such file (check the path)',
  ),
  bad(
    'a reference without an end',
    inRunner('x = ${env:HOME'),
    ':7: [runner:r] x: ${env: without "}" (add "}", or write $${ for a plain ${)',
  ),
  bad(
    'an include that is not there',
    inRunner('[include]', 'files = nowhere.conf'),
    ':8: [include] files: nowhere.conf: no such file (check the path)',
  ),
];

function RegExpEscape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
