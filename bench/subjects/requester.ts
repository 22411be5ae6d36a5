import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../child.ts';
import type { Order, Tale } from '../programs/requester.ts';

const PROGRAM = fileURLToPath(new URL('../programs/requester.ts', import.meta.url));

/** A requester in a process of its own, with a queue of its own. */
export interface Requester extends Child {
  readonly queue: string;
  order(order: Order): void;
  /** Resolves with the next tale of this kind, also if it has come already; rejects when the requester fails. */
  heard<T extends Tale['told']>(told: T): Promise<Extract<Tale, { told: T }>>;
}

/** Starts it, calls `use`, and ends it with its queue. */
export async function withRequester<T>(url: string, use: (requester: Requester) => Promise<T>): Promise<T> {
  const child = startChild(process.execPath, [PROGRAM, url], { ipc: true });
  const tales: Tale[] = [];
  let onTale = (): void => {};
  child.process.on('message', (tale: Tale) => {
    tales.push(tale);
    onTale();
  });

  function heard<Kind extends Tale['told']>(told: Kind): Promise<Extract<Tale, { told: Kind }>> {
    const come = new Promise<Extract<Tale, { told: Kind }>>((resolve) => {
      onTale = () => {
        const at = tales.findIndex((tale) => tale.told === told);
        // Found by its kind, which is its type.
        if (at !== -1) resolve(tales.splice(at, 1)[0] as Extract<Tale, { told: Kind }>);
      };
      onTale();
    });
    return Promise.race([come, child.failed]);
  }

  try {
    const { queue } = await heard('ready');
    return await use({ ...child, queue, heard, order: (order) => child.process.send(order) });
  } finally {
    await child.stop();
  }
}
