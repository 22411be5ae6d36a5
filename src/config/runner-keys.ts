import { key, optional } from './key.ts';
import { COMMANDS, PROCESSES, WARM, type Way } from './processors.ts';
import { patterns } from './patterns.ts';
import {
  bodyPath,
  boolean,
  choice,
  delayRange,
  duration,
  durationOrNone,
  integer,
  list,
  program,
  size,
  sizeOrNone,
  text,
} from './values.ts';

const ANY_MODULE: readonly Way[] = ['module thread', 'module process', 'module none'];
const count = integer(0, Number.MAX_SAFE_INTEGER);
const exitCodes = list(integer(0, 255));

/** Every key of `[runner:NAME]` that is not the runner's own. */
export const runnerKeys = {
  runner: key(text(), '', 'PROCESSOR!SPEC: what a job runs; required.', { verbatim: true }),
  concurrency: key(integer(1, 65_535), '1', 'How many jobs run at once.', {
    aliases: ['prefetch', 'workers'],
  }),
  timeout: key(durationOrNone(1), '25m', 'How long a job may run; none for no limit.'),
  'kill-grace': key(duration(), '10s', 'How long a job that has to end may take before it is killed.'),
  'blocked-delay': key(
    delayRange(1),
    '30s',
    'How long a blocked job waits; a range such as 30s..15m doubles.',
  ),
  'blocked-limit': key(count, '0', 'How often a job may be blocked before it fails; 0 for no limit.'),
  retries: key(count, '0', 'How often a job runs again after a failure that nobody declared final.'),
  'retry-delay': key(delayRange(1), '10s..10m', 'How long a job waits before a retry.'),
  'crash-limit': key(
    integer(1, Number.MAX_SAFE_INTEGER),
    '3',
    'How often the daemon may die with a job in hand before its message is dead-lettered.',
  ),
  'keep-failed': key(boolean, 'no', 'Put failed jobs on the dead-letter queue as well.'),
  ack: key(
    choice(['done', 'receipt']),
    'done',
    'When a message is acknowledged: at the end of its job, or when it is written to disk.',
  ),
  'on-restart': key(
    choice(['fail', 'rerun']),
    'fail',
    'With ack = receipt: what becomes of a job whose daemon died while it was in hand.',
  ),
  body: key(choice(['json', 'any']), 'json', 'What a message may hold.'),
  required: key(list(bodyPath), '', 'Paths into the message without which a job fails before it starts.'),
  'idle-timeout': key(
    durationOrNone(1),
    'none',
    'How long a job may say nothing: no output, no progress; none for no limit.',
    { aliases: ['no-output-timeout'] },
  ),
  'max-output': key(
    sizeOrNone,
    'none',
    'How much of what a job prints is shown and published; the job goes on; none for all.',
  ),
  redact: key(
    patterns,
    '',
    'Regular expressions, one a line: what they match in output, progress and replies becomes ***.',
  ),
  cwd: optional(text({ min: 1 }), 'Folder that jobs run in, relative to the INI file.', {
    ways: PROCESSES,
  }),
  user: optional(text({ min: 1 }), 'User that jobs run as; needs root.', {
    ways: PROCESSES,
    isPromise: true,
  }),
  group: optional(text({ min: 1 }), 'Group that jobs run as; that of user if absent.', {
    ways: PROCESSES,
    isPromise: true,
  }),
  nice: optional(integer(-20, 19), 'Priority of jobs, from -20 (first) to 19 (last).', {
    ways: PROCESSES,
  }),
  memory: optional(
    size,
    'Memory of one job; by a cgroup where the daemon may make one, else of each process (ulimit -v).',
    { ways: [...PROCESSES, 'module thread'], isPromise: true },
  ),
  output: key(boolean, 'yes', 'Publish each line a job prints, if there is an exchange.'),
  notify: key(boolean, 'no', 'Publish the notifications that a message asks for.'),
  'success-codes': key(exitCodes, '0', 'Exit codes that complete a job.', { ways: COMMANDS }),
  'blocked-codes': key(exitCodes, '75', 'Exit codes that mean: not now.', { ways: COMMANDS }),
  'unavailable-codes': key(exitCodes, '126 127', 'Exit codes that mean: this runner cannot be started.', {
    ways: COMMANDS,
  }),
  'warm-start': key(
    boolean,
    'yes',
    'Jobs are forked by small processes that are ready for them; no: by the daemon, which stands still meanwhile.',
    { ways: COMMANDS },
  ),
  isolation: key(
    choice(['thread', 'process', 'none']),
    'thread',
    'What keeps a module apart from the daemon.',
    { ways: ANY_MODULE },
  ),
  threads: optional(integer(1, 1024), 'Threads for a module; the cores, at most concurrency, if absent.', {
    ways: ['module thread'],
  }),
  'max-jobs': key(
    count,
    '0',
    'How many jobs a process works before another takes its place; 0 for no limit.',
    {
      ways: WARM,
    },
  ),
  python: key(program, 'python3', 'The Python that runs the callable; a path is relative to the INI file.', {
    ways: ['python'],
  }),
};
