import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import type { Outcome } from '../../../src/job/outcome.ts';
import { eventually } from '../../support/eventually.ts';
import { type LogLine, makeContext, makeJob, makeRunner } from '../harness.ts';

async function run(script: string, context = makeContext()) {
  const log: LogLine[] = [];
  const runner = makeRunner(`shell!${script}`, { lines: log });
  await runner.start();
  const outcome = await runner.run(makeJob(), context);
  await runner.stop();
  return { outcome, context, log };
}

const say = (line: string): string => `printf '%s\\n' '${line}' >> "$RBIT_REPORT"; `;

test('progress is heard while the job runs', async () => {
  const context = makeContext();
  const running = run(`${say('{"progress":40,"message":"page 4 of 10"}')} sleep 60`, context);
  await eventually(() => context.steps.length > 0, 'the progress');
  expect(context.steps).toEqual([[40, 'page 4 of 10']]);
  context.abort();
  await running;
});

test.each<[string, string, Outcome]>([
  [
    'data is what the job completes with',
    say('{"data":{"pages":3}}'),
    { kind: 'completed', data: { pages: 3 } },
  ],
  ['data may be null', say('{"data":null}'), { kind: 'completed', data: null }],
  ['the last data counts', say('{"data":1}') + say('{"data":2}'), { kind: 'completed', data: 2 }],
  [
    'data does not make a failure a success',
    `${say('{"data":1}')} exit 3`,
    { kind: 'failed', message: 'exit code 3', retryable: true },
  ],
  [
    'failed is final, whatever the exit code',
    say('{"failed":"no such package"}'),
    { kind: 'failed', message: 'no such package', retryable: false },
  ],
  [
    'failed may have data',
    say('{"failed":"no","data":[1]}'),
    { kind: 'failed', message: 'no', retryable: false, data: [1] },
  ],
  [
    'failed counts with a code of its own, too',
    `${say('{"failed":"no"}')} exit 75`,
    { kind: 'failed', message: 'no', retryable: false },
  ],
  [
    'failed counts when a signal ended the job',
    `${say('{"failed":"no"}')} kill -9 $$`,
    { kind: 'failed', message: 'no', retryable: false },
  ],
  [
    'blocked has a delay of its own',
    say('{"blocked":"10m","reason":"waiting for DB"}'),
    { kind: 'blocked', reason: 'waiting for DB', delayMs: 600_000 },
  ],
  [
    'blocked may leave the delay to the runner',
    `${say('{"blocked":true,"reason":"DB"}')} exit 1`,
    { kind: 'blocked', reason: 'DB' },
  ],
  [
    'blocked with a delay that is none keeps the runner’s',
    say('{"blocked":"soon","reason":"DB"}'),
    { kind: 'blocked', reason: 'DB' },
  ],
  [
    'blocked for 0 with a reason keeps the runner’s delay',
    say('{"blocked":0,"reason":"DB"}'),
    { kind: 'blocked', reason: 'DB' },
  ],
  [
    'blocked for an empty text with a reason keeps the runner’s delay',
    say('{"failed":"","blocked":"","reason":"DB"}'),
    { kind: 'blocked', reason: 'DB' },
  ],
  [
    'all keys with nothing in them count for nothing',
    say('{"failed":"","blocked":0,"reason":"","data":7}'),
    { kind: 'completed', data: 7 },
  ],
  ['a clear no is none, whatever the reason', say('{"blocked":false,"reason":"DB"}'), { kind: 'completed' }],
  [
    'the last word counts',
    say('{"blocked":"1m"}') + say('{"failed":"no"}'),
    { kind: 'failed', message: 'no', retryable: false },
  ],
  [
    'what is not said counts for nothing',
    say('{"failed":null,"blocked":false,"data":7}'),
    { kind: 'completed', data: 7 },
  ],
  [
    'a last line without its end is heard',
    `printf '{"data":7}' >> "$RBIT_REPORT"`,
    { kind: 'completed', data: 7 },
  ],
  [
    'a file that is overwritten is read as far as it goes',
    `echo '{"data":7}' > "$RBIT_REPORT"`,
    { kind: 'completed', data: 7 },
  ],
])('%s', async (_, script, outcome) => {
  expect((await run(script)).outcome).toEqual(outcome);
});

test.each([
  'plain text',
  '[1]',
  '"text"',
  '{"failed":',
  '{}',
  '{"status":"completed"}',
  `{"data":${'['.repeat(1_100)}${']'.repeat(1_100)}}`,
])('a line that is no report changes nothing, and is logged: %j', async (line) => {
  const { outcome, log } = await run(`${say('{"data":1}')}${say(line)}${say(line)}`);
  expect(outcome).toEqual({ kind: 'completed', data: 1 });
  expect(log.map(({ message }) => message)).toEqual([
    expect.stringContaining('part of a report is not understood'),
  ]);
});

test.each([
  ['100d', 'longer than a message can wait (at most "24d")'],
  ['soon', 'not a duration (try "10m")'],
  [-5, 'not a duration (try "10m")'],
])('a delay of %j is logged as %s, and that the runner’s own holds', async (delay, why) => {
  const { outcome, log } = await run(say(JSON.stringify({ blocked: delay, reason: 'DB' })));
  expect(outcome).toEqual({ kind: 'blocked', reason: 'DB' });
  expect(log.map(({ message }) => message)).toEqual([
    `part of a report is not understood: blocked: ${JSON.stringify(delay)} is ${why}: the runner's blocked-delay holds`,
  ]);
});

test('a report without end takes no memory, and its job is not taken for completed', async () => {
  const before = process.memoryUsage.rss();
  const { outcome } = await run(`${say('{"data":1}')} head -c 1000000000 /dev/zero >> "$RBIT_REPORT"`);
  expect(outcome).toEqual({ kind: 'failed', message: 'its report is longer than 64 MiB', retryable: true });
  expect(process.memoryUsage.rss() - before).toBeLessThan(300 * 1024 * 1024);
});

test('what is said last counts, however much was said before', async () => {
  const steps = `yes '{"progress":1,"message":"one of very many steps"}' | head -n 600000 >> "$RBIT_REPORT"; `;
  const { outcome, context } = await run(steps + say('{"progress":99}') + say('{"failed":"in the end"}'));
  expect(outcome).toMatchObject({ message: 'in the end' });
  expect(context.steps.at(-1)).toEqual([99, undefined]);
});

test('a long report holds up nobody else', async () => {
  const steps = `yes '{"progress":1}' | head -n 2000000 >> "$RBIT_REPORT"`;
  const loop = monitorEventLoopDelay({ resolution: 10 });
  loop.enable();
  await run(steps);
  loop.disable();
  expect(loop.max / 1e6).toBeLessThan(1_000);
});

test('a script that writes anew where it should append is heard all the same', async () => {
  const { outcome, context } = await run(
    `echo '{"progress":10,"message":"fetching the package list"}' > "$RBIT_REPORT"; sleep 0.7
     echo '{"failed":"no"}' > "$RBIT_REPORT"`,
  );
  expect(context.steps).toEqual([[10, 'fetching the package list']]);
  expect(outcome).toMatchObject({ kind: 'failed', message: 'no' });
});

test('a runner whose temporary files were tidied away goes on', async () => {
  const runner = makeRunner(`shell!cat; ${say('{"data":1}')}`);
  await runner.start();
  const [mine = ''] = (await readdir(tmpdir()))
    .filter((name) => name.includes(`.${process.pid}.`))
    .toSorted()
    .toReversed();
  const act = () => runner.run(makeJob(), makeContext('{}'));
  for (const tidy of [
    () => rm(join(tmpdir(), mine), { recursive: true }),
    async () => {
      const [other = ''] = (await readdir(tmpdir())).filter((name) => name.includes(`.${process.pid}.`));
      for (const file of await readdir(join(tmpdir(), other))) await rm(join(tmpdir(), other, file));
    },
  ]) {
    await tidy();
    const outcomes = await Promise.all([act(), act(), act()]);
    expect(outcomes).toEqual(Array.from({ length: 3 }, () => ({ kind: 'completed', data: 1 })));
  }
  await runner.stop();
});

test('data of 16 MiB arrives', async () => {
  const { outcome } = await run(
    `{ printf '{"data":"'; head -c 16000000 /dev/zero | tr '\\0' x; printf '"}\\n'; } >> "$RBIT_REPORT"`,
  );
  expect(outcome).toMatchObject({ kind: 'completed', data: expect.stringMatching(/^x{100}/) as string });
});

test.each([
  ['a MiB', '1.10', 1024 * 1024],
  ['more than a MiB', '1.1', 1024 * 1024 + 1],
])('in %s of data what is written as 1.10 is told as %s', async (_, told, bytes) => {
  const text = 'x'.repeat(bytes - '[1.10,""]'.length);
  const { outcome } = await run(
    `{ printf '{"data":[1.10,"'; head -c ${text.length} /dev/zero | tr '\\0' x; printf '"]}\\n'; } >> "$RBIT_REPORT"`,
  );
  const { data } = outcome as { data?: unknown };
  expect(JSON.stringify(data)).toBe(`[${told},"${text}"]`);
});

test('nothing of a report is left when its job has ended', async () => {
  const { context } = await run(`${say('{"data":1}')} echo "$RBIT_REPORT"`);
  const [path = ''] = context.lines;
  expect(path.startsWith(join(tmpdir(), 'rbit-ts-'))).toBe(true);
  expect(await readdir(path).catch((error: NodeJS.ErrnoException) => error.code)).toBe('ENOENT');
});

test.each<[string, string, Outcome]>([
  [
    'a folder',
    `${say('{"data":1}')} rm "$RBIT_REPORT"; mkdir -p "$RBIT_REPORT/a/b"`,
    { kind: 'completed', data: 1 },
  ],
  [
    'a folder, by a program that fails',
    'rm "$RBIT_REPORT"; mkdir "$RBIT_REPORT"; exit 3',
    { kind: 'failed', message: 'exit code 3', retryable: true },
  ],
  [
    'a file where its folder was',
    `${say('{"data":1}')} d="\${RBIT_REPORT%/*}"; rm -r "$d"; touch "$d"`,
    { kind: 'completed', data: 1 },
  ],
])('what lies in the place of a report changes no outcome: %s', async (_, script, outcome) => {
  const runner = makeRunner(`shell!echo "$RBIT_REPORT"; ${script}`);
  await runner.start();
  for (const round of [1, 2]) {
    const context = makeContext();
    expect(await runner.run(makeJob(), context), `round ${round}`).toEqual(outcome);
    const [path = ''] = context.lines;
    await expect(readdir(path)).rejects.toThrow(/ENOENT|ENOTDIR/);
    await rm(dirname(path), { recursive: true, force: true });
  }
  await runner.stop();
});
