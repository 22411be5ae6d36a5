import type { ChildCommand } from '../child/start.ts';

const HEAD_BYTES = 8;
const NOTHING = new Uint8Array();

/**
 * A command as starter.py reads it, with its input, or with a descriptor of ours by which that can be read. Throws, as spawn
 * does, when something holds a NUL: no program can be handed one.
 */
export function encodeCommand({ file, args, cwd, env, input }: ChildCommand, stdin?: number): Buffer {
  const fields = [stdin === undefined ? '' : String(stdin), cwd, file, String(args.length), ...args];
  for (const name in env) fields.push(`${name}=${env[name]}`);
  if (fields.some((field) => field.includes('\0'))) throw new Error('a program cannot be handed a NUL');
  const text = `${fields.join('\0')}\0`;
  const length = Buffer.byteLength(text);
  const body = stdin === undefined ? input : NOTHING;
  const command = Buffer.allocUnsafe(HEAD_BYTES + length + body.length);
  command.writeUInt32BE(length);
  command.writeUInt32BE(body.length, 4);
  command.write(text, HEAD_BYTES);
  command.set(body, HEAD_BYTES + length);
  return command;
}
