import { type AmqpUrl, urlText } from './options.ts';

/** Why a connection could not be opened, on one line, in words that lead to the fix. The password is never in them. */
export function connectErrorText(error: unknown, url: AmqpUrl): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const shown = url.password === '' ? message : message.replaceAll(url.password, '***');
  return worded(code, shown.trim().replace(/\s*[\r\n]+\s*/g, ' '), url);
}

function worded(code: string, message: string, url: AmqpUrl): string {
  const at = urlText({ ...url, vhost: '/' });
  if (code === 'ECONNREFUSED' || message.includes('ECONNREFUSED')) {
    return `nobody listens at ${at}: is RabbitMQ running there?`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the host name ${url.hostname} is not known`;
  if (message.includes('ETIMEDOUT')) return `no answer from ${at}`;
  if (message.includes('ACCESS_REFUSED')) {
    const hint = url.user === 'guest' ? ' (RabbitMQ lets guest in from its own host only)' : '';
    return `${at} refuses the login of user ${url.user}: wrong name or password${hint}`;
  }
  // RabbitMQ says more, but amqplib does not pass it on.
  if (/Expected ConnectionOpenOk; got <ConnectionClose/.test(message)) {
    return `${at} does not let user ${url.user} into virtual host ${url.vhost}: is it there, with permissions for that user?`;
  }
  if (/not allowed|NOT_ALLOWED/.test(message)) return `${at} does not allow it: ${serverWords(message)}`;
  if (message.includes('wrong version number'))
    return `${at} does not speak TLS: use amqp:// or its TLS port`;
  if (url.protocol === 'amqps') return `TLS with ${at} failed: ${tlsWords(message)}`;
  if (message.includes('Socket closed abruptly') || code === 'ECONNRESET') {
    return `${at} closed the connection during the handshake: is it RabbitMQ, and without TLS?`;
  }
  return `${at}: ${message}`;
}

const TLS_FIXES: ReadonlyArray<readonly [said: RegExp, fix: string]> = [
  [/certificate required/, 'it wants a certificate of ours: set cert-file and key-file'],
  [
    /self-signed certificate|unable to verify|unable to get local issuer/,
    'set ca-file to the authority that signed its certificate',
  ],
  [/key values mismatch/, 'key-file does not belong to cert-file'],
  [/Hostname\/IP does not match/, 'set servername to a name that is in its certificate'],
];

/** OpenSSL's reason, without the code, the function and the source file around it, or Node's without advice on Node. */
function tlsWords(message: string): string {
  const reason =
    /error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/i.exec(message)?.[1] ?? message.replace(/; if the root CA .*/, '');
  const fix = TLS_FIXES.find(([said]) => said.test(message))?.[1];
  return fix === undefined ? reason : `${reason} (${fix})`;
}

/** RabbitMQ's own text out of an error of amqplib, which wraps it in the name of the frame it came in. */
export function serverWords(message: string): string {
  const quoted = /"((?:[A-Z_]+ - )?.*)"/s.exec(message)?.[1];
  return quoted ?? message;
}
