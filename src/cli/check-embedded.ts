import { type EmbeddedQueue, inspectEmbedded } from '../broker/embedded/inspect.ts';
import type { Config } from '../config/config.ts';
import { queueFile } from '../daemon/state-dir.ts';
import { EXIT } from './exit-codes.ts';
import { table } from './terminal/table.ts';

/** Prints what is on each queue of the embedded broker; sets exit status 69 when its file cannot be opened. Changes nothing. */
export function checkEmbedded(config: Config): void {
  const file = queueFile(config);
  const inspection = inspectEmbedded(file);
  if (inspection !== undefined && 'problem' in inspection) {
    process.stderr.write(`${config.secrets.mask(`error: ${file}: ${inspection.problem.message}`)}\n`);
    process.exitCode = EXIT.brokerUnusable;
    return;
  }
  const found = new Map((inspection?.queues ?? []).map((queue) => [queue.name, queue]));
  process.stdout.write(
    table(
      ['queue', 'exists', 'messages', 'delayed', 'delivered', 'dead letters'],
      [...config.queues].map(([name, { deadLetter }]) => row(name, deadLetter, found)),
    ),
  );
  if (inspection === undefined)
    process.stderr.write('note: nothing is there yet; the daemon will create it\n');
}

function row(name: string, deadLetter: string, found: ReadonlyMap<string, EmbeddedQueue>): string[] {
  const queue = found.get(name);
  // It is made for the first of them.
  const { messages = 0, delayed = 0, delivered = 0 } = found.get(deadLetter) ?? {};
  return [
    name,
    queue === undefined ? 'no' : 'yes',
    String(queue?.messages ?? '-'),
    String(queue?.delayed ?? '-'),
    String(queue?.delivered ?? '-'),
    `${messages + delayed + delivered} in ${deadLetter}`,
  ];
}
