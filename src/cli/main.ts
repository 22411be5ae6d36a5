import { Command, type CommanderError } from 'commander';
import { commandNames, loadCommands } from './commands.ts';
import { endProcess, endWhenWritten } from './end-process.ts';
import { EXIT } from './exit-codes.ts';
import { misspelledCommand } from './misspelled-command.ts';
import { guardStandardOutput } from './standard-output.ts';
import { oneLine } from './terminal/terminal-text.ts';
import { readVersion } from '../daemon/version.ts';
import { wrongUseLine } from './wrong-use.ts';

/** The command line: `argv` as in process.argv. Ends the process with the command; see EXIT for what each status means. */
export async function main(argv: readonly string[]): Promise<void> {
  const leaveStandardOutput = guardStandardOutput();
  const words = argv.slice(2);
  const program = new Command('rbit-ts')
    .description('Runs the jobs of message queues through the runners that an INI file names.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `
Examples:
  rbit-ts init my-worker        write a small configuration that works
  rbit-ts worker.ini            run the daemon until Ctrl-C
  rbit-ts check worker.ini      validate the file without running anything
  rbit-ts submit worker.words   put a job on a queue
  rbit-ts help check            more about one command

Without CONFIG: ./rbit.ini, else ~/.rbit.ini, else /etc/rbit/rbit.ini.`,
    );
  for (const command of await loadCommands(words))
    program.addCommand(command, { isDefault: command.name() === 'run' });
  for (const command of commandsOf(program))
    command.exitOverride(endOnWrongUse).configureOutput({
      outputError: (said, write) => write(wrongUseLine(command, said)),
    });
  // Its standard output is the log: a reader that goes away takes neither jobs nor the exit status with it.
  program.hook('preAction', (_, command) => {
    if (command.name() === 'run') leaveStandardOutput();
  });
  const [word] = words;
  const meant = misspelledCommand(word, commandNames);
  if (word !== undefined && meant !== undefined) {
    process.stderr.write(`${oneLine(word)}: no such file (did you mean the command ${meant}?)\n`);
    process.exitCode = EXIT.badConfig;
    return;
  }
  await program.parseAsync(argv);
  await endWhenWritten();
}

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap((sub) => commandsOf(sub))];
}

function endOnWrongUse({ exitCode }: CommanderError): void {
  endProcess(exitCode === 0 ? EXIT.ok : EXIT.usage);
}
