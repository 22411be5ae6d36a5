/** Whether a version of RabbitMQ (`4.2.1`) is this one or a later one; one that nobody can read is taken for an old one. */
export function isSince(version: string, major: number, minor: number): boolean {
  const [, theirMajor = '0', theirMinor = '0'] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  const ahead = Number(theirMajor) - major;
  return ahead > 0 || (ahead === 0 && Number(theirMinor) >= minor);
}
