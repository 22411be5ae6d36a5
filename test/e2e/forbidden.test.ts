import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { start } from '../cli/submit-project.ts';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { type Rabbitmq, startRabbitmq } from '../support/rabbitmq.ts';
import { Requester } from '../support/requester.ts';

/* A daemon whose user may not write to amq.default. On a RabbitMQ of its own, since that takes an administrator. */

const JOBS = ['done', 'receipt'] as const;
const LONG_MS = 60_000;

let rabbitmq: Rabbitmq;
let requester: Requester;

beforeAll(async () => {
  rabbitmq = await startRabbitmq();
  await rabbitmq.ctl('add_user', 'worker', 'secret-word');
}, 120_000);
afterAll(() => rabbitmq.stop());
beforeEach(async () => {
  requester = await Requester.start(rabbitmq.url);
  await rabbitmq.ctl('set_permissions', 'worker', '.*', String.raw`^(?!amq\.default).*$`, '.*');
  return () => requester.stop();
});

function iniFor(rbit: string): string {
  const url = new URL(rabbitmq.url);
  Object.assign(url, { username: 'worker', password: 'secret-word' });
  return `[rbit]
queue-mappings = forbidden.done:done forbidden.receipt:receipt
state-dir = state
${rbit}
[amqp]
url = ${url.href}
[runner:done]
runner = shell!true
[runner:receipt]
runner = shell!true
ack = receipt
`;
}

/** Has a job of each kind run before the user may publish its replies, and resolves when those have come. */
async function answeredLate(rbit = ''): Promise<void> {
  const project = await makeProject(iniFor(rbit));
  const daemon = await new TestDaemon([project.ini]).consuming('forbidden.done', 'forbidden.receipt');
  for (const job of JOBS) requester.submit(`forbidden.${job}`, {}, { correlationId: job });
  await daemon.logged(/the broker takes no messages \(publish\): ACCESS_REFUSED/);
  await rabbitmq.ctl('set_permissions', 'worker', '.*', '.*', '.*');
  await daemon.logged(/the broker takes messages again/, LONG_MS);
  await requester.heard(4, undefined, LONG_MS);
  expect(await daemon.stop()).toBe(0);
  await project.remove();
}

it('replies wait for as long as the user may not publish, and so do their messages', async () => {
  await answeredLate();
  for (const job of JOBS)
    expect(requester.statuses(job)).toEqual([{ status: 'started' }, { status: 'completed' }]);
  expect(await requester.channel.checkQueue('forbidden.done')).toMatchObject({ messageCount: 0 });
});

it('replies that have waited keep the distance of reply-gap all the same', async () => {
  await answeredLate('reply-gap = 400ms');
  for (const job of JOBS) {
    const [started, final] = requester.replies.filter(({ properties }) => properties.correlationId === job);
    expect((final?.at ?? 0) - (started?.at ?? 0)).toBeGreaterThanOrEqual(400);
  }
});

it('check --connect says so, and what to do', async () => {
  const project = await makeProject(iniFor(''));
  const { code, stderr } = await start(process.execPath, [CLI, 'check', '--connect', project.ini]).ended;
  expect(code).toBe(69);
  expect(stderr).toMatch(
    /^error: no reply can be published: ACCESS_REFUSED .*'amq\.default'.* \(give the user write on amq\.default\)$/m,
  );
  await rabbitmq.ctl('set_permissions', 'worker', '.*', '.*', '.*');
  expect(await start(process.execPath, [CLI, 'check', '--connect', project.ini]).ended).toMatchObject({
    code: 0,
  });
  await project.remove();
});
