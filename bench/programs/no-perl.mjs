// Loaded into a daemon by --import: as if there were no perl on this machine, so that the daemon forks for each command.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { accessSync } = fs;
fs.accessSync = (path, ...rest) => {
  if (String(path).endsWith('/perl')) throw new Error(`${path} is hidden`);
  return accessSync(path, ...rest);
};
syncBuiltinESMExports();
