import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Machine } from './machine.ts';
import { playScenario } from './scenario.ts';
import { Transcript } from './transcript.ts';

// A real systemd starts, watches, reloads and stops rbit-ts: npm run build && sudo npm run systemd

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

const lack = findLack();
if (lack === undefined) await main();
else {
  process.stderr.write(`npm run systemd: ${lack}\n`);
  process.exitCode = 69;
}

async function main(): Promise<void> {
  const machine = await Machine.boot(ROOT);
  const transcript = new Transcript(machine);
  try {
    await playScenario(machine, transcript);
    transcript.say(`All ${transcript.checks} checks hold.`);
  } catch (error) {
    transcript.say(`FAILED: ${(error as Error).message}`);
    process.exitCode = 1;
  } finally {
    await machine.stop();
  }
}

/** What is missing here, in one line with its mend. */
function findLack(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root (sudo npm run systemd)';
  const missing = ['systemd-nspawn', 'systemctl', 'systemd-notify', 'unshare', 'nsenter'].filter(
    (program) => !isProgram(program),
  );
  if (missing.length > 0)
    return `needs ${missing.join(', ')} (apt-get install systemd systemd-container util-linux)`;
  if (!/\toverlay$/m.test(readFileSync('/proc/filesystems', 'utf8')))
    return 'needs overlayfs in the kernel (modprobe overlay)';
  if (!existsSync(`${ROOT}/dist/cli/bin.js`)) return 'needs dist (npm run build)';
  return undefined;
}

function isProgram(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
