import { Command } from 'commander';
import { checkCommand } from './check.ts';
import { runCommand } from './run.ts';
import { readVersion } from './version.ts';

/** The command line: `argv` as in process.argv. Sets process.exitCode; see EXIT for what each number means. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('rbit-ts')
    .description('Runs the jobs of message queues through the runners that an INI file names.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showSuggestionAfterError()
    .addCommand(runCommand(), { isDefault: true })
    .addCommand(checkCommand())
    .addHelpText(
      'after',
      `
Examples:
  rbit-ts worker.ini            run the daemon until Ctrl-C
  rbit-ts check worker.ini      validate the file without running anything
  rbit-ts help check            more about one command

Without CONFIG: ./rbit.ini, else ~/.rbit.ini, else /etc/rbit/rbit.ini.`,
    );
  await program.parseAsync(argv);
}
