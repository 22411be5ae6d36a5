import { inspectEmbedded } from '../../broker/embedded/inspect.ts';
import type { Config } from '../../config/config.ts';
import { queueFile } from '../../daemon/state-dir.ts';
import { oneLine } from '../terminal/terminal-text.ts';

/**
 * Says on stderr that nobody takes jobs off a queue of the embedded broker, as when the daemon has its queues elsewhere.
 * Says nothing of RabbitMQ, or where it cannot be found out.
 */
export function noteThatNobodyWorks(config: Config, queue: string): void {
  if (config.amqp !== undefined) return;
  const file = queueFile(config);
  const inspection = inspectEmbedded(file);
  if (inspection === undefined || 'problem' in inspection) return;
  const found = inspection.queues.find(({ name }) => name === queue);
  if (found === undefined || found.consumers > 0) return;
  process.stderr.write(`note: nobody works ${oneLine(config.secrets.mask(file))} now; the job waits there\n`);
}
