import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { type Rabbitmq, startRabbitmq } from '../support/rabbitmq.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { Host } from './host.ts';
import { processesOf } from './processes.ts';
import { type CampaignFolder, canAcknowledgeAtReceipt, iniText } from './project.ts';
import { type CampaignQueue, campaignQueues, HOSTS, type HostName, REPLY_QUEUES } from './queues.ts';
import { Requester } from './requester.ts';

/** All that takes part in a campaign, running. */
export interface Stage {
  readonly folder: CampaignFolder;
  readonly queues: readonly CampaignQueue[];
  readonly rabbitmq: Rabbitmq;
  readonly hosts: ReadonlyMap<HostName, Host>;
  readonly requester: Requester;
  /** Ends everything that the campaign started, whatever state it is in, and removes the folder unless it is kept. */
  close(options: { keep: boolean }): Promise<void>;
}

/** Starts a private RabbitMQ with the queues on it, and a daemon for each host. About ten seconds. */
export async function setStage(): Promise<Stage> {
  const path = await mkdtemp(join(tmpdir(), 'rbit-ts-chaos-'));
  const folder = { path, ledger: join(path, 'ledger.txt'), locks: join(path, 'locks') };
  const closing: (() => Promise<unknown>)[] = [];

  async function close({ keep }: { keep: boolean }): Promise<void> {
    for (const end of closing.splice(0).toReversed()) await end();
    for (const { pid } of await processesOf(path)) endProcess(pid);
    if (!keep) await rm(path, { recursive: true, force: true, maxRetries: 5 });
  }

  try {
    await mkdir(folder.locks);
    await writeFile(folder.ledger, '');
    const [withReceipt, rabbitmq] = await Promise.all([canAcknowledgeAtReceipt(folder), startRabbitmq()]);
    closing.push(() => rabbitmq.stop());
    const queues = campaignQueues(withReceipt);
    await declareQueues(rabbitmq.url, queues);
    const hosts = new Map<HostName, Host>();
    for (const name of HOSTS) {
      const proxy = await startTcpProxy({ port: rabbitmq.port });
      closing.push(() => proxy.close());
      const ini = join(path, `${name}.ini`);
      await writeFile(ini, iniText(name, proxy.port, queues, folder));
      const host = new Host({ name, proxy, ini, logFile: join(path, `${name}.log`) });
      hosts.set(name, host);
      closing.push(() => host.kill());
      host.start();
    }
    const requester = new Requester(rabbitmq.url, Object.values(REPLY_QUEUES));
    closing.push(() => requester.close());
    requester.start();
    return { folder, queues, rabbitmq, hosts, requester, close };
  } catch (error) {
    await close({ keep: false });
    throw error;
  }
}

async function declareQueues(url: string, queues: readonly CampaignQueue[]): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const types = [
    ...queues.map(({ name, type }) => [name, type] as const),
    ...Object.entries(REPLY_QUEUES).map(([type, name]) => [name, type] as const),
  ];
  for (const [name, type] of types)
    await channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': type } });
  await connection.close();
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
