import { eventually } from '../support/eventually.ts';
import type { Machine } from './machine.ts';

/** Shows what is done in a machine, what comes of it, and that it is what was expected. */
export class Transcript {
  checks = 0;
  readonly #machine: Pick<Machine, 'sh'>;
  readonly #startedAt = performance.now();

  constructor(machine: Pick<Machine, 'sh'>) {
    this.#machine = machine;
  }

  say(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** The beginning of a chapter. */
  chapter(title: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(0);
    this.say(`\n=== ${title} (${seconds} s)\n`);
  }

  /** Shows a command and its output, which it returns. Throws unless its exit status is `code`. */
  async run(command: string, { code = 0, user = 'root' } = {}): Promise<string> {
    this.say(`${user === 'root' ? '#' : `${user}$`} ${command}`);
    const ended = await this.#machine.sh(command, user);
    if (ended.output !== '') this.say(ended.output);
    if (ended.code !== code) throw new Error(`${command}: exit status ${ended.code}, expected ${code}`);
    if (code !== 0) this.say(`(exit status ${code})`);
    return ended.output;
  }

  /** Throws unless it holds. */
  check(rule: string, holds: boolean): void {
    if (!holds) throw new Error(rule);
    this.checks += 1;
    this.say(`ok: ${rule}`);
  }

  /** Waits until the output of a command matches, and shows it. */
  async wait(command: string, output: RegExp, limitMs = 60_000): Promise<string> {
    this.say(`# ${command}`);
    let last = '';
    try {
      await eventually(
        async () => {
          last = (await this.#machine.sh(command)).output;
          return output.test(last);
        },
        `${output}`,
        limitMs,
      );
    } finally {
      this.say(last);
    }
    return last;
  }
}
