import { type ChildProcess, execFile, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { rabbitmqScripts } from './install.ts';

const READY_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;

/** A RabbitMQ of the test's own, on loopback, with its data in a temporary folder. */
export interface Rabbitmq {
  /** Of its default virtual host, as guest. */
  readonly url: string;
  readonly port: number;
  /** Of the Erlang machine that is the broker; another one after `restart`. */
  readonly pid: number;
  /** Runs rabbitmqctl against it (about two seconds) and resolves with what that prints. */
  ctl(...args: string[]): Promise<string>;
  /** Ends it in order and removes everything it left behind. Does nothing the second time. */
  stop(): Promise<void>;
  /** Ends it in order, as for an upgrade: its folder stays for `restart`. */
  halt(): Promise<void>;
  /** SIGKILL: as in a power cut, except that its folder stays for `restart`. */
  kill(): Promise<void>;
  /** Ends it in order if it runs, and starts it again on the same port with the same data. */
  restart(): Promise<void>;
}

export interface RabbitmqOptions {
  /** Lines for its rabbitmq.conf. */
  readonly config?: string;
  /** Erlang terms for its advanced.config. */
  readonly advancedConfig?: string;
}

/** Starts a private RabbitMQ and resolves when it has taken a connection: in 5 to 15 seconds. */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<Rabbitmq> {
  const scripts = await rabbitmqScripts();
  const folder = await mkdtemp(join(tmpdir(), 'rbit-ts-rabbitmq-'));
  const [port, distPort, epmdPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const environment = {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: folder,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `rbit-ts-${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    // The start script then becomes the broker, so that the pid we know is the broker's.
    RABBITMQ_ALLOW_INPUT: '1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-noinput -kernel inet_dist_use_interface {127,0,0,1}',
  };
  const url = `amqp://guest:guest@127.0.0.1:${port}`;
  const logFile = join(folder, 'broker.log');
  let broker: ChildProcess | undefined;
  let epmd: ChildProcess | undefined;
  let reaper: ChildProcess | undefined;

  async function start(): Promise<void> {
    const log = openSync(logFile, 'a');
    const io: SpawnOptions = { env: environment, detached: true, stdio: ['ignore', log, log] };
    const names = spawn('epmd', ['-address', '127.0.0.1', '-port', String(epmdPort)], io);
    const server = spawn(join(scripts, 'rabbitmq-server'), [], io);
    closeSync(log);
    [epmd, broker] = [names, server];
    await Promise.all([once(names, 'spawn'), once(server, 'spawn')]);
    reaper = spawnReaper(folder, [server, names]);
    await eventually(
      async () => {
        if (hasEnded(server)) return 'ended';
        const connection = await connect(url, { timeout: 5000 });
        connection.on('error', () => {});
        await connection.close();
        return 'ready';
      },
      'RabbitMQ taking a connection',
      READY_LIMIT_MS,
    );
    if (hasEnded(server))
      throw new Error(`RabbitMQ did not start:\n${(await readFile(logFile, 'utf8')).slice(-4000)}`);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    reaper?.kill('SIGKILL');
    await endChild(broker, signal);
    await endChild(epmd, 'SIGKILL');
  }

  async function stop(): Promise<void> {
    await end('SIGTERM');
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  try {
    await writeFile(
      environment.RABBITMQ_CONFIG_FILE,
      `listeners.tcp.1 = 127.0.0.1:${port}\n${options.config ?? ''}\n`,
    );
    await writeFile(environment.RABBITMQ_ADVANCED_CONFIG_FILE, options.advancedConfig ?? '[].\n');
    await writeFile(environment.RABBITMQ_ENABLED_PLUGINS_FILE, '[].\n');
    await start();
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    url,
    port,
    get pid() {
      return broker?.pid ?? 0;
    },
    async ctl(...args) {
      const { stdout } = await promisify(execFile)(join(scripts, 'rabbitmqctl'), ['--quiet', ...args], {
        env: { ...environment, RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '' },
        timeout: 60_000,
      });
      return stdout;
    },
    stop,
    halt: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      await start();
    },
  };
}

/** Ends the broker when this process dies without having stopped it: its end of the pipe closes then. */
function spawnReaper(folder: string, children: readonly ChildProcess[]): ChildProcess {
  const script = 'read -r _; kill -9 "$@"; sleep 1; rm -rf "$FOLDER"';
  const pids = children.map((child) => String(child.pid));
  const reaper = spawn('/bin/sh', ['-c', script, 'reaper', ...pids], {
    env: { PATH: process.env['PATH'], FOLDER: folder },
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  reaper.stdin?.on('error', () => {});
  return reaper;
}

async function endChild(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child?.pid === undefined || hasEnded(child)) return;
  const exited = once(child, 'exit');
  const hard = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  child.kill(signal);
  await exited;
  clearTimeout(hard);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
