import { describe, expect, it } from 'vitest';
import { describeQueues } from '../../src/daemon/make-broker.ts';
import { load, withAmqp } from '../config/config-folder.ts';

const REST = '[rbit]\nqueue-mappings = q:r\nstate-dir = /srv/x\n[runner:r]\nrunner = shell!true\n';

describe('where the queues are is said', () => {
  it.each([
    ['by the path of the embedded file', REST, 'embedded, in /srv/x/queue.sqlite'],
    ['by host and port', withAmqp(), 'RabbitMQ, amqp://localhost:5672'],
    [
      'by every URL, with its virtual host and without its login',
      withAmqp('url = amqp://bob:hunter22@mq/jobs amqps://mq2'),
      'RabbitMQ, amqp://mq:5672/jobs or amqps://mq2:5671',
    ],
    ['without a secret', REST.replace('/srv/x', '/srv/${env:PLACE}'), 'embedded, in /srv/***/queue.sqlite'],
  ])('%s', async (_, text, expected) => {
    expect(describeQueues(await load(text, { PLACE: 'hunter22' }))).toBe(expected);
  });
});
