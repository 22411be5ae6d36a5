import type { Section } from './ini.ts';
import { placeOf, type Report } from './report.ts';
import { nearest } from './suggest.ts';

const PLAIN = ['rbit', 'include', 'amqp', 'http'];
const NAMED = ['queue', 'runner', 'processor'];
/** What [amqp] is called elsewhere: losing it to a name of another program would mean another broker. */
const BROKERS = ['rabbit', 'rabbitmq', 'broker', 'mq', 'amqps', 'connection'];
const PYTHON_LOGGING = /^(?:loggers|handlers|formatters|(?:logger|handler|formatter)_.*)$/s;

/** What the names of the sections say. */
interface SectionNames {
  /** The plain ones that an unknown name was taken for. */
  readonly guessed: ReadonlySet<string>;
  /** As in a file that was written for the original. */
  readonly hasPythonLogging: boolean;
}

/** Reports sections that are not known. */
export function checkSectionNames(sections: Iterable<Section>, report: Report): SectionNames {
  const guessed = new Set<string>();
  let hasPythonLogging = false;
  for (const section of sections) {
    const { name, file, line } = section;
    const place = { file, line, section: name };
    const [, kind = '', rest = ''] = /^([^:]*):(.*)$/s.exec(name) ?? [];
    if (PLAIN.includes(name)) continue;
    if (NAMED.includes(kind)) {
      const fix = rest.trim() === '' ? `write [${kind}:NAME]` : `write [${kind}:${rest.trim()}]`;
      if (rest.trim() === '') report.problem({ ...place, message: `a ${kind} without a name`, fix });
      else if (rest !== rest.trim()) report.problem({ ...place, message: 'spaces around the name', fix });
      else if (Buffer.byteLength(rest) > 255)
        report.problem({
          ...place,
          message: 'a name longer than 255 bytes',
          fix: 'AMQP has no room for more',
        });
    } else if (PYTHON_LOGGING.test(name)) {
      // One warning for all of them.
      if (!hasPythonLogging) {
        const fix = 'log-level and log-format in [rbit] take their place';
        report.warning({ ...place, message: "the sections of Python's logging are ignored", fix });
      }
      hasPythonLogging = true;
    } else {
      const meant = meantSection(name);
      if (meant !== undefined) guessed.add(meant);
      const known = 'known: rbit, include, amqp, http, queue:NAME, runner:NAME, processor:NAME, DEFAULT';
      const fix = meant === undefined ? known : `did you mean [${meant}]?`;
      report.problem({ ...place, message: 'unknown section', fix });
    }
  }
  return { guessed, hasPythonLogging };
}

function meantSection(name: string): string | undefined {
  const [, word = '', rest = ''] = /^\s*([a-z]+)[^a-z0-9]+(.*?)\s*$/is.exec(name) ?? [];
  const kind = rest === '' ? undefined : nearest(word, NAMED);
  if (kind !== undefined) return `${kind}:${rest}`;
  if (PLAIN.includes(word.toLowerCase())) return word.toLowerCase();
  if (BROKERS.includes(name.trim().toLowerCase())) return 'amqp';
  const bare = nearest(name, [...PLAIN, 'DEFAULT', ...NAMED]);
  return bare !== undefined && NAMED.includes(bare) ? `${bare}:NAME` : bare;
}

/**
 * Reports an indented `[amqp]`: the grammar takes it for a line of the value above, and the daemon would work on its
 * own queue without a word. To be asked when there is no such section.
 */
export function refuseIndentedAmqp(sections: Iterable<Section>, report: Report): void {
  for (const { entries } of sections) {
    for (const entry of entries.values()) {
      for (const [index, text] of entry.value.split('\n').entries()) {
        if (index === 0 || !/^\[\s*amqp\s*\]/i.test(text)) continue;
        report.problem({
          ...placeOf(entry),
          line: entry.lines[index] ?? entry.line,
          message: 'an indented [amqp] is part of this value',
          fix: 'remove the white space before it',
        });
      }
    }
  }
}
