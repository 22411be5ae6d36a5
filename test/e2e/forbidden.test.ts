import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { type Rabbitmq, startRabbitmq } from '../support/rabbitmq.ts';
import { Requester } from '../support/requester.ts';

let rabbitmq: Rabbitmq;
let requester: Requester;

beforeAll(async () => {
  rabbitmq = await startRabbitmq();
  requester = await Requester.start(rabbitmq.url);
}, 120_000);
afterAll(async () => {
  await requester.stop();
  await rabbitmq.stop();
});

it('replies wait for as long as the user may not publish, and so do their messages', async () => {
  await rabbitmq.ctl('add_user', 'worker', 'secret-word');
  await rabbitmq.ctl('set_permissions', 'worker', '.*', String.raw`^(?!amq\.default).*$`, '.*');
  const url = new URL(rabbitmq.url);
  Object.assign(url, { username: 'worker', password: 'secret-word' });
  const project = await makeProject(`[rbit]
queue-mappings = forbidden.done:done forbidden.receipt:receipt
state-dir = state
[amqp]
url = ${url.href}
[runner:done]
runner = shell!true
[runner:receipt]
runner = shell!true
ack = receipt
`);
  const daemon = await new TestDaemon([project.ini]).consuming('forbidden.done', 'forbidden.receipt');
  requester.submit('forbidden.done', {}, { correlationId: 'done' });
  requester.submit('forbidden.receipt', {}, { correlationId: 'receipt' });
  await daemon.logged(/the broker takes no messages \(publish\): ACCESS_REFUSED/);
  await rabbitmq.ctl('set_permissions', 'worker', '.*', '.*', '.*');
  await daemon.logged(/the broker takes messages again/, 60_000);
  await requester.heard(4, undefined, 60_000);
  expect(await daemon.stop()).toBe(0);
  for (const job of ['done', 'receipt'])
    expect(requester.statuses(job)).toEqual([{ status: 'started' }, { status: 'completed' }]);
  expect(await requester.channel.checkQueue('forbidden.done')).toMatchObject({ messageCount: 0 });
  await project.remove();
});
