import { describe, expect, it } from 'vitest';
import { follow } from '../../src/client/follow.ts';
import { type HeardEvent, type HeardMessage, readJobEvent } from '../../src/client/read-job-event.ts';

/** What arrives as it should: replies by the queue's name, everything else by the exchange. */
function message(
  body: unknown,
  correlationId = 'mine',
  exchange = Object.hasOwn(Object(body), 'status') ? '' : 're',
): HeardMessage {
  const bytes = typeof body === 'string' ? body : JSON.stringify(body);
  return { exchange, message: { body: Buffer.from(bytes), properties: { headers: {}, correlationId } } };
}

describe('what a message says of its job', () => {
  it.each<[unknown, HeardEvent | undefined]>([
    [{ status: 'started' }, { event: 'started' }],
    [{ status: 'completed' }, { event: 'completed' }],
    [
      { status: 'completed', data: null },
      { event: 'completed', data: null },
    ],
    [
      { status: 'failed', message: 'why', data: [1] },
      { event: 'failed', message: 'why', data: [1] },
    ],
    [{ status: 'failed' }, { event: 'failed', message: 'no reason given' }],
    [{ message: 'a line' }, { event: 'output', line: 'a line' }],
    [{ message: '' }, { event: 'output', line: '' }],
    [
      { progress: 40, message: 'page 4' },
      { event: 'progress', percent: 40, message: 'page 4' },
    ],
    [{ progress: 0 }, { event: 'progress', percent: 0 }],
    [{ status: 'dynamic', message: 'x' }, undefined],
    [{ message: 7 }, undefined],
    [{}, undefined],
    [null, undefined],
    [['message'], undefined],
    ['{"status":', undefined],
  ])('%j', (body, event) => {
    expect(readJobEvent(message(body))).toStrictEqual(event);
  });
});

describe('the data of a reply', () => {
  const dataOf = (data: string): unknown => {
    const event = readJobEvent(message(`{"status":"completed","data":${data}}`, 'mine', ''));
    return event?.event === 'completed' ? event.data : undefined;
  };

  it('keeps its numbers as they are written', () => {
    expect(JSON.stringify(dataOf('{"n": 12345678901234567890, "v": [1.10]}'))).toBe(
      '{"n":12345678901234567890,"v":[1.10]}',
    );
  });

  it('is read also where it is nested deeper than that is possible', () => {
    expect(dataOf(`${'['.repeat(100_000)}1.10${']'.repeat(100_000)}`)).toBeInstanceOf(Array);
  });
});

describe('following a job', () => {
  function following(lingers: boolean): { told: HeardEvent[] } & ReturnType<typeof follow> {
    const told: HeardEvent[] = [];
    return { told, ...follow('mine', (event) => told.push(event), lingers) };
  }

  it('tells nothing of other jobs', async () => {
    const { told, hear, ended } = following(false);
    hear(message({ message: 'theirs' }, 'theirs'));
    hear(message({ status: 'failed', message: 'theirs' }, 'theirs'));
    hear({
      exchange: '',
      message: { body: Buffer.from('{"status":"completed"}'), properties: { headers: {} } },
    });
    hear(message({ message: 'mine' }));
    hear(message({ status: 'completed' }));
    expect(await ended).toStrictEqual({ event: 'completed' });
    expect(told).toStrictEqual([{ event: 'output', line: 'mine' }]);
  });

  it('a reply that came by the exchange is none, nor is output that was sent to the queue', async () => {
    const { told, hear, ended } = following(false);
    hear(message({ status: 'completed', data: 'forged' }, 'mine', 're'));
    hear(message({ message: 'forged' }, 'mine', ''));
    hear(message({ progress: 99 }, 'mine', ''));
    hear(message({ status: 'failed', message: 'really' }));
    expect(await ended).toStrictEqual({ event: 'failed', message: 'really' });
    expect(told).toStrictEqual([]);
  });

  it('a second "started" and a second final reply are not told', async () => {
    const { told, hear, ended } = following(true);
    hear(message({ status: 'started' }));
    hear(message({ status: 'started' }));
    hear(message({ status: 'failed', message: 'first' }));
    hear(message({ status: 'completed' }));
    expect(await ended).toStrictEqual({ event: 'failed', message: 'first' });
    expect(told).toStrictEqual([{ event: 'started' }]);
  });

  it('output that comes after the final reply is told before the end, and nothing after it', async () => {
    const { told, hear, ended } = following(true);
    hear(message({ status: 'completed' }));
    hear(message({ message: 'late' }));
    await ended;
    hear(message({ message: 'too late' }));
    expect(told).toStrictEqual([{ event: 'output', line: 'late' }]);
  });

  it('a job that never stops talking has an end all the same', async () => {
    const { hear, ended } = following(true);
    hear(message({ status: 'completed' }));
    const talking = setInterval(() => hear(message({ message: 'and another thing' })), 10);
    expect(await ended).toStrictEqual({ event: 'completed' });
    clearInterval(talking);
  });
});
