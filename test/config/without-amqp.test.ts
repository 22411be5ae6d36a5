import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { folderWith, load, problemsOf, warningsOf } from './config-folder.ts';

const REST = '[rbit]\nqueue-mappings = q:r\n[runner:r]\nrunner = shell!true\n';

describe('without [amqp]', () => {
  it('the queue is embedded', async () => {
    const config = await load(REST);
    expect(config.amqp).toBeUndefined();
    expect(config.warnings).toEqual([]);
  });

  it('queues can be bound and notifications sent: the embedded broker has an exchange of its own', async () => {
    const config = await load(`${REST}notify = yes\n[queue:q]\nbind = worker.q\n`);
    expect(config.queues.get('q')?.bind).toEqual(['worker.q']);
    expect(config.runners.get('r')?.notify).toBe(true);
    expect(config.warnings).toEqual([]);
  });

  it('the type of a queue is odd, but not as a default for all', async () => {
    expect(warningsOf(await load(`${REST}[queue:q]\nqueue-type = quorum\n`))).toEqual([
      'worker.ini:6: [queue:q] queue-type: has no effect without [amqp]: the embedded queue has one type (remove it, or add [amqp])',
    ]);
    expect(warningsOf(await load(`${REST}[queue:q]\n[DEFAULT]\nqueue-type = quorum\n`))).toEqual([]);
  });
});

describe('an [amqp] is never lost without a word', () => {
  it.each([
    'ampq',
    'amqps',
    'AMQP',
    'Amqp',
    ' amqp ',
    'amqp:main',
    'amqp 1',
    'rabbitmq',
    'RabbitMQ',
    'rabbit',
    'broker',
  ])('[%s] is refused, and told what was meant', async (name) => {
    for (const text of [`${REST}[${name}]\nhost = mq\n`, `[${name}]\nhost = mq\n${REST}`])
      expect(await problemsOf(text)).toEqual([
        expect.stringMatching(/^worker\.ini:\d: \[.*\]: unknown section \(did you mean \[amqp\]\?\)$/),
      ]);
  });

  it.each(['  [amqp]', '\t[AMQP]', ' [ amqp ] ; the broker'])(
    '%j is refused: it is part of the value above',
    async (header) => {
      expect(await problemsOf(`${REST}x = 1\n${header}\nhost = mq\n`)).toEqual([
        'worker.ini:6: [runner:r] x: an indented [amqp] is part of this value (remove the white space before it)',
      ]);
    },
  );

  it('where there is an [amqp], an indented one may be part of a value', async () => {
    const config = await load(`${REST}x = 1\n  [amqp]\n[amqp]\n`);
    expect(config.runners.get('r')?.settings).toEqual({ x: '1\n[amqp]' });
  });

  it.each([
    ['empty, at the end of the file', { 'a.ini': `${REST}[amqp]` }, ['a.ini']],
    [
      'only in an included file',
      { 'a.ini': `[include]\nfiles = b.ini\n${REST}`, 'b.ini': '[amqp]\n' },
      ['a.ini'],
    ],
    ['only in the second file', { 'a.ini': REST, 'b.ini': '[amqp]\n' }, ['a.ini', 'b.ini']],
    ['only in the first file', { 'a.ini': '[amqp]\n', 'b.ini': REST }, ['a.ini', 'b.ini']],
  ])('one that is %s counts', async (_, files, names) => {
    const folder = folderWith(files);
    const { amqp } = await loadConfig(
      names.map((name) => join(folder, name)),
      {},
    );
    expect(amqp?.urls).toMatchObject([{ hostname: 'localhost', port: 5672 }]);
  });
});
