import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { afterEach, expect, test } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { isAlive } from '../processors/harness.ts';

const run = promisify(execFile);

/** Notes itself and one that ignores TERM in a session of its own; the second run ends when it has looked for the first. */
const JOB = `
for old in $(cat pids 2>/dev/null); do
  stat=$(cat /proc/$old/stat 2>/dev/null) || continue
  case $stat in *') Z '*) ;; *) echo "overlaps $old" >> ledger ;; esac
done
echo begin >> ledger
[ "$(grep -c begin ledger)" -ge 2 ] && { echo end >> ledger; exit; }
setsid sh -c 'trap "" TERM; echo $$ >> pids; while :; do sleep 1; done' &
echo $$ >> pids
wait
`;

const MODULE = `
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

export default async function work(job, { settings }) {
  if (existsSync('ledger')) {
    for (const pid of readFileSync('pids', 'utf8').trim().split('\\n')) {
      try {
        if (!/\\) Z /.test(readFileSync('/proc/' + pid + '/stat', 'latin1'))) appendFileSync('ledger', 'overlaps\\n');
      } catch {}
    }
    return appendFileSync('ledger', 'begin\\nend\\n');
  }
  appendFileSync('ledger', 'begin\\n');
  for (const detached of [false, true]) {
    appendFileSync('pids', spawn('sleep', ['100'], { detached, stdio: 'ignore' }).pid + '\\n');
  }
  await new Promise((resolve) => setTimeout(resolve, 100_000));
}
`;

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function makeBench(
  ini: string,
  files: Readonly<Record<string, string>> = {},
): Promise<{
  readonly dir: string;
  readonly lines: (name: string) => string[];
  readonly pids: (name?: string) => number[];
  readonly start: (ini?: string) => TestDaemon;
}> {
  const { dir, remove } = await makeProject(ini, files);
  cleanUps.push(remove);
  const lines = (name: string): string[] => {
    try {
      return readFileSync(join(dir, name), 'utf8').trimEnd().split('\n');
    } catch {
      return [];
    }
  };
  const pids = (name = 'pids'): number[] => lines(name).map(Number);
  cleanUps.push(async () => {
    for (const name of readdirSync(dir).filter((file) => file.startsWith('pids'))) {
      for (const pid of pids(name)) if (await isAlive(pid)) process.kill(pid, 'SIGKILL');
    }
  });
  const start = (name = 'worker.ini'): TestDaemon => {
    const daemon = new TestDaemon([name], { cwd: dir });
    cleanUps.push(() => daemon.stop('SIGKILL'));
    return daemon;
  };
  return { dir, lines, pids, start };
}

const submit = (dir: string, queue: string, ini = 'worker.ini'): Promise<unknown> =>
  run(process.execPath, [CLI, 'submit', queue, '-c', ini, '--set', 'parameters.x=1'], { cwd: dir });

const areAlive = (pids: readonly number[]): Promise<boolean[]> => Promise.all(pids.map(isAlive));

function sections(queue: string, runner: string, more = ''): string {
  return `[rbit]
queue-mappings = ${queue}:r
state-dir = .
log-format = json
${more}
[runner:r]
runner = ${runner}
kill-grace = 300ms
`;
}

/** Kills a daemon once its job has noted two processes, starts another, and waits for the end of the second run. */
async function killAndStartAgain({
  lines,
  pids,
  start,
  dir,
}: Awaited<ReturnType<typeof makeBench>>): Promise<void> {
  const first = start();
  await eventually(() => pids().length === 2, 'the processes of the first run');
  await first.stop('SIGKILL');
  const left = pids();
  expect(await areAlive(left)).toEqual([true, true]);
  const second = start();
  await eventually(() => lines('ledger').includes('end'), 'the end of the second run');
  expect(lines('ledger')).toEqual(['begin', 'begin', 'end']);
  expect(await areAlive(left)).toEqual([false, false]);
  for (const pid of left) {
    const told = await second.logged(new RegExp(`left process ${pid} running`));
    expect(second.log.indexOf(told)).toBeLessThan(
      second.log.findIndex(({ msg }) => msg.startsWith('consuming')),
    );
  }
  expect(await second.stop()).toBe(0);
  expect(readdirSync(dir).filter((name) => name.startsWith('running.'))).toEqual([]);
}

test('what a killed daemon was running is gone before its job runs again', async () => {
  const bench = await makeBench(sections('jobs', 'shell!sh job.sh'), { 'job.sh': JOB });
  await submit(bench.dir, 'jobs');
  await killAndStartAgain(bench);
});

test('so it is on RabbitMQ', async () => {
  const url = await amqpUrl();
  const queue = `left.${randomUUID().slice(0, 8)}`;
  const bench = await makeBench(sections(queue, 'shell!sh job.sh', `[amqp]\nurl = ${url}`), {
    'job.sh': JOB,
  });
  const connection = await connect(url);
  cleanUps.push(() => connection.close());
  const channel = await connection.createChannel();
  await channel.assertQueue(queue);
  channel.sendToQueue(queue, Buffer.from('{}'), { persistent: true });
  await killAndStartAgain(bench);
  await eventually(async () => (await channel.checkQueue(queue)).messageCount === 0, 'an empty queue');
  await channel.deleteQueue(queue);
}, 300_000);

test('so it is with what a module has started, in a session of its own or not', async () => {
  const bench = await makeBench(sections('jobs', 'module!work.mjs'), { 'work.mjs': MODULE });
  await submit(bench.dir, 'jobs');
  await killAndStartAgain(bench);
});

test('what another daemon runs is left alone: one that lives, and one with another state folder', async () => {
  const ini = (queue: string, state: string): string =>
    sections(queue, 'shell!echo $$ > pids-%QUEUE; exec sleep 300').replace(
      'state-dir = .',
      `state-dir = ${state}`,
    );
  const { dir, pids, start } = await makeBench('', {
    'killed.ini': ini('killed', '.'),
    'living.ini': ini('living', '.'),
    'elsewhere.ini': ini('elsewhere', 'elsewhere'),
  });
  const names = ['killed', 'living', 'elsewhere'] as const;
  const [killed, , elsewhere] = names.map((name) => start(`${name}.ini`));
  await Promise.all(names.map((name) => submit(dir, name, `${name}.ini`)));
  const pidOf = (name: string): number => pids(`pids-${name}`)[0] ?? 0;
  await eventually(() => names.every((name) => pidOf(name) > 0), 'the three jobs');
  await Promise.all([killed?.stop('SIGKILL'), elsewhere?.stop('SIGKILL')]);
  const before = names.map(pidOf);
  await start('killed.ini').consuming('killed');
  expect(await areAlive(before)).toEqual([false, true, true]);

  await start('elsewhere.ini').consuming('elsewhere');
  expect(await areAlive(before)).toEqual([false, true, false]);
});

test('a job that kills its daemon and starts another is ended by that one, which lives', async () => {
  const restart = `kill -9 $PPID; '${process.execPath}' '${CLI}' run worker.ini > inner.log 2>&1`;
  const { dir, lines, start, pids } = await makeBench(
    sections('jobs', `shell!echo $$ >> pids; [ "$(wc -l < pids)" = 2 ] || { ${restart}; }`),
  );
  await submit(dir, 'jobs');
  const outer = start();
  expect(await outer.exited).toBeNull();
  const [head = 0] = pids();
  const log = await eventually(
    () => {
      const found = lines('inner.log');
      return found.some((line) => line.includes(' completed after ')) ? found : undefined;
    },
    'the second run, of the inner daemon',
    20_000,
  );
  expect(log.join('\n')).toContain(`left process ${head} running`);
  expect(await isAlive(head)).toBe(false);
  const { pid } = JSON.parse(log[0] ?? '') as { pid: number };
  expect(await isAlive(pid)).toBe(true);
  process.kill(pid, 'SIGTERM');
  await eventually(async () => !(await isAlive(pid)), 'the end of the inner daemon');
});
