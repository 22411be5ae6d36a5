import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { askAll } from '../../src/control/client.ts';
import { askStatus, hang, IDLE, makeFolder, openServer, say, socketsIn } from './ground.ts';

const ANSWERED = [{ kind: 'answer', answer: IDLE }];

describe('the control socket', () => {
  it('is for its owner alone, and all that the server leaves while it is open', async () => {
    const folder = await makeFolder();
    const server = await openServer(folder);
    expect(await socketsIn(folder)).toStrictEqual(['control.sock']);
    expect((await stat(join(folder, 'control.sock'))).mode & 0o777).toBe(0o600);
    await server.close();
    expect(await socketsIn(folder)).toStrictEqual([]);
  });

  it('answers each command with what its handler makes of the request', async () => {
    const folder = await makeFolder();
    const heard: object[] = [];
    await openServer(folder, {
      cancel: (request) => ({ cancelled: heard.push(request) }),
      pause: async (request) => ({ kind: 'unknown', queues: [request.queue] }),
      resume: () => ({ kind: 'done', changed: true, running: 2 }),
    });
    const request = { command: 'cancel', job: 'ü\n"', queue: 'q' } as const;
    expect(await askStatus(folder)).toStrictEqual(ANSWERED);
    expect(await askAll<'cancel'>(folder, request, 5_000)).toMatchObject([{ answer: { cancelled: 1 } }]);
    expect(heard).toStrictEqual([request]);
    expect(await askAll<'pause'>(folder, { command: 'pause', queue: 'x' }, 5_000)).toMatchObject([
      { answer: { kind: 'unknown', queues: ['x'] } },
    ]);
    expect(await askAll<'resume'>(folder, { command: 'resume', queue: 'x' }, 5_000)).toMatchObject([
      { answer: { kind: 'done', changed: true, running: 2 } },
    ]);
  });

  it('answers a line without an end when it is the last word, and only the first of several', async () => {
    const folder = await makeFolder();
    await openServer(folder);
    const answer = `${JSON.stringify({ ok: true, answer: IDLE })}\n`;
    expect(await say(folder, '{"command":"status"}')).toBe(answer);
    expect(await say(folder, '{"command":"status"}\n{"command":"status"}\nmore')).toBe(answer);
  });

  it.each([
    ['', 'not JSON'],
    ['GET / HTTP/1.1\r\n\r\n', 'not JSON'],
    ['null\n', 'not an object'],
    ['[]\n', 'no such command; this daemon knows status, cancel, pause, resume, reload'],
    [
      '{"command":"constructor"}\n',
      'no such command; this daemon knows status, cancel, pause, resume, reload',
    ],
    ['{"command":"cancel"}\n', 'cancel: "job" has to be text'],
    ['{"command":"cancel","job":"x","queue":7}\n', 'cancel: "queue" has to be text'],
    ['{"command":"pause","queue":{}}\n', 'pause: "queue" has to be text'],
  ])('says of %j what is wrong with it', async (words, error) => {
    const folder = await makeFolder();
    const { bugs } = await openServer(folder);
    expect(JSON.parse(await say(folder, words))).toStrictEqual({ ok: false, error });
    expect(bugs).toStrictEqual([]);
  });

  it('hangs up on a request that has no end, and goes on', async () => {
    const folder = await makeFolder();
    await openServer(folder);
    expect(await say(folder, 'x'.repeat(1_000_000))).toBe('');
    expect(await askStatus(folder)).toStrictEqual(ANSWERED);
  });

  it('answers others while clients hang, hangs up on too many, and closes all the same', async () => {
    const folder = await makeFolder();
    const server = await openServer(folder);
    const silent = await Promise.all(Array.from({ length: 31 }, () => hang(folder)));
    expect(await askStatus(folder)).toStrictEqual(ANSWERED);
    expect(await say(folder, '')).not.toBe('');
    silent.push(await hang(folder));
    expect(await say(folder, '')).toBe('');
    await server.close();
    expect(await askStatus(folder)).toStrictEqual([]);
  });

  it('outlives a client that leaves before its answer', async () => {
    const folder = await makeFolder();
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<typeof IDLE>();
    const { bugs } = await openServer(folder, {
      status() {
        asked.resolve();
        return answered.promise;
      },
    });
    const client = await hang(folder);
    client.write('{"command":"status"}\n');
    await asked.promise;
    client.destroy();
    answered.resolve(IDLE);
    expect(await askStatus(folder)).toStrictEqual(ANSWERED);
    expect(bugs).toStrictEqual([]);
  });

  it('survives a handler that throws: it is a bug, which the client is told, too', async () => {
    const folder = await makeFolder();
    const { bugs } = await openServer(folder, {
      status() {
        throw new RangeError('odd');
      },
      cancel: async () => Promise.reject(new RangeError('even')),
    });
    expect(await askStatus(folder)).toMatchObject([
      { kind: 'failed', why: expect.stringContaining('a bug of the daemon') },
    ]);
    await askAll<'cancel'>(folder, { command: 'cancel', job: 'x' }, 5_000);
    expect(bugs).toStrictEqual([new RangeError('odd'), new RangeError('even')]);
  });

  it('that cannot be made is told once, with the way to mend it, and closing is no error then', async () => {
    const long = join(await makeFolder(), 'x'.repeat(100));
    await mkdir(long);
    const tooLong = await openServer(long);
    expect(tooLong.closed).toStrictEqual([
      expect.stringMatching(
        /control\.sock has \d+ bytes, and a socket may have 107: set state-dir to a shorter/,
      ),
    ]);
    await tooLong.close();
    const nowhere = await openServer(join(await makeFolder(), 'gone'));
    expect(nowhere.closed).toHaveLength(1);
    await nowhere.close();
  });
});

describe('asking', () => {
  it('has no answer where there is no folder, no socket, or nobody who listens', async () => {
    const folder = await makeFolder();
    expect(await askStatus(join(folder, 'gone'))).toStrictEqual([]);
    expect(await askStatus(folder)).toStrictEqual([]);
    await writeFile(join(folder, 'control.sock'), '');
    expect(await askStatus(folder)).toStrictEqual([]);
  });

  it('fails where a daemon lives and does not answer', async () => {
    const folder = await makeFolder();
    await openServer(folder, { status: () => new Promise(() => {}) });
    expect(await askStatus(folder, 50)).toMatchObject([
      { kind: 'failed', why: `${join(folder, 'control.sock')}: no answer within 50 ms` },
    ]);
  });

  it.skipIf(process.getuid?.() === 0)(
    'fails where it is not allowed to look (needs a user other than root)',
    async () => {
      const folder = await makeFolder();
      await openServer(folder);
      await chmod(join(folder, 'control.sock'), 0);
      expect(await askStatus(folder)).toMatchObject([
        { kind: 'failed', why: expect.stringContaining('call this as the user whom the daemon runs as') },
      ]);
    },
  );
});
