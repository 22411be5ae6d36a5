import type { HttpConfig } from './config.ts';
import type { Section } from './ini.ts';
import { placeOf, type Report } from './report.ts';
import { schema } from './schema.ts';
import { type Reading, readStrictly } from './section.ts';
import type { Secrets } from './secrets.ts';

/** What nobody can guess, however long he tries. */
const SHORTEST_TOKEN = 16;

/** Reads `[http]`; undefined when there is nothing to listen on. The token joins the secrets. */
export function readHttp(
  section: Section | undefined,
  reading: Reading,
  secrets: Secrets,
): HttpConfig | undefined {
  const { values, guessed } = readStrictly(section, schema.http, reading);
  const { listen, token } = values;
  if (token !== undefined) {
    secrets.add(token);
    checkToken(section, token, reading.report);
  }
  if (listen !== undefined) return { listen, token };
  if (section !== undefined && !section.entries.has('listen') && !guessed.has('listen')) {
    const { file, line, name } = section;
    const fix = 'add listen = 127.0.0.1:9464, or remove the section';
    reading.report.warning({ file, line, section: name, message: 'has no effect without listen', fix });
  }
  return undefined;
}

/** It is sent in a header, which takes no blanks and no other letters. */
function checkToken(section: Section | undefined, token: string, report: Report): void {
  const entry = section?.entries.get('token');
  if (entry === undefined) return;
  const fix = 'make one with: openssl rand -hex 16';
  if (!/^[!-~]*$/.test(token))
    report.problem({
      ...placeOf(entry),
      message: 'a token has letters, digits and signs of ASCII only',
      fix,
    });
  else if (token.length < SHORTEST_TOKEN)
    report.problem({ ...placeOf(entry), message: `shorter than ${SHORTEST_TOKEN} characters`, fix });
}
