import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';

const START_LIMIT_MS = 300_000;

/** The URL of the RabbitMQ that all tests share; the first call of a run starts it (a `beforeAll` is the place). */
export async function amqpUrl(): Promise<string> {
  const socket = connect(inject('amqpUrlSocket'));
  socket.setTimeout(START_LIMIT_MS, () => socket.destroy(new Error('no RabbitMQ within five minutes')));
  const answer: { url: string } | { error: string } = JSON.parse(await text(socket));
  if ('error' in answer) throw new Error(answer.error);
  return answer.url;
}
