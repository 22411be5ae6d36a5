import type { ChildCommand } from '../child/start.ts';

const LENGTH_BYTES = 4;

/** A command as starter.py reads it. Throws, as spawn does, when something holds a NUL: no program can be handed one. */
export function encodeCommand({ file, args, cwd, env }: Omit<ChildCommand, 'input'>, stdin: number): Buffer {
  const fields = [String(stdin), cwd, file, String(args.length), ...args];
  for (const name in env) fields.push(`${name}=${env[name]}`);
  if (fields.some((field) => field.includes('\0'))) throw new Error('a program cannot be handed a NUL');
  const text = `${fields.join('\0')}\0`;
  const length = Buffer.byteLength(text);
  const command = Buffer.allocUnsafe(LENGTH_BYTES + length);
  command.writeUInt32BE(length);
  command.write(text, LENGTH_BYTES);
  return command;
}
