import type { QueueOptions } from '../broker.ts';

/** What the embedded broker has to know. */
export interface EmbeddedOptions {
  /** Path of the database, in a folder that is there; `:memory:` for one that nobody else can see. */
  readonly file: string;
  /** Name of the topic exchange, which is always there. */
  readonly exchange: string;
  /** Facts of queues by name, looked up whenever they are needed; of others none are known. */
  readonly queues: ReadonlyMap<string, QueueOptions>;
}
