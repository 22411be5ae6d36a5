import type { Command } from 'commander';

const COMMANDS = new Map<string, () => Promise<Command>>([
  ['run', async () => (await import('./run.ts')).runCommand()],
  ['check', async () => (await import('./check.ts')).checkCommand()],
  ['init', async () => (await import('./init.ts')).initCommand()],
  ['try', async () => (await import('./try.ts')).tryCommand()],
  ['submit', async () => (await import('./submit.ts')).submitCommand()],
  ['dead', async () => (await import('./dead.ts')).deadCommand()],
  ['status', async () => (await import('./status.ts')).statusCommand()],
  ['cancel', async () => (await import('./cancel.ts')).cancelCommand()],
  ['pause', async () => (await import('./pause.ts')).pauseCommand()],
  ['resume', async () => (await import('./resume.ts')).resumeCommand()],
  ['reload', async () => (await import('./reload.ts')).reloadCommand()],
]);

/** In the order in which help shows them. */
export const commandNames: readonly string[] = [...COMMANDS.keys()];

/**
 * The commands that a line may mean: the one that its first word names, all where it asks for help, else `run`. None of the
 * others is loaded, which would take the daemon longer than its own parts.
 */
export async function loadCommands(words: readonly string[]): Promise<Command[]> {
  const [word = ''] = words;
  const isForHelp = word === 'help' || words.includes('-h') || words.includes('--help');
  const isMeant = (name: string): boolean =>
    COMMANDS.has(word) ? name === word : isForHelp || name === 'run';
  return Promise.all([...COMMANDS].filter(([name]) => isMeant(name)).map(([, load]) => load()));
}
