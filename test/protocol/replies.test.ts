import { describe, expect, it } from 'vitest';
import type { Job } from '../../src/job/job.ts';
import { completed, failed } from '../../src/job/outcome.ts';
import { notifications } from '../../src/protocol/notify.ts';
import { outputMessage } from '../../src/protocol/output.ts';
import { progressMessage } from '../../src/protocol/progress.ts';
import { finalReply, type Requester, requesterOf, startedReply } from '../../src/protocol/replies.ts';

const requester: Requester = { replyTo: 'amq.gen-1', correlationId: 'c1', appId: 'pdf' };

const job: Job = {
  id: 'c1',
  queue: 'jobs',
  runner: 'pdf',
  body: {},
  parameters: { command: 'pdf', subcommand: 'Make' },
  dynamic: {},
  notify: {},
  attempt: 1,
  redelivered: false,
  correlationId: 'c1',
  replyTo: 'amq.gen-1',
  headers: {},
};

const bodyOf = ({ body }: { body: Buffer }): unknown => JSON.parse(body.toString());

describe('replies', () => {
  it('go to the default exchange with the properties that re-core’s workers set', () => {
    expect(startedReply(requester)).toMatchObject({
      exchange: '',
      routingKey: 'amq.gen-1',
      properties: {
        appId: 'pdf',
        correlationId: 'c1',
        replyTo: 'log',
        contentType: 'application/json',
        persistent: true,
      },
    });
  });

  it('hold no key more than needed: requesters compare whole bodies', () => {
    expect(bodyOf(startedReply(requester))).toStrictEqual({ status: 'started' });
    expect(bodyOf(finalReply(requester, { kind: 'completed' }))).toStrictEqual({ status: 'completed' });
    expect(bodyOf(finalReply(requester, { kind: 'completed', data: { exists: true } }))).toStrictEqual({
      status: 'completed',
      data: { exists: true },
    });
    expect(bodyOf(finalReply(requester, failed('no such package')))).toStrictEqual({
      status: 'failed',
      message: 'no such package',
    });
    expect(bodyOf(finalReply(requester, failed('no', { code: 7 })))).toStrictEqual({
      status: 'failed',
      message: 'no',
      data: { code: 7 },
    });
  });

  it('keep data that is null, 0, false or empty, and add no key for none', () => {
    for (const data of [null, 0, false, '', [], {}]) {
      const outcome = completed(data);
      expect(outcome.kind === 'completed' && bodyOf(finalReply(requester, outcome))).toStrictEqual({
        status: 'completed',
        data,
      });
    }
    expect(completed()).toStrictEqual({ kind: 'completed' });
  });

  it('never go to the queue that the job came from: each reply would be a job that is answered', () => {
    expect(requesterOf({ ...job, queue: 'log', replyTo: 'log' }, () => true)).toBeUndefined();
  });

  it('go nowhere without reply_to, or where it is not allowed', () => {
    const { replyTo, ...silent } = job;
    expect(replyTo).toBeDefined();
    expect(requesterOf(silent, () => true)).toBeUndefined();
    expect(requesterOf(job, () => false)).toBeUndefined();
    expect(requesterOf(job, () => true)).toStrictEqual(requester);
  });

  it('carry no correlation id when the job had none', () => {
    const { correlationId, ...anonymous } = job;
    expect(correlationId).toBeDefined();
    expect(requesterOf(anonymous, () => true)).toStrictEqual({ replyTo: 'amq.gen-1', appId: 'pdf' });
    expect(startedReply({ replyTo: 'q', appId: 'pdf' }).properties).not.toHaveProperty('correlationId');
  });
});

describe('output', () => {
  it('is one message a line, with nothing in it but the line', () => {
    const message = outputMessage('re', job, 'page "1" of 10');
    expect(message).toMatchObject({
      exchange: 're',
      routingKey: 'output',
      properties: { replyTo: 'log', correlationId: 'c1' },
    });
    expect(bodyOf(message)).toStrictEqual({ message: 'page "1" of 10' });
  });
});

describe('progress', () => {
  it('is a share of 100, and what the job is doing if it said so', () => {
    const message = progressMessage('re', job, 40, 'page 4 of 10');
    expect(message).toMatchObject({ exchange: 're', routingKey: 'progress' });
    expect(message.properties).toStrictEqual(outputMessage('re', job, '').properties);
    expect(bodyOf(message)).toStrictEqual({ progress: 40, message: 'page 4 of 10' });
    expect(bodyOf(progressMessage('re', job, 0))).toStrictEqual({ progress: 0 });
  });
});

describe('notifications', () => {
  const asking = (notify: Record<string, unknown>): Job => ({ ...job, notify });

  it('go to each transport of the phase, with the four keys that receivers demand', () => {
    const sent = notifications(
      're',
      asking({ failed: { irc: ['#ops'], email: ['a@b.c'] } }),
      'failed',
      'no disk',
    );
    expect(sent.map(({ routingKey }) => routingKey)).toStrictEqual(['notify.irc', 'notify.email']);
    expect(sent.map(bodyOf)).toStrictEqual([
      {
        slug: 'pdf (pdf:Make) failed: no disk',
        message: 'pdf (pdf:Make) failed: no disk',
        phase: 'failed',
        target: ['#ops'],
      },
      {
        slug: 'pdf (pdf:Make) failed: no disk',
        message: 'pdf (pdf:Make) failed: no disk',
        phase: 'failed',
        target: ['a@b.c'],
      },
    ]);
  });

  it('have a slug of 80 characters at most', () => {
    const [sent] = notifications('re', asking({ failed: { irc: ['#ops'] } }), 'failed', 'x'.repeat(500));
    expect(sent === undefined ? sent : bodyOf(sent)).toMatchObject({
      slug: expect.stringMatching(/^.{80}$/),
    });
  });

  it('are limited in number and length: no message can multiply itself by them', () => {
    const transports = Object.fromEntries(Array.from({ length: 700 }, (_, index) => [`t${index}`, ['a']]));
    const greedy = { ...asking({ completed: transports }), parameters: { command: 'A'.repeat(1_000_000) } };
    const many = notifications('re', greedy, 'completed');
    expect(many).toHaveLength(32);
    expect(many.every(({ body }) => body.length < 1_300)).toBe(true);
  });

  it('are not sent for another phase, nor to a transport or a target that a message made up', () => {
    expect(notifications('re', asking({ completed: { irc: ['#ops'] } }), 'failed')).toHaveLength(0);
    const odd = { failed: { 'irc.#': ['a'], 'a b': ['a'], '': ['a'], irc: '#ops', email: [1], log: [] } };
    expect(notifications('re', asking(odd), 'failed')).toHaveLength(0);
    for (const notify of [{ failed: 'irc' }, { failed: null }, { failed: 7 }, {}]) {
      expect(notifications('re', asking(notify), 'failed')).toHaveLength(0);
    }
  });
});
