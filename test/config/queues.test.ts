import { describe, expect, it } from 'vitest';
import { load, problemsOf, warningsOf, withRbit } from './config-folder.ts';

describe('queues', () => {
  it('each mapped one has its facts', async () => {
    const config = await load(
      '[rbit]\nqueue-mappings = a:r b:r\n[amqp]\nexchange = re\nqueue-type = classic\n[queue:a]\nbind = worker.a worker.x.*\nqueue-type = quorum\ndead-letter = morgue\n[runner:r]\nrunner = shell!true\n',
    );
    expect([...config.queues]).toEqual([
      ['a', { bind: ['worker.a', 'worker.x.*'], queueType: 'quorum', deadLetter: 'morgue' }],
      ['b', { bind: [], queueType: undefined, deadLetter: 'b.dead' }],
    ]);
  });

  it.each(['a:r', 'a: r', 'a :r', 'a : r', '\n  a:r', 'a:r\n  # b:r\n  ; c:r'])(
    '%j maps a to r',
    async (value) => {
      const config = await load(
        `[rbit]\nqueue-mappings = ${value}\n[amqp]\n[runner:r]\nrunner = shell!true\n`,
      );
      expect([...config.mappings]).toEqual([['a', 'r']]);
    },
  );

  it('of two mappings of a queue the last one counts, with a warning', async () => {
    const config = await load(
      '[rbit]\nqueue-mappings = a:r\n  a:s\n[amqp]\n[runner:r]\nrunner = shell!true\n[runner:s]\nrunner = shell!true\n',
    );
    expect([...config.mappings]).toEqual([['a', 's']]);
    expect(warningsOf(config)).toEqual([
      'worker.ini:3: [rbit] queue-mappings = "a:s": queue a is mapped twice; this one counts, not a:r (remove one of them)',
      'worker.ini:5: [runner:r]: no queue is mapped to this runner (add QUEUE:r to queue-mappings)',
    ]);
  });

  it('a comment on the first line of the mappings is not one', async () => {
    expect(
      await problemsOf('[rbit]\nqueue-mappings = # a:r\n  b:r\n[amqp]\n[runner:r]\nrunner = shell!true\n'),
    ).toEqual([
      'worker.ini:2: [rbit] queue-mappings = "# a:r": not QUEUE:RUNNER (move the comment to a line of its own)',
    ]);
  });

  it('no binding needs no exchange', async () => {
    expect((await load(withRbit('[queue:q]', 'bind ='))).queues.get('q')?.bind).toEqual([]);
  });

  it.each([
    [
      'passive',
      [
        'worker.ini:7: [queue:q] bind: has no effect with declare = passive: the daemon binds nothing (bind the queue at the broker and remove it, or set declare = if-missing)',
      ],
    ],
    [
      'no',
      [
        'worker.ini:7: [queue:q] bind: has no effect with declare = no: the daemon binds nothing (bind the queue at the broker and remove it, or set declare = if-missing)',
      ],
    ],
    ['if-missing', []],
  ])('with declare = %s a binding that is not made is odd', async (declare, warnings) => {
    const config = await load(
      `[rbit]\nqueue-mappings = q:r\n[amqp]\nexchange = re\ndeclare = ${declare}\n[queue:q]\nbind = a b\n[runner:r]\nrunner = shell!true\n`,
    );
    expect(warningsOf(config)).toEqual(warnings);
  });

  it('names of 255 bytes have room, longer ones have not', async () => {
    const mapping = (queue: string): string =>
      `[rbit]\nqueue-mappings = ${queue}:r\n[amqp]\n[queue:${queue}]\ndead-letter = x\n[runner:r]\nrunner = shell!true\n`;
    expect(await problemsOf(mapping('é'.repeat(127)))).toEqual([]);
    expect(await problemsOf(mapping('x'.repeat(255)))).toEqual([]);
    expect(await problemsOf(mapping('é'.repeat(128)))).toEqual([
      `worker.ini:2: [rbit] queue-mappings = "${'é'.repeat(60)}…": a name longer than 255 bytes (AMQP has no room for it)`,
      `worker.ini:4: [queue:${'é'.repeat(128)}]: a name longer than 255 bytes (AMQP has no room for more)`,
    ]);
  });

  it('a section for a queue that nobody works is odd', async () => {
    const config = await load(withRbit('[queue:Q]', 'dead-letter = x'));
    expect(warningsOf(config)).toEqual([
      'worker.ini:6: [queue:Q]: no runner is mapped to this queue (did you mean [queue:q]?)',
    ]);
  });
});
