import { dirname, resolve } from 'node:path';
import type { Entry } from './ini.ts';
import type { Problem } from './problem.ts';
import { placeOf, type Report } from './report.ts';
import type { Secrets } from './secrets.ts';
import { readText } from './text-file.ts';

/** The value of an entry, ready to be parsed. */
export interface Expanded {
  readonly text: string;
  /** Part of it came from `${env:…}` (of other than the common variables) or `${file:…}`: it may not be shown. */
  readonly secret: boolean;
}

const LARGEST_FILE = 64 * 1024;
// What the children inherit in any case, and anybody may know.
const NO_SECRET = /^(?:PATH|HOME|LANG|LC_[A-Z]+|TZ|USER|LOGNAME|SHELL|TMPDIR)$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** A variable may stand in the path of a file: systemd's $CREDENTIALS_DIRECTORY. */
const VARIABLE = /\$\{env:([^}\n]*)\}/g;
const REFERENCE =
  /\$\$\{|\$\{(env|file):((?:\$\{env:[^}\n]*\}|[^}\n])*)(\}?)|\$\{[A-Za-z_]\w*(?::[^}\n]*)?\}/g;

type Found = { readonly value: string } | Pick<Problem, 'message' | 'fix' | 'isOfMachine'>;

/** Fills in `${env:NAME}` and `${file:PATH}`, and remembers what it filled in as secrets. What was filled in is not looked at again. */
export class Expander {
  private readonly environment: NodeJS.ProcessEnv;
  private readonly secrets: Secrets;
  private readonly report: Report;
  private readonly known = new Map<Entry, Expanded | undefined>();

  constructor(environment: NodeJS.ProcessEnv, secrets: Secrets, report: Report) {
    this.environment = environment;
    this.secrets = secrets;
    this.report = report;
  }

  /** Undefined when something could not be filled in; the problem is then reported. */
  expand(entry: Entry): Expanded | undefined {
    if (!this.known.has(entry)) this.known.set(entry, this.fillIn(entry));
    return this.known.get(entry);
  }

  /** Part of its value is a secret, as far as it was expanded. */
  isSecret(entry: Entry): boolean {
    return this.known.get(entry)?.secret === true;
  }

  private fillIn(entry: Entry): Expanded | undefined {
    let secret = false;
    let complete = true;
    const text = entry.value.replace(REFERENCE, (written: string, source?: string, name = '', end = '') => {
      if (written === '$${') return '${';
      if (source === undefined) {
        const fix = 'only ${env:NAME} and ${file:PATH} are filled in; write $${ for a plain ${';
        this.report.warning({ ...placeOf(entry), message: `${written} stays as it is`, fix });
        return written;
      }
      const found = this.lookUp(entry, source, name, end);
      if ('message' in found) {
        this.report.problem({ ...placeOf(entry), ...found });
        complete = false;
        return '';
      }
      if (source === 'env' && NO_SECRET.test(name)) return found.value;
      secret = true;
      this.secrets.add(found.value);
      return found.value;
    });
    return complete ? { text, secret } : undefined;
  }

  private lookUp(entry: Entry, source: string, name: string, end: string): Found {
    const written = `\${${source}:${name}}`;
    if (end === '')
      return { message: `\${${source}: without "}"`, fix: 'add "}", or write $${ for a plain ${' };
    if (source === 'env') return this.lookUpVariable(name);
    if (name === '') return { message: `${written}: no path`, fix: 'write ${file:PATH}' };
    const variables = [...name.matchAll(VARIABLE)].map(([, variable = '']) => this.lookUpVariable(variable));
    const missing = variables.find((found) => 'message' in found);
    if (missing !== undefined) return missing;
    const path = name.replace(VARIABLE, (_, variable: string) => this.environment[variable] ?? '');
    const read = readText(resolve(dirname(entry.file), path), LARGEST_FILE);
    if ('unreadable' in read)
      return { message: `${written}: ${read.unreadable}`, fix: read.fix, isOfMachine: true };
    if (read.text.includes('\0'))
      return { message: `${written}: holds a NUL character`, fix: 'it has to be text' };
    return { value: read.text.replace(/\r?\n$/, '') };
  }

  private lookUpVariable(name: string): Found {
    const written = `\${env:${name}}`;
    if (!VARIABLE_NAME.test(name))
      return { message: `${written}: not the name of a variable`, fix: 'letters, digits and _' };
    const value = this.environment[name];
    return value === undefined
      ? {
          message: `${written}: no such environment variable`,
          fix: `set ${name} where rbit-ts is started`,
          isOfMachine: true,
        }
      : { value };
  }
}
