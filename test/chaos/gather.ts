import { readFile } from 'node:fs/promises';
import { connect } from 'amqplib';
import type { DeadLetter, Evidence } from './evidence.ts';
import { readLedger } from './ledger.ts';
import { processesOf } from './processes.ts';
import { hostOfRunner } from './project.ts';
import type { Stage } from './stage.ts';

const DEAD = '.dead';

/** Messages per queue, those in somebody's hands included; without dead-letter and reply queues. */
export async function depthsOf({ rabbitmq }: Stage): Promise<Map<string, number>> {
  const text = await rabbitmq.ctl('list_queues', 'name', 'messages', '--no-table-headers');
  const depths = text
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([name = '']) => name !== '' && !name.endsWith(DEAD) && !name.startsWith('replies.'));
  return new Map(depths.map(([name = '', messages]) => [name, Number(messages)]));
}

/** What is left when the daemons have stopped: on the queues, in the ledger, in their logs and among the processes. */
export async function gather(
  stage: Stage,
): Promise<Pick<Evidence, 'runs' | 'deadLetters' | 'depths' | 'leftovers' | 'troubles'>> {
  const { folder, hosts } = stage;
  const leftovers = await processesOf(folder.path);
  const troubles = await Promise.all(
    [...hosts.values()].map(async ({ name, logFile, troubles: own }) => [
      ...own,
      ...bugsIn(await readFile(logFile, 'utf8')).map((line) => `${name}: ${line}`),
    ]),
  );
  return {
    runs: await readLedger(folder.ledger),
    deadLetters: await takeDeadLetters(stage),
    depths: await depthsOf(stage),
    leftovers: leftovers.map(({ pid, command }) => `${pid} ${command}`),
    troubles: troubles.flat(),
  };
}

async function takeDeadLetters({ rabbitmq, queues }: Stage): Promise<DeadLetter[]> {
  const existing = await rabbitmq.ctl('list_queues', 'name', '--no-table-headers');
  const names = new Set(existing.split('\n').map((line) => line.trim()));
  const letters: DeadLetter[] = [];
  const connection = await connect(rabbitmq.url);
  const channel = await connection.createChannel();
  for (const { name: queue } of queues.filter(({ name }) => names.has(name + DEAD))) {
    for (;;) {
      const message = await channel.get(queue + DEAD, { noAck: true });
      if (message === false) break;
      const { correlationId, headers } = message.properties;
      const [reason, runner, diedAt] = ['reason', 'runner', 'died-at'].map(
        (name): unknown => headers?.[`x-rbit-${name}`],
      );
      letters.push({
        key: String(correlationId),
        queue,
        reason: typeof reason === 'string' ? reason : '',
        host: hostOfRunner(String(runner)),
        atMs: Date.parse(String(diedAt)),
      });
    }
  }
  await connection.close();
  return letters;
}

/** Lines of a daemon's log that tell of an error of its own, or that are none of its lines. */
function bugsIn(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => line !== '' && (!line.startsWith('{') || /"msg":"bug\b|"level":"fatal"/.test(line)))
    .map((line) => line.slice(0, 500));
}
