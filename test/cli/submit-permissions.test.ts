import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, makeProject, TestDaemon } from '../support/daemon.ts';
import { type Rabbitmq, startRabbitmq } from '../support/rabbitmq.ts';
import { type Ended, linesOf, start } from './submit-project.ts';

/*
 * What a user of RabbitMQ may do at least, as README says it: configure, write and read, as in `rabbitmqctl
 * set_permissions`. On a RabbitMQ of its own, since that takes an administrator.
 */
const REPLIES = String.raw`rbit-ts\.reply\..*`;
const USERS = {
  publisher: ['^$', String.raw`^amq\.default$`, '^$'],
  waiter: [`^${REPLIES}$`, String.raw`^amq\.default$`, `^${REPLIES}$`],
  follower: [`^${REPLIES}$`, String.raw`^(amq\.default|${REPLIES})$`, `^(re|${REPLIES})$`],
  undertaker: ['^$', String.raw`^amq\.default$`, String.raw`^q\.dead$`],
} as const;

let rabbitmq: Rabbitmq;
let daemon: TestDaemon;
let project: Awaited<ReturnType<typeof makeProject>>;

const iniFor = (url: string): string =>
  `[rbit]\nqueue-mappings = q:r\n[amqp]\nurl = ${url}\nexchange = re\n[runner:r]\nrunner = shell!echo hello\n`;

beforeAll(async () => {
  rabbitmq = await startRabbitmq();
  await Promise.all(
    Object.entries(USERS).map(async ([user, permissions]) => {
      await rabbitmq.ctl('add_user', user, 'secret-word');
      await rabbitmq.ctl('set_permissions', user, ...permissions);
    }),
  );
  const inis = Object.keys(USERS).map((user) => {
    const url = new URL(rabbitmq.url);
    Object.assign(url, { username: user, password: 'secret-word' });
    return [`${user}.ini`, iniFor(url.href)] as const;
  });
  project = await makeProject(iniFor(rabbitmq.url), Object.fromEntries(inis));
  daemon = await new TestDaemon([project.ini]).consuming('q');
}, 120_000);
afterAll(async () => {
  await daemon.stop();
  await rabbitmq.stop();
  await project.remove();
});

function submit(user: keyof typeof USERS, ...args: string[]): Promise<Ended> {
  const config = `${project.dir}/${user}.ini`;
  return start(process.execPath, [CLI, 'submit', 'q', '-c', config, '--id', user, ...args]).ended;
}

describe('on RabbitMQ', () => {
  it('who may write to amq.default can submit', async () => {
    expect(await submit('publisher')).toStrictEqual({ code: 0, stdout: 'publisher\n', stderr: '' });
  });

  it('who may not make a queue for replies is told so at once, with --wait', async () => {
    for (const count of [[], ['--count', '2']]) {
      const args = ['submit', 'q', '-c', `${project.dir}/publisher.ini`, '--wait', ...count];
      const { code, stderr } = await start(process.execPath, [CLI, ...args]).ended;
      expect(code).toBe(69);
      expect(stderr).toMatch(
        /^error: --wait needs a queue for the replies, and may not make one: ACCESS_REFUSED - .* user 'publisher'[^\n]*\n$/,
      );
    }
  });

  it('who may not bind it hears the replies, and once that there will be no output', async () => {
    const { code, stdout, stderr } = await submit('waiter', '--wait');
    expect({ code, lines: linesOf(stdout) }).toStrictEqual({
      code: 0,
      lines: ['submitted waiter to q', 'started', 'completed'],
    });
    expect(stderr).toMatch(
      /^note: no output and no progress will be shown: ACCESS_REFUSED - .* user 'waiter'[^\n]*\n$/,
    );
  });

  it('who may do both hears everything', async () => {
    const { code, stdout, stderr } = await submit('follower', '--wait');
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
    expect(linesOf(stdout)).toContain('output hello');
  });

  it('who may read the dead letters can list them and put them back', async () => {
    const args = ['submit', 'q', '-c', project.ini, '--wait', '--message', '-'];
    expect((await start(process.execPath, [CLI, ...args], 'no JSON').ended).code).toBe(1);
    const dead = (...words: string[]): Promise<Ended> =>
      start(process.execPath, [CLI, 'dead', ...words, '-c', `${project.dir}/undertaker.ini`]).ended;
    expect(await dead('list', 'q')).toMatchObject({ code: 0, stderr: '' });
    expect(await dead('retry', 'q', '--all')).toMatchObject({ code: 0 });
  });
});
