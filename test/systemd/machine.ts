import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';

/** Where the program lies in the machine. */
export const PROGRAM = '/opt/rbit-ts';

/** How a command in the machine has ended. */
export interface Ended {
  readonly code: number;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

const BOOT_LIMIT_MS = 120_000;
const COMMAND_LIMIT_MS = 180_000;
const STOP_LIMIT_MS = 20_000;

/*
 * This machine's own files, with a layer of memory over them that takes every change, and a systemd of their own. What
 * this machine has enabled is not started there. Where systemd is not the first process here (in another container), there
 * is nobody to make a cgroup for it: then it is made by hand.
 */
const BOOT = `set -e
layer=$1 program=$2
mount -t tmpfs tmpfs "$layer"
mkdir "$layer/up" "$layer/work" "$layer/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$layer/up,workdir=$layer/work" "$layer/root"
mkdir -p "$layer/root${PROGRAM}"
rm -rf "$layer/root/etc/machine-id" && touch "$layer/root/etc/machine-id"
keep=
if [ ! -d /run/systemd/system ]; then
  keep=--keep-unit
  for place in $3; do mkdir "$place" && echo $$ > "$place/cgroup.procs"; done
fi
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn --quiet --directory="$layer/root" --boot --register=no $keep --machine=rbit-ts-test \\
  --private-network --link-journal=no --console=pipe --bind-ro="$program:${PROGRAM}" \\
  --tmpfs=/etc/systemd/system --tmpfs=/var/log systemd.unit=basic.target`;

/** A systemd in a container that goes away with this process. */
export class Machine {
  readonly #spawner: ChildProcess;
  readonly #layer: string;
  readonly #cgroups: readonly string[];
  #leader = 0;
  #console = '';

  private constructor(program: string) {
    this.#layer = mkdtempSync(join(tmpdir(), 'rbit-systemd-'));
    this.#cgroups = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd']
      .filter((place) => existsSync(join(place, 'cgroup.procs')))
      .map((place) => join(place, `rbit-systemd-${process.pid}`));
    const args = ['--mount', '--propagation', 'private', 'sh', '-c', BOOT, 'sh'];
    this.#spawner = spawn('unshare', [...args, this.#layer, program, this.#cgroups.join(' ')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#spawner.stdout, this.#spawner.stderr])
      stream?.on('data', (text) => {
        this.#console += String(text);
      });
  }

  /** Resolves when systemd has started what is basic. `program` is the folder of rbit-ts. */
  static async boot(program: string): Promise<Machine> {
    const machine = new Machine(program);
    try {
      await eventually(() => machine.#findLeader(), 'the first process', BOOT_LIMIT_MS);
      await eventually(
        async () => (await machine.sh('systemctl is-active basic.target')).code === 0,
        'basic.target',
        BOOT_LIMIT_MS,
      );
      return machine;
    } catch (error) {
      const said = machine.#console.trim().split('\n').slice(-3).join(' | ');
      await machine.stop();
      throw new Error(`systemd did not boot in a container: ${said}`, { cause: error });
    }
  }

  /** Runs a shell command in the machine as root, or as `user`. */
  async sh(command: string, user = 'root'): Promise<Ended> {
    const become = user === 'root' ? [] : ['runuser', '-u', user, '--'];
    const env = ['env', '-i', `PATH=${PROGRAM}/node_modules/.bin:/usr/bin:/bin:/usr/sbin:/sbin`];
    const enter = ['--target', String(this.#leader), '--all', '--'];
    const args = [...enter, ...become, ...env, 'sh', '-c', `{ ${command}\n} 2>&1`];
    return new Promise((resolve) => {
      execFile('nsenter', args, { timeout: COMMAND_LIMIT_MS }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, output: (stdout + stderr).trimEnd() });
      });
    });
  }

  /** Ends all that runs in it. */
  async stop(): Promise<void> {
    const ended = once(this.#spawner, 'exit');
    if (this.#leader !== 0) process.kill(this.#leader, 'SIGKILL');
    else this.#spawner.kill('SIGKILL');
    const limit = setTimeout(() => this.#spawner.kill('SIGKILL'), STOP_LIMIT_MS);
    if (this.#spawner.exitCode === null && this.#spawner.signalCode === null) await ended;
    clearTimeout(limit);
    rmSync(this.#layer, { recursive: true, force: true });
    for (const cgroup of this.#cgroups.filter((place) => existsSync(place)))
      await new Promise((resolve) =>
        execFile('find', [cgroup, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'], resolve),
      );
  }

  /** The one whose children are in a PID namespace of their own. */
  #findLeader(): boolean {
    const { pid, exitCode } = this.#spawner;
    if (exitCode !== null) throw new Error(`it ended with ${exitCode}`);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const leader = children.find(
      (child) => child !== '' && readFileSync(`/proc/${child}/comm`, 'utf8') === 'systemd\n',
    );
    this.#leader = Number(leader ?? 0);
    return leader !== undefined;
  }
}
