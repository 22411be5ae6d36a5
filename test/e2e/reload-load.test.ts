import { expect, test } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { holdings, type Ini, startReloading } from './reloading.ts';

/** More can be asked for, when there is time. */
const RELOADS = Number(process.env['RBIT_RELOADS'] ?? 300);
/** From here to the end memory has to stay as it is: by then everything was loaded and compiled. */
const WARM = 0.4;
const MOST_GROWTH = 6 * 1024 * 1024;

const WORK = `
export default async function work({ parameters }, { settings }) {
  await new Promise(setImmediate);
  return { number: parameters.number, of: settings.of };
}
`;
/** Runs inside the daemon, and tells how that is. */
const PROBE = `
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
export default async function probe() {
  for (let time = 0; time < 3; time += 1) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const resources = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  return { heap: process.memoryUsage().heapUsed, resources, signals: process.listenerCount('SIGHUP') };
}
`;

interface Probe {
  readonly heap: number;
  readonly resources: Readonly<Record<string, number>>;
}

/** What the file says at one reload: runners that come, go and change, and queues that do. */
function iniAt(queue: (name: string) => string, time: number): Ini {
  const shared = time % 5 === 3 ? 'ordered' : 'many';
  return {
    mappings: {
      [queue('ordered')]: 'ordered',
      ...(time % 3 === 2 ? {} : { [queue('many')]: 'many' }),
      [queue('moving')]: shared,
      [queue('probe')]: 'probe',
      ...(time % 50 < 25 ? { [queue('process')]: 'process' } : {}),
    },
    rbit: `log-level = warn\nshutdown-timeout = ${10 + (time % 7)}s`,
    sections: `
[runner:ordered]
runner = module!work.mjs
isolation = none
of = ${time}
[runner:many]
runner = module!work.mjs
isolation = none
concurrency = ${1 + (time % 4)}
timeout = ${1 + (time % 9)}m
of = ${Math.floor(time / 2)}
[runner:process]
runner = coprocess!cat
concurrency = 2
[runner:probe]
runner = module!probe.mjs
isolation = none
`,
  };
}

/** With a job for each queue at each reload, wherever the one before it is by then. */
async function reloadUnderLoad(url: string | undefined, reloads: number): Promise<void> {
  const on = await startReloading(url, (queue) => iniAt(queue, 0), { 'work.mjs': WORK, 'probe.mjs': PROBE });
  const pid = on.daemon.child.pid ?? 0;
  const names = ['ordered', 'many', 'moving'];
  const sent = new Map<string, string[]>(names.map((name) => [name, []]));

  async function send(number: number): Promise<void> {
    for (const [name, ids] of sent)
      ids.push(await on.mailbox.send(on.queue(name), { parameters: { number } }));
  }
  async function reload(time: number): Promise<void> {
    await on.write(iniAt(on.queue, time));
    expect(await on.reload()).toMatchObject({ kind: 'done' });
  }
  async function look(): Promise<Probe & Awaited<ReturnType<typeof holdings>>> {
    const { data } = await on.mailbox.answer(await on.mailbox.send(on.queue('probe')), 20_000);
    return { ...(data as Probe), ...(await holdings(pid)) };
  }

  const warmAt = Math.round(reloads * WARM);
  let warm: Awaited<ReturnType<typeof look>> | undefined;
  for (let time = 1; time <= reloads; time += 1) {
    const sending = send(time);
    await reload(time);
    await sending;
    if (time === warmAt) warm = await look();
  }
  // The same as then, so that the two can be compared.
  await reload(warmAt);
  const hot = await look();
  await reload(0);
  const all = [...sent.values()].flat();
  for (const id of all) await on.mailbox.answer(id, 20_000);

  const { heard } = on.mailbox;
  const withStatus = (status: string): string[] =>
    heard.flatMap((one) => (one.status === status ? [one.id] : []));
  const [started, completed] = [withStatus('started'), withStatus('completed')];
  expect(heard).toHaveLength(started.length + completed.length);
  expect(started).toHaveLength(new Set(started).size);
  expect(completed).toHaveLength(new Set(completed).size);
  const answered = new Set(completed);
  expect(all.filter((id) => !answered.has(id))).toEqual([]);
  // With concurrency 1 the jobs of a queue end in the order in which they came.
  const ordered = new Set(sent.get('ordered'));
  expect(completed.filter((id) => ordered.has(id))).toEqual([...ordered]);

  console.log(`${reloads} reloads, ${all.length} jobs`, JSON.stringify({ warm, hot }));
  expect(hot.heap - (warm?.heap ?? 0)).toBeLessThan(MOST_GROWTH);
  expect(hot.files).toBeLessThanOrEqual((warm?.files ?? 0) + 5);
  expect(hot.children).toBe(warm?.children);
  expect(hot.resources['Timeout'] ?? 0).toBeLessThanOrEqual((warm?.resources['Timeout'] ?? 0) + 20);
}

test(`${RELOADS} reloads under load on the embedded queue leave every job answered once, and memory as it was`, async () => {
  await reloadUnderLoad(undefined, RELOADS);
}, 300_000);

test('so do some of them on RabbitMQ', async () => {
  await reloadUnderLoad(await amqpUrl(), Math.ceil(RELOADS / 10));
}, 300_000);
