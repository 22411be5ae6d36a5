import type { Section } from './ini.ts';
import type { Report } from './report.ts';
import { nearest } from './suggest.ts';

const PLAIN = ['rbit', 'include', 'amqp'];
const NAMED = ['queue', 'runner'];
const PYTHON_LOGGING = /^(?:loggers|handlers|formatters|(?:logger|handler|formatter)_.*)$/s;

/** Reports sections that are not known. Returns the plain ones that an unknown name was taken for. */
export function checkSectionNames(sections: Iterable<Section>, report: Report): Set<string> {
  const guessed = new Set<string>();
  let logging = false;
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
      if (!logging) {
        const fix = 'log-level and log-format in [rbit] take their place';
        report.warning({ ...place, message: "the sections of Python's logging are ignored", fix });
      }
      logging = true;
    } else if (kind === 'processor' || name === 'http')
      report.problem({ ...place, message: 'this version cannot do that yet', fix: 'remove the section' });
    else {
      const meant = meantSection(name);
      if (meant !== undefined) guessed.add(meant);
      const known = 'known: rbit, include, amqp, queue:NAME, runner:NAME, DEFAULT';
      const fix = meant === undefined ? known : `did you mean [${meant}]?`;
      report.problem({ ...place, message: 'unknown section', fix });
    }
  }
  return guessed;
}

function meantSection(name: string): string | undefined {
  const [, word = '', rest = ''] = /^\s*([a-z]+)[^a-z0-9]+(.*?)\s*$/is.exec(name) ?? [];
  const kind = rest === '' ? undefined : nearest(word, NAMED);
  if (kind !== undefined) return `${kind}:${rest}`;
  const bare = nearest(name, [...PLAIN, 'DEFAULT', ...NAMED]);
  return bare !== undefined && NAMED.includes(bare) ? `${bare}:NAME` : bare;
}
