import { validateHeaderName, validateHeaderValue } from 'node:http';
import { Blocked, Failed, type Job } from 'rbit-ts';
import type { Settings } from './settings.ts';

/** What a job asks for, looked over. `codes`: the statuses that it expects. */
export interface Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Buffer | undefined;
  readonly codes: readonly number[];
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** They would change where a message goes, or what the connection takes for its end. */
const NOT_THE_JOBS =
  /^(?:host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect|proxy-.*)$/;

/** Reads the parameters of a job, and the credentials of the runner's section. Throws Failed, or Blocked for those. */
export function readRequest(parameters: Job['parameters'], settings: Settings): Request {
  const name = parameters['subcommand'] ?? parameters['method'];
  const method = METHODS.find((one) => one === String(name).toUpperCase());
  if (method === undefined) throw new Failed(`no method: subcommand is one of ${METHODS.join(' ')}`);
  const codes = [parameters['code'] ?? 200].flat().map(Number);
  if (codes.length === 0 || codes.some((code) => !Number.isInteger(code))) {
    throw new Failed('parameters.code must be a status such as 200, or several');
  }
  const hasContent = method !== 'GET' && method !== 'HEAD' && parameters['content'] !== undefined;
  const headers = readHeaders(parameters['headers'] ?? {});
  if (hasContent) {
    headers['content-type'] = contentTypeOf(parameters) ?? headers['content-type'] ?? 'text/plain';
  }
  const authorization = readAuthorization(settings);
  if (authorization !== undefined) headers['authorization'] = authorization;
  return {
    method,
    url: readUrl(parameters['url'], undefined),
    headers,
    content: hasContent ? readContent(parameters) : undefined,
    codes,
  };
}

/** A URL that can be requested; a relative one starts from `base`. Throws Failed. */
export function readUrl(written: unknown, base: URL | undefined): URL {
  const url = typeof written === 'string' ? URL.parse(written, base?.href) : null;
  const place = base === undefined ? 'parameters.url' : 'what the server redirects to';
  if (url === null) throw new Failed(`${place} is no URL such as https://example.com/path`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new Failed(`${place} begins with ${url.protocol}, not with http: or https:`);
  }
  if (url.username !== '' || url.password !== '') throw new Failed(`${place} has a user name in it`);
  return url;
}

function readAuthorization({ authorization }: Settings): string | undefined {
  if (authorization === undefined) return undefined;
  try {
    validateHeaderValue('authorization', authorization);
    return authorization;
  } catch {
    throw new Blocked('the setting authorization can be no header: there is a line end or the like in it');
  }
}

function readHeaders(written: unknown): Record<string, string> {
  if (typeof written !== 'object' || written === null) {
    throw new Failed('parameters.headers must be an object');
  }
  return Object.fromEntries(
    Object.entries(written).map(([name, value]) => {
      try {
        validateHeaderName(name);
        validateHeaderValue(name, String(value));
      } catch (error) {
        throw new Failed(`parameters.headers: ${(error as Error).message}`);
      }
      if (NOT_THE_JOBS.test(name.toLowerCase())) {
        throw new Failed(`parameters.headers: ${name} is not for a job to say`);
      }
      return [name.toLowerCase(), String(value)];
    }),
  );
}

function contentTypeOf({ contenttype, content }: Job['parameters']): string | undefined {
  if (contenttype === undefined) return typeof content === 'string' ? undefined : 'application/json';
  return readHeaders({ 'content-type': contenttype })['content-type'];
}

function readContent({ content, b64encoded }: Job['parameters']): Buffer {
  if (typeof content !== 'string') return Buffer.from(JSON.stringify(content));
  return Buffer.from(content, b64encoded === true ? 'base64' : 'utf8');
}
