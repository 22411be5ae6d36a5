import { randomUUID } from 'node:crypto';
import type { Launch, Program } from './launch.ts';
import { requireTool } from './tool.ts';

const TRIAL_LIMIT_MS = 10_000;

/** Starts a program that does nothing, to see whether it can be. Undefined: it can, and nobody complains. */
export async function findProblem(
  prepare: (program: Program, run: string) => Launch,
): Promise<string | undefined> {
  const program = { file: requireTool('true'), args: [], env: {} };
  try {
    return await tryOut(prepare(program, randomUUID()));
  } catch (error) {
    return oneLine((error as Error).message);
  }
}

async function tryOut(launch: Launch): Promise<string | undefined> {
  const tried = await runBriefly(launch);
  return typeof tried === 'string' ? tried : undefined;
}

/** Runs a program that ends soon, without input: what it prints, or its problem in one line. */
export async function runBriefly({
  file,
  args,
  env,
  release,
}: Launch): Promise<{ readonly stdout: string } | string> {
  const options = { env, extendEnv: false, cwd: '/', stdin: 'ignore', reject: false } as const;
  const { execa } = await import('execa');
  const result = await execa(file, args, { ...options, timeout: TRIAL_LIMIT_MS });
  if (release().isOverMemory) return 'out of memory';
  const { failed, signal, stdout, stderr, shortMessage = '' } = result;
  // nice(1) only warns.
  if (!failed && stderr === '') return { stdout };
  return oneLine(stderr || (signal === undefined ? shortMessage : `ended by ${signal}`));
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}
