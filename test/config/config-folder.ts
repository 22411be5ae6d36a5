import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import { formatProblem } from '../../src/config/problem.ts';

/** Writes files (by relative path) into a folder that goes away with the test. Returns the folder. */
export function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'rbit-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** Loads `worker.ini` with this text, beside other files. */
export async function load(
  text: string | Uint8Array,
  environment: NodeJS.ProcessEnv = {},
  files: Readonly<Record<string, string>> = {},
): Promise<Config> {
  const folder = folderWith({ ...files, 'worker.ini': text });
  return loadConfig([join(folder, 'worker.ini')], environment);
}

/** The problems of `worker.ini` with this text, one line each, with paths relative to its folder. */
export async function problemsOf(
  text: string | Uint8Array,
  environment: NodeJS.ProcessEnv = {},
  files: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const folder = folderWith({ ...files, 'worker.ini': text });
  return problemsOfFiles([join(folder, 'worker.ini')], folder, environment);
}

/** The problems of several files, one line each, with paths relative to `folder`. */
export async function problemsOfFiles(
  paths: readonly string[],
  folder: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<string[]> {
  try {
    await loadConfig(paths, environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => formatProblem(problem, folder));
  }
}

/** The warnings of a configuration, one line each, without the folder. */
export function warningsOf(config: Config): string[] {
  return config.warnings.map((warning) => formatProblem(warning, dirname(config.files[0] ?? '')));
}

/** A configuration that works, with lines added to its `[runner:r]`. */
export function withRunner(...lines: readonly string[]): string {
  return ['[rbit]', 'queue-mappings = q:r', '[amqp]', '[runner:r]', 'runner = shell!true', ...lines, ''].join(
    '\n',
  );
}

/** A configuration that works, with lines added to its `[amqp]`. */
export function withAmqp(...lines: readonly string[]): string {
  return ['[rbit]', 'queue-mappings = q:r', '[runner:r]', 'runner = shell!true', '[amqp]', ...lines, ''].join(
    '\n',
  );
}

/** A configuration that works, with lines added to its `[rbit]`. */
export function withRbit(...lines: readonly string[]): string {
  return ['[amqp]', '[runner:r]', 'runner = shell!true', '[rbit]', 'queue-mappings = q:r', ...lines, ''].join(
    '\n',
  );
}
