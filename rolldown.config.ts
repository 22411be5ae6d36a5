import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'rolldown';

/*
 * What `npm run build` makes of src: a few files instead of 300, since Node takes 0.3 ms to find, read and link each of
 * them, and so many that it compiles its own loader for speed, which idle memory shows. Packages stay packages.
 */

const SRC = fileURLToPath(new URL('src/', import.meta.url));
const MODULE_URL = 'import.meta.url';

/** What somebody starts by its path, or imports. Each stays where src has it. */
const ENTRIES = ['index', 'cli/bin', 'cli/demo', 'processors/module/process', 'processors/thread/thread'];
const entryFiles = new Map(ENTRIES.map((entry) => [entry, `${SRC}${entry}.ts`]));
/** By its place below src: the folder that all of this lies in may be called so, too. */
const isOf = (folder: string, file: string): boolean =>
  file.startsWith(`${SRC}${folder === '' ? '' : `${folder}/`}`);
const OF_OTHERS = [
  'broker/amqp',
  'client',
  'cli/terminal',
  'cli/submit',
  'cli/dead',
  'cli/control',
  'cli/init',
];
const isEntry = (file: string): boolean => [...entryFiles.values()].includes(file);

export default defineConfig({
  input: Object.fromEntries(entryFiles),
  platform: 'node',
  external: /^(?![./])/,
  plugins: [keepPlaces()],
  output: {
    dir: 'dist',
    cleanDir: true,
    comments: false,
    minifyInternalExports: false,
    entryFileNames: '[name].js',
    // Without a hash, so that a stack trace says the same of each build.
    chunkFileNames: 'chunks/[name].js',
    codeSplitting: {
      groups: [
        // A thread and a process of a module load this, and nothing of the daemon; so does who imports the package.
        {
          name: 'apart',
          tags: ['$initial'],
          test: (file) => !isEntry(file) && !isOf('cli', file),
          priority: 1,
        },
        // Not what imports amqplib, which a daemon on the embedded queue does without, nor what only other commands need.
        {
          name: 'daemon',
          test: (file) => isOf('', file) && !OF_OTHERS.some((folder) => isOf(folder, file)),
          minShareCount: 2,
        },
      ],
    },
  },
});

/** Files that a module finds by its own place are where they are in src, wherever its text has gone. */
function keepPlaces(): Plugin {
  return {
    name: 'keep-places',
    transform(code, id) {
      if (!id.startsWith(SRC) || !code.includes(MODULE_URL)) return null;
      const file = id.slice(SRC.length).replace(/ts$/, 'js');
      return code.replaceAll(MODULE_URL, `"module:${file}"`);
    },
    renderChunk(code, { fileName }) {
      return code.replaceAll(/"module:([^"]+)"/g, (_, file: string) => {
        if (file === fileName) return MODULE_URL;
        return `new URL("${posix.relative(posix.dirname(fileName), file)}", ${MODULE_URL}).href`;
      });
    },
  };
}
