import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { amqpUrl } from '../support/amqp-url.ts';
import { eventually } from '../support/eventually.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { throughProxy } from './one-queue.ts';
import { type Ini, type Reloading, startReloading } from './reloading.ts';

const WAITS = 'echo begun %ID >> runs; until test -e go; do sleep 0.03; done; echo ended %ID >> runs';
const SECTIONS = `[runner:one]
runner = shell!${WAITS}
[runner:two]
runner = shell!true
`;

let url: string;
beforeAll(async () => {
  url = await amqpUrl();
}, 60_000);

/** A daemon whose connection can be cut, with a job of queue `a` that runs. */
async function startBehindProxy(): Promise<{ on: Reloading; proxy: TcpProxy; id: string }> {
  const { hostname, port } = new URL(url);
  const proxy = await startTcpProxy({ host: hostname, port: Number(port === '' ? 5672 : port) });
  onTestFinished(() => proxy.close());
  const on = await startReloading(throughProxy(url, proxy), (queue) => both(queue), {}, url);
  const id = await on.mailbox.send(on.queue('a'));
  await eventually(async () => (await on.lines('runs')).length === 1, 'the run');
  return { on, proxy, id };
}

function both(queue: (name: string) => string): Ini {
  return { mappings: { [queue('a')]: 'one', [queue('b')]: 'two' }, sections: SECTIONS };
}

function onlyB(queue: (name: string) => string): Ini {
  return { mappings: { [queue('b')]: 'two' }, sections: SECTIONS };
}

describe('a queue that was removed while a job of it ran, and lost its message', () => {
  it('is left as soon as the job has ended; whoever works it next settles it, here by its record', async () => {
    const { on, proxy, id } = await startBehindProxy();
    await on.write(onlyB(on.queue));
    await on.reload();
    proxy.cut();
    await on.daemon.logged(/no connection \(consume\)/);
    await on.touch('go');
    await on.daemon.logged(/nothing of it is in hand any more/);
    expect((await on.status()).queues).toHaveLength(1);
    await on.write(both(on.queue));
    await on.reload();
    expect(await on.mailbox.answer(id)).toMatchObject({ status: 'completed' });
    expect(await on.lines('runs')).toEqual([`begun ${id}`, `ended ${id}`]);
  });

  it('and comes back in time, joins the job when the message comes again', async () => {
    const { on, proxy, id } = await startBehindProxy();
    await on.write(onlyB(on.queue));
    await on.reload();
    proxy.cut();
    await on.daemon.logged(/no connection \(consume\)/);
    await on.write(both(on.queue));
    await on.reload();
    await on.daemon.logged(/joined, not run again/);
    await on.touch('go');
    expect(await on.mailbox.answer(id)).toMatchObject({ status: 'completed' });
    await eventually(async () => (await on.mailbox.count(on.queue('a'))) === 0, 'an empty queue');
    expect(await on.lines('runs')).toEqual([`begun ${id}`, `ended ${id}`]);
  });
});

describe('queues that are acknowledged at the receipt', () => {
  const sections = (more: string): string => `[runner:one]
runner = shell!true
ack = receipt
[runner:two]
runner = shell!${WAITS}
ack = receipt
${more}`;

  it('come and go as others do, beside one that is there already', async () => {
    const on = await startReloading(url, (queue) => ({
      mappings: { [queue('a')]: 'one' },
      sections: sections(''),
    }));
    const [a, b] = [on.queue('a'), on.queue('b')];
    await on.write({ mappings: { [a]: 'one', [b]: 'two' }, sections: sections('concurrency = 2') });
    expect(await on.reload()).toMatchObject({
      changes: [`queue ${b}: added, runner two`, 'runner two: added'],
    });
    const ids = await Promise.all([1, 2, 3].map(() => on.mailbox.send(b)));
    await eventually(async () => (await on.lines('runs')).length === 2, 'the runs');
    await on.write({ mappings: { [a]: 'one' }, sections: sections('concurrency = 2') });
    expect(await on.reload()).toMatchObject({
      changes: [`queue ${b}: removed, 2 jobs still running`, 'runner two: removed'],
    });
    await on.touch('go');
    await on.daemon.logged(/nothing of it is in hand any more/);
    expect(await on.mailbox.answer(await on.mailbox.send(a))).toMatchObject({ status: 'completed' });
    await on.write({ mappings: { [a]: 'one', [b]: 'two' }, sections: sections('concurrency = 2') });
    await on.reload();
    for (const id of ids) expect(await on.mailbox.answer(id)).toMatchObject({ status: 'completed' });
    expect(await on.lines('runs')).toHaveLength(6);
  });

  it('takes a restart where there was none, or with another ack: the daemon goes on as it was', async () => {
    const done = sections('').replaceAll('ack = receipt', '');
    const on = await startReloading(url, (queue) => ({ mappings: { [queue('a')]: 'one' }, sections: done }));
    const a = on.queue('a');
    await on.write({ mappings: { [a]: 'one', [on.queue('b')]: 'two' }, sections: sections('') });
    expect(await on.reload()).toMatchObject({
      changes: [
        'runner one: ack: takes a restart',
        `queue ${on.queue('b')}: runner two with ack = receipt: takes a restart`,
      ],
    });
    expect(await on.mailbox.answer(await on.mailbox.send(a))).toMatchObject({ status: 'completed' });
    expect((await on.status()).queues).toHaveLength(1);
  });
});
