import { isDeepStrictEqual } from 'node:util';
import { type Channel, type ChannelModel, connect } from 'amqplib';

/*
 * A release engine that reacts to replies exactly as re-core's FSM was seen to: by their order alone.
 *
 *   first reply    started              -> wait for the second
 *                  completed            -> the step counts as completed, the next one runs, the release ends failed
 *                  anything else        -> the step has failed
 *   second reply   completed            -> the step is completed
 *                  anything else        -> the step has failed
 *   a reply that is not an object with a status, or an unknown status of a step with `notify`, kills it
 *
 * Whatever is left in the reply queue is taken for the next step's first reply. There is no timeout.
 */

export interface Step {
  /** `command:Subcommand`, split at the first colon. */
  readonly name: string;
  readonly parameters?: Record<string, unknown>;
  readonly notify?: Record<string, unknown>;
}

export interface Check extends Step {
  /** The whole body that the second reply has to equal. */
  readonly expectation: unknown;
}

export interface Release {
  readonly id: string;
  readonly group?: string;
  readonly dynamic?: Record<string, unknown>;
  readonly preChecks?: readonly Check[];
  readonly steps: readonly Step[];
  readonly postActions?: readonly Step[];
}

export interface ReleaseResult {
  readonly completed: string[];
  readonly failedStep: string | undefined;
  readonly failed: boolean;
  /** The FSM's thread died of an exception: the release never ends. */
  readonly died: boolean;
  /** Replies that nobody read, in order. */
  readonly leftOver: unknown[];
  /** Every reply that was read, in order. */
  readonly replies: unknown[];
}

class ThreadDied extends Error {}

const FINAL = new Set(['completed', 'failed']);

export class ReleaseEngine {
  readonly #connection: ChannelModel;
  readonly #exchange: string;

  constructor(connection: ChannelModel, exchange: string) {
    this.#connection = connection;
    this.#exchange = exchange;
  }

  /** Connects, and declares the topic exchange as re-core does. */
  static async start(url: string, exchange: string): Promise<ReleaseEngine> {
    const connection = await connect(url, { noDelay: true });
    const channel = await connection.createChannel();
    await channel.assertExchange(exchange, 'topic', { durable: true });
    await channel.close();
    return new ReleaseEngine(connection, exchange);
  }

  async stop(): Promise<void> {
    await this.#connection.close();
  }

  /** Runs a release to its end. Hangs for ever when a worker stays silent, as the original does. */
  async run(release: Release): Promise<ReleaseResult> {
    const channel = await this.#connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true, durable: false });
    const inbox = new Inbox(channel, queue);
    await inbox.open();
    const completed: string[] = [];
    let failed = false;
    let failedStep: string | undefined;
    let died = false;
    try {
      failed = !(await this.#preChecksPass(release, channel, queue, inbox));
      for (const step of failed ? [] : release.steps) {
        this.#dispatch(channel, queue, release, step, { hosts: ['www01'], notify: step.notify ?? {} });
        const first = await inbox.next();
        if (first.status === 'completed') failed = true;
        const last = first.status === 'started' ? await inbox.next() : first;
        if (last.status !== 'completed') {
          if (!FINAL.has(last.status) && last.status !== 'started' && step.notify !== undefined)
            throw new ThreadDied('TypeError');
          failed = true;
          failedStep = step.name;
          break;
        }
        completed.push(step.name);
      }
      for (const action of release.postActions ?? []) {
        this.#dispatch(channel, queue, release, action, {});
        const [first, second] = [await inbox.next(), await inbox.next()];
        if (first.status !== 'started' || second.status !== 'completed') failed = true;
      }
    } catch (error) {
      if (!(error instanceof ThreadDied)) throw error;
      died = true;
    }
    const leftOver = await inbox.close();
    await channel.close();
    return { completed, failedStep, failed, died, leftOver, replies: inbox.read };
  }

  async #preChecksPass(release: Release, channel: Channel, queue: string, inbox: Inbox): Promise<boolean> {
    for (const check of release.preChecks ?? []) {
      this.#dispatch(channel, queue, release, check, {});
      const first = await inbox.next();
      if (first.status !== 'started') return false;
      if (!isDeepStrictEqual(await inbox.next(), check.expectation)) return false;
    }
    return true;
  }

  #dispatch(
    channel: Channel,
    replyTo: string,
    { id, group, dynamic }: Release,
    step: Step,
    { hosts, notify }: { hosts?: string[]; notify?: Record<string, unknown> },
  ): void {
    const colon = step.name.indexOf(':');
    const command = colon === -1 ? step.name : step.name.slice(0, colon);
    const subcommand = colon === -1 ? '' : step.name.slice(colon + 1);
    const body = {
      group: group ?? 'web',
      parameters: { ...step.parameters, command, subcommand, ...(hosts === undefined ? {} : { hosts }) },
      dynamic: dynamic ?? {},
      notify: notify ?? {},
    };
    channel.publish(this.#exchange, `worker.${command}`, Buffer.from(JSON.stringify(body)), {
      correlationId: id,
      replyTo,
    });
  }
}

interface Reply {
  readonly status: string;
}

/** The replies of one release, in order. */
class Inbox {
  readonly read: unknown[] = [];
  readonly #waiting: string[] = [];
  readonly #channel: Channel;
  readonly #queue: string;
  #wake = (): void => {};
  #tag = '';

  constructor(channel: Channel, queue: string) {
    this.#channel = channel;
    this.#queue = queue;
  }

  async open(): Promise<void> {
    const { consumerTag } = await this.#channel.consume(
      this.#queue,
      (message) => {
        if (message === null) return;
        this.#waiting.push(message.content.toString());
        this.#wake();
      },
      { noAck: true },
    );
    this.#tag = consumerTag;
  }

  async next(): Promise<Reply> {
    while (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const reply = parse(this.#waiting.shift() ?? '');
    this.read.push(reply);
    if (!hasStatus(reply)) throw new ThreadDied('KeyError: status');
    return reply;
  }

  /** What nobody has read, up to now: a round trip shows that nothing more is on its way. */
  async close(): Promise<unknown[]> {
    await this.#channel.checkExchange('amq.topic');
    await this.#channel.cancel(this.#tag);
    await this.#channel.deleteQueue(this.#queue);
    return this.#waiting.map(parse);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function hasStatus(reply: unknown): reply is Reply {
  return typeof reply === 'object' && reply !== null && !Array.isArray(reply) && 'status' in reply;
}
