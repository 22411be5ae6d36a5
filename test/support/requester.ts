import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Channel, type ChannelModel, type ConsumeMessage, connect, type GetMessage } from 'amqplib';
import { eventually } from './eventually.ts';
import { amqpPublish } from './install.ts';

const run = promisify(execFile);

export interface Reply {
  readonly body: Record<string, unknown>;
  readonly properties: ConsumeMessage['properties'];
  /** When it came, by `performance.now()`. */
  readonly at: number;
}

/** Somebody who sends jobs and listens to what is said of them. */
export class Requester {
  readonly replies: Reply[] = [];
  readonly replyTo: string;
  readonly url: string;
  readonly connection: ChannelModel;
  readonly channel: Channel;

  private constructor(url: string, connection: ChannelModel, channel: Channel, replyTo: string) {
    this.url = url;
    this.connection = connection;
    this.channel = channel;
    this.replyTo = replyTo;
  }

  static async start(url: string): Promise<Requester> {
    const connection = await connect(url, { noDelay: true });
    // A test may break the connection on purpose.
    connection.on('error', () => {});
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const requester = new Requester(url, connection, channel, queue);
    await channel.consume(queue, (message) => requester.#hear(message), { noAck: true });
    return requester;
  }

  #hear(message: ConsumeMessage | null): void {
    if (message === null) return;
    const body = JSON.parse(message.content.toString()) as Record<string, unknown>;
    this.replies.push({ body, properties: message.properties, at: performance.now() });
  }

  /** Sends one job by Debian's amqp-publish: a client that shares no code with ours. */
  async submitByCommand(queue: string, body: string, options: { replyTo?: string } = {}): Promise<void> {
    const replyTo = options.replyTo ?? this.replyTo;
    await run(await amqpPublish(), [
      `--url=${this.url}`,
      `--routing-key=${queue}`,
      ...(replyTo === '' ? [] : [`--reply-to=${replyTo}`]),
      `--body=${body}`,
    ]);
  }

  submit(
    queue: string,
    body: unknown,
    properties: { correlationId?: string; replyTo?: string; messageId?: string; persistent?: boolean } = {},
  ): void {
    const content = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    this.channel.sendToQueue(queue, content, { replyTo: this.replyTo, ...properties });
  }

  /** What was said so far about one job, or about all. */
  statuses(correlationId?: string): unknown[] {
    return this.replies
      .filter(({ properties }) => correlationId === undefined || properties.correlationId === correlationId)
      .map(({ body }) => body);
  }

  /** Waits until so many replies have come. */
  async heard(count: number, correlationId?: string, limitMs?: number): Promise<unknown[]> {
    return eventually(
      () => {
        const bodies = this.statuses(correlationId);
        return bodies.length >= count ? bodies : undefined;
      },
      `${count} replies (so far ${JSON.stringify(this.statuses(correlationId))})`,
      limitMs,
    );
  }

  /** Whether there is such a queue. Asking for one that is not there costs a channel. */
  async exists(queue: string): Promise<boolean> {
    const channel = await this.connection.createChannel();
    channel.on('error', () => {});
    try {
      await channel.checkQueue(queue);
      await channel.close();
      return true;
    } catch {
      return false;
    }
  }

  /** Waits for a message on a queue, which need not exist yet, and takes it off. */
  async take(queue: string): Promise<GetMessage> {
    return eventually(async () => {
      // Asking for a queue that is not there costs the channel.
      const channel = await this.connection.createChannel();
      channel.on('error', () => {});
      const message = await channel.get(queue, { noAck: true });
      await channel.close();
      return message === false ? undefined : message;
    }, `a message on ${queue}`);
  }

  async stop(): Promise<void> {
    await this.connection.close().catch(() => {});
  }
}
