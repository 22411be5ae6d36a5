import { ConfigError } from '../../config/config-error.ts';
import { findConfig, loadConfig } from '../../config/load.ts';

/**
 * The state folder that the INI files name. A configuration with mistakes does for that, as long as they are elsewhere:
 * a secret that only the service has, or a file that is being edited, must not keep anybody from looking at the daemon.
 */
export async function readStateFolder(files: readonly string[]): Promise<string> {
  try {
    const { rbit } = await loadConfig(files.length > 0 ? files : [findConfig()]);
    return rbit.stateDir;
  } catch (error) {
    if (!(error instanceof ConfigError) || error.sound === undefined) throw error;
    const concerned = error.problems.filter(
      ({ section, key }) => section === 'rbit' && DECIDES.has(key ?? ''),
    );
    if (concerned.length > 0) throw new ConfigError(concerned);
    return error.sound.rbit.stateDir;
  }
}

/** Keys that say where the state folder is; '' is a section that cannot be read at all. */
const DECIDES = new Set(['state-dir', 'name', '']);
