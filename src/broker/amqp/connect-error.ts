import { type AmqpUrl, urlText } from './options.ts';

/** Why a connection could not be opened, in words that lead to the fix. The password is never in them. */
export function connectErrorText(error: unknown, url: AmqpUrl): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return worded(code, url.password === '' ? message : message.replaceAll(url.password, '***'), url);
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
  if (url.protocol === 'amqps') return `TLS with ${at} failed: ${message}`;
  if (message.includes('Socket closed abruptly') || code === 'ECONNRESET') {
    return `${at} closed the connection during the handshake: is it RabbitMQ, and without TLS?`;
  }
  return `${at}: ${message}`;
}

/** RabbitMQ's own text out of an error of amqplib, which wraps it in the name of the frame it came in. */
export function serverWords(message: string): string {
  const quoted = /"((?:[A-Z_]+ - )?.*)"/s.exec(message)?.[1];
  return quoted ?? message;
}
