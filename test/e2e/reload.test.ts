import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { type Ini, type Reloading, startReloading } from './reloading.ts';

const run = promisify(execFile);

/** Notes that it began, and goes on when the file `go` is there. */
const WAITS = 'echo begun %ID >> runs; until test -e go; do sleep 0.03; done; echo ended %ID >> runs';
const runner = (name: string, command: string, more = ''): string =>
  `[runner:${name}]\nrunner = shell!${command}\n${more}\n`;

async function running(on: Reloading, count: number): Promise<void> {
  await eventually(
    async () => (await on.lines('runs')).filter((line) => line.startsWith('begun')).length === count,
    `${count} runs`,
  );
}

async function reloadByCommand(
  on: Reloading,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const ended = run(process.execPath, [CLI, 'reload', 'worker.ini'], { cwd: on.dir });
  return ended.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
}

const PLACES = [
  ['the embedded queue', async () => undefined],
  ['RabbitMQ', amqpUrl],
] as const;

describe.each(PLACES)('a daemon on %s', (_, urlOf) => {
  let url: string | undefined;
  beforeAll(async () => {
    url = await urlOf();
  }, 60_000);

  it('works a runner and a queue that are added under load, and says so', async () => {
    const on = await startReloading(url, (queue) => ({
      mappings: { [queue('a')]: 'one' },
      sections: runner('one', 'true', 'concurrency = 2'),
    }));
    const [a, b] = [on.queue('a'), on.queue('b')];
    const ids = await Promise.all(Array.from({ length: 20 }, () => on.mailbox.send(a)));
    await on.write({
      mappings: { [a]: 'one', [b]: 'two' },
      sections: runner('one', 'true', 'concurrency = 2') + runner('two', 'echo two'),
    });
    expect(await reloadByCommand(on)).toMatchObject({
      code: 0,
      stdout: `queue ${b}: added, runner two\nrunner two: added\n`,
    });
    ids.push(await on.mailbox.send(b));
    for (const id of ids) expect(await on.mailbox.answer(id)).toMatchObject({ status: 'completed' });
    expect(on.mailbox.heard).toHaveLength(2 * ids.length);
  });

  it('lets the jobs of a removed queue end, shows it until then, and takes nothing more from it', async () => {
    const sections = runner('one', WAITS) + runner('two', 'true');
    const on = await startReloading(url, (queue) => ({
      mappings: { [queue('a')]: 'one', [queue('b')]: 'two' },
      sections,
    }));
    const [a, b] = [on.queue('a'), on.queue('b')];
    const first = await on.mailbox.send(a);
    await running(on, 1);
    const second = await on.mailbox.send(a);
    await on.write({ mappings: { [b]: 'two' }, sections });
    expect(await on.reload()).toMatchObject({
      kind: 'done',
      changes: [`queue ${a}: removed, 1 job still running`, 'runner one: removed'],
    });
    expect((await on.status()).queues).toMatchObject([
      { queue: b, state: 'consuming' },
      { queue: a, state: 'leaving', running: 1 },
    ]);
    await on.touch('go');
    expect(await on.mailbox.answer(first)).toMatchObject({ status: 'completed' });
    await on.daemon.logged(/nothing of it is in hand any more/);
    expect((await on.status()).queues).toMatchObject([{ queue: b }]);
    expect(await on.mailbox.count(a)).toBe(1);
    await on.write({ mappings: { [b]: 'two', [a]: 'one' }, sections });
    await on.reload();
    expect(await on.mailbox.answer(second)).toMatchObject({ status: 'completed' });
    expect(await on.lines('runs')).toHaveLength(4);
  });

  it('goes on with a queue that comes back while a job of it still runs: nothing is run twice', async () => {
    const sections = runner('one', WAITS) + runner('two', 'true');
    const on = await startReloading(url, (queue) => ({
      mappings: { [queue('a')]: 'one', [queue('b')]: 'two' },
      sections,
    }));
    const [a, b] = [on.queue('a'), on.queue('b')];
    const ids = [await on.mailbox.send(a), await on.mailbox.send(a), await on.mailbox.send(a)];
    await running(on, 1);
    await on.write({ mappings: { [b]: 'two' }, sections });
    await on.reload();
    await on.write({ mappings: { [a]: 'one', [b]: 'two' }, sections });
    await on.reload();
    await eventually(async () => (await on.status()).queues[0]?.state === 'consuming', 'the queue');
    await on.touch('go');
    for (const id of ids) expect(await on.mailbox.answer(id)).toMatchObject({ status: 'completed' });
    expect(await on.lines('runs')).toEqual(ids.flatMap((id) => [`begun ${id}`, `ended ${id}`]));
  });

  it('keeps the order of a queue that is removed and comes back again and again while one of its jobs runs', async () => {
    const sections = runner('one', WAITS) + runner('two', 'true');
    const on = await startReloading(url, (queue) => ({
      mappings: { [queue('a')]: 'one', [queue('b')]: 'two' },
      sections,
    }));
    const [a, b] = [on.queue('a'), on.queue('b')];
    const ids: string[] = [];
    for (let job = 0; job < 4; job += 1) ids.push(await on.mailbox.send(a));
    await running(on, 1);
    for (let round = 0; round < 3; round += 1) {
      await on.write({ mappings: { [b]: 'two' }, sections });
      await on.reload();
      await on.write({ mappings: { [a]: 'one', [b]: 'two' }, sections });
      await on.reload();
      await eventually(async () => (await on.status()).queues[0]?.state === 'consuming', 'the queue');
    }
    for (const command of ['pause', 'resume', 'pause', 'resume'])
      await run(process.execPath, [CLI, command, a, '-c', on.ini]);
    await on.touch('go');
    for (const id of ids) expect(await on.mailbox.answer(id)).toMatchObject({ status: 'completed' });
    expect(await on.lines('runs')).toEqual(ids.flatMap((id) => [`begun ${id}`, `ended ${id}`]));
  });

  it('takes another concurrency, time-out and command for what comes from then on', async () => {
    const ini = (queue: string, section: string): Ini => ({
      mappings: { [queue]: 'one' },
      sections: section,
    });
    const on = await startReloading(url, (queue) => ini(queue('a'), runner('one', WAITS)));
    const a = on.queue('a');
    const ids = [await on.mailbox.send(a), await on.mailbox.send(a), await on.mailbox.send(a)];
    await running(on, 1);
    await on.write(ini(a, runner('one', `sleep 600`, 'concurrency = 3\ntimeout = 300ms')));
    expect(await on.reload()).toMatchObject({
      kind: 'done',
      changes: [
        'runner one: runner changed',
        'runner one: concurrency 1 → 3',
        'runner one: timeout 25m → 300ms',
      ],
    });
    for (const id of ids.slice(1))
      expect(await on.mailbox.answer(id)).toMatchObject({ message: 'timed out after 300ms' });
    await on.touch('go');
    expect(await on.mailbox.answer(ids[0] ?? '')).toMatchObject({ status: 'completed' });
  });

  it('changes nothing by a bad file: all that is wrong is printed as check prints it, and the status is 78', async () => {
    const good = (queue: string): Ini => ({
      mappings: { [queue]: 'one' },
      sections: runner('one', 'echo old'),
    });
    const on = await startReloading(url, (queue) => good(queue('a')));
    const a = on.queue('a');
    await on.write({
      mappings: { [a]: 'one', [on.queue('b')]: 'two', [on.queue('c')]: 'three' },
      rbit: 'log-level = loud',
      sections: `${runner('one', 'echo new', 'timeout = 10x')}[runner:two]\nrunner = module!missing.ts\n`,
    });
    const said = await reloadByCommand(on);
    const checked = await run(process.execPath, [CLI, 'check', 'worker.ini'], { cwd: on.dir }).catch(
      (error: unknown) => error as { code: number; stderr: string },
    );
    expect(said).toMatchObject({ code: 78, stdout: '' });
    expect(said.stderr).toBe(checked.stderr);
    expect(said.stderr.split('\n').length - 1).toBe(4);
    await on.daemon.logged(/nothing is changed/);
    expect((await on.status()).queues).toMatchObject([{ queue: a, state: 'consuming' }]);
    expect(await on.mailbox.answer(await on.mailbox.send(a))).toMatchObject({ status: 'completed' });
    await on.daemon.logged(/^old$/);
  });
});

describe('a reload', () => {
  it('binds a queue anew at once, also while it has as many jobs as it may have, and when it comes back', async () => {
    const exchange = `re.${randomUUID()}`;
    const at = await amqpUrl();
    const sections = (queue: string, key: string): string =>
      `${runner('one', WAITS)}${runner('two', 'true')}[queue:${queue}]\nbind = ${key}\n`;
    const on = await startReloading(
      `${at}\nexchange = ${exchange}`,
      (queue) => ({
        mappings: { [queue('a')]: 'one', [queue('b')]: 'two' },
        sections: sections(queue('a'), 'first'),
      }),
      {},
      at,
    );
    const [a, b] = [on.queue('a'), on.queue('b')];
    const ids = [await on.mailbox.send(a)];
    await running(on, 1);
    const sendBy = (key: string): Promise<string> => on.mailbox.send(key, {}, exchange);
    await on.write({ mappings: { [a]: 'one', [b]: 'two' }, sections: sections(a, 'second') });
    await on.reload();
    ids.push(await sendBy('second'));
    await on.write({ mappings: { [b]: 'two' }, sections: runner('two', 'true') });
    await on.reload();
    await on.write({ mappings: { [a]: 'one', [b]: 'two' }, sections: sections(a, 'third') });
    await on.reload();
    ids.push(await sendBy('third'));
    expect(await on.lines('runs')).toHaveLength(1);
    await on.touch('go');
    for (const id of ids) expect(await on.mailbox.answer(id)).toMatchObject({ status: 'completed' });
  });

  it('changes nothing when a new runner cannot be started, and leaves nothing of those that could', async () => {
    const on = await startReloading(undefined, (queue) => ({
      mappings: { [queue('a')]: 'one' },
      sections: runner('one', 'true'),
    }));
    await on.write({
      mappings: { [on.queue('a')]: 'one', [on.queue('b')]: 'two', [on.queue('c')]: 'three' },
      sections: `${runner('one', 'true', 'concurrency = 5')}
[runner:two]
runner = coprocess!echo $$ >> pids; exec cat
[runner:three]
runner = module!missing.ts
`,
    });
    expect(await on.reload()).toMatchObject({
      kind: 'refused',
      problems: [{ section: 'runner:three', key: 'runner', message: expect.stringMatching(/missing\.ts/) }],
    });
    expect((await on.status()).queues).toHaveLength(1);
    for (const pid of await on.lines('pids')) expect(isAlive(Number(pid))).toBe(false);
  });

  it('does not hold up the jobs while a new runner takes its time to start', async () => {
    const sections = runner('one', 'echo quick');
    const on = await startReloading(undefined, (queue) => ({ mappings: { [queue('a')]: 'one' }, sections }), {
      'slow.mjs': `import { existsSync } from 'node:fs';
while (!existsSync(new URL('go', import.meta.url))) await new Promise((resolve) => setTimeout(resolve, 20));
export default () => 'slow';`,
    });
    const [a, b] = [on.queue('a'), on.queue('b')];
    await on.write({
      mappings: { [a]: 'one', [b]: 'slow' },
      sections: `${sections}[runner:slow]\nrunner = module!slow.mjs\n`,
    });
    const reloading = on.reload();
    for (let job = 0; job < 3; job += 1)
      expect(await on.mailbox.answer(await on.mailbox.send(a))).toMatchObject({ status: 'completed' });
    expect((await on.status()).queues).toHaveLength(1);
    await on.touch('go');
    expect(await reloading).toMatchObject({ kind: 'done' });
    expect(await on.mailbox.answer(await on.mailbox.send(b))).toMatchObject({ data: 'slow' });
  });

  it('by SIGHUP does the same; several at once are one after the other, and the last word counts', async () => {
    const ini = (queue: string, concurrency: number): Ini => ({
      mappings: { [queue]: 'one' },
      sections: runner('one', 'true', `concurrency = ${concurrency}`),
    });
    const on = await startReloading(undefined, (queue) => ini(queue('a'), 1));
    for (let concurrency = 2; concurrency <= 8; concurrency += 1) {
      await on.write(ini(on.queue('a'), concurrency));
      on.daemon.child.kill('SIGHUP');
    }
    await on.daemon.logged(/concurrency \d → 8/);
    const steps = on.daemon.log.flatMap(({ msg }) => /concurrency (\d) → (\d)/.exec(msg)?.slice(1) ?? []);
    // Each begins where the one before it ended.
    expect(steps.slice(2).filter((_, index) => index % 2 === 0)).toEqual(
      steps.slice(1, -1).filter((_, index) => index % 2 === 0),
    );
    expect(await on.reload()).toMatchObject({ kind: 'done', changes: [] });
    await on.daemon.logged(/nothing has changed/);
  });

  it('keeps what an operator has paused, as long as the queue stays', async () => {
    const ini = (queue: string, command: string): Ini => ({
      mappings: { [queue]: 'one' },
      sections: runner('one', command),
    });
    const on = await startReloading(undefined, (queue) => ini(queue('a'), 'true'));
    await run(process.execPath, [CLI, 'pause', on.queue('a'), '-c', on.ini]);
    await on.write(ini(on.queue('a'), 'false'));
    await on.reload();
    expect((await on.status()).queues).toMatchObject([{ state: 'paused', by: 'operator' }]);
  });

  it('tries a runner at once that could not be started, and is another one now', async () => {
    const ini = (queue: string, command: string): Ini => ({
      mappings: { [queue]: 'one' },
      sections: runner('one', command),
    });
    const on = await startReloading(undefined, (queue) => ini(queue('a'), 'exit 127'));
    const id = await on.mailbox.send(on.queue('a'));
    await on.daemon.logged(/paused: runner one cannot be started/);
    await on.write(ini(on.queue('a'), 'true'));
    await on.reload();
    expect(await on.mailbox.answer(id)).toMatchObject({ status: 'completed' });
    await on.daemon.logged(/resumed/);
  });

  it('leaves the processes of a runner alone that has not changed, and ends those of one that has', async () => {
    const sections = (more: string): string => `[runner:same]
runner = coprocess!echo $$ >> same; exec cat
timeout = ${more === '' ? '1m' : '2m'}
[runner:other]
runner = coprocess!echo $$ >> other; exec cat
${more}
`;
    const on = await startReloading(undefined, (queue) => ({
      mappings: { [queue('a')]: 'same', [queue('b')]: 'other' },
      sections: sections(''),
    }));
    await on.write({
      mappings: { [on.queue('a')]: 'same', [on.queue('b')]: 'other' },
      sections: sections('max-jobs = 5'),
    });
    await on.reload();
    await eventually(async () => (await on.lines('other')).length === 2, 'the second process');
    const [first, second] = await on.lines('other');
    await eventually(() => !isAlive(Number(first)), 'the end of the first');
    expect(isAlive(Number(second))).toBe(true);
    expect(await on.lines('same')).toHaveLength(1);
  });

  it('masks new secrets from then on, and old ones still; neither is told', async () => {
    const on = await startReloading(
      undefined,
      (queue) => ({
        mappings: { [queue('a')]: 'one' },
        sections: runner('one', 'true', 'key = ${file:secret}'),
      }),
      { secret: 'first-secret' },
    );
    const a = on.queue('a');
    await writeFile(join(on.dir, 'secret'), 'second-secret');
    await on.write({
      mappings: { [a]: 'one' },
      sections: runner('one', 'echo first-secret second-secret', 'key = ${file:secret}'),
    });
    expect(await on.reload()).toMatchObject({
      changes: ['runner one: runner shell!true → shell!echo *** ***', 'runner one: key changed'],
    });
    await on.mailbox.answer(await on.mailbox.send(a));
    await on.daemon.logged(/^\*\*\* \*\*\*$/);
    expect(JSON.stringify(on.daemon.log)).not.toMatch(/(first|second)-secret(?!")/);
  });

  it('applies log-level, reply-to-allow and the dead-letter queue, and tells what takes a restart', async () => {
    const on = await startReloading(undefined, (queue) => ({
      mappings: { [queue('a')]: 'one' },
      sections: runner('one', 'exit 1', 'keep-failed = yes'),
    }));
    const [a, dead] = [on.queue('a'), on.queue('graveyard')];
    await on.write({
      mappings: { [a]: 'one' },
      rbit: 'log-level = debug\nname = other\nreply-to-allow = nobody',
      sections: `[queue:${a}]\ndead-letter = ${dead}\n${runner('one', 'exit 1', 'keep-failed = yes')}`,
    });
    expect(await on.reload()).toMatchObject({
      changes: [
        '[rbit] log-level info → debug',
        '[rbit] reply-to-allow none → nobody',
        `queue ${a}: dead-letter ${a}.dead → ${dead}`,
        '[rbit] name: takes a restart',
      ],
    });
    await on.mailbox.send(a);
    await on.daemon.logged(/dropped/);
    await eventually(async () => (await on.mailbox.count(dead)) === 1, 'the dead letter');
    expect(on.mailbox.heard).toEqual([]);
    expect(on.daemon.log.some(({ level }) => level === 'debug')).toBe(true);
  });

  it('is refused in words while the daemon stops', async () => {
    const on = await startReloading(undefined, (queue) => ({
      mappings: { [queue('a')]: 'one' },
      sections: runner('one', WAITS),
    }));
    await on.mailbox.send(on.queue('a'));
    await running(on, 1);
    on.daemon.child.kill('SIGTERM');
    await on.daemon.logged(/no new jobs/);
    expect(await on.reload()).toEqual({ kind: 'stopping' });
    expect(await reloadByCommand(on)).toMatchObject({ code: 1, stderr: expect.stringMatching(/stopping/) });
    await on.touch('go');
  });

  it('needs a daemon: without one the status is 69', async () => {
    const on = await startReloading(undefined, (queue) => ({
      mappings: { [queue('a')]: 'one' },
      sections: runner('one', 'true'),
    }));
    await on.daemon.stop();
    expect(await reloadByCommand(on)).toMatchObject({
      code: 69,
      stderr: expect.stringMatching(/no daemon runs/),
    });
  });

  it('that cannot find its daemon, since the file names another folder now, says how that is mended', async () => {
    const on = await startReloading(undefined, (queue) => ({
      mappings: { [queue('a')]: 'one' },
      sections: runner('one', 'true'),
    }));
    const text = await readFile(on.ini, 'utf8');
    await writeFile(on.ini, text.replace('state-dir = s', 'state-dir = other').replace('!true', '!exit 3'));
    expect(await reloadByCommand(on)).toMatchObject({
      code: 69,
      stderr: expect.stringMatching(/if name or state-dir has been changed.*send it SIGHUP, or restart it/),
    });
    on.daemon.child.kill('SIGHUP');
    await on.daemon.logged(/state-dir: takes a restart/);
    expect(await on.mailbox.answer(await on.mailbox.send(on.queue('a')))).toMatchObject({ status: 'failed' });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
