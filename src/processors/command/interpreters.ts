/** How an interpreter is told what to run. */
export interface Interpreter {
  /** The options for code, with what is attached to them as a group; without any, the code is in the next word. */
  readonly code: RegExp;
  /** The options for a file or a module to load, likewise, and for where such are looked for. */
  readonly loads: RegExp;
  /** Other options that take the next word for their value. */
  readonly valued: RegExp;
  /** Code that reads its first argument. */
  readonly example: string;
  /** After the code, options are arguments. */
  readonly endsOptions?: boolean;
}

const NODE: Interpreter = {
  code: /^(?:-p?e|-p|--eval|--print)$|^--(?:eval|print)=(.*)$/s,
  loads:
    /^-r(.*)$|^--(?:require|import|loader|experimental-loader|env-file|env-file-if-exists|preload|config)(?:=(.*))?$/s,
  valued: /^-C$|^--conditions$/,
  example: "-e 'console.log(process.argv[1])' --",
};

const INTERPRETERS: ReadonlyArray<readonly [name: RegExp, Interpreter]> = [
  [
    /^(?:python|pypy)[\d.]*$/,
    {
      code: /^-[bBdEhiIOPqRsSuvVx]*c(.*)$/s,
      loads: /^-[bBdEhiIOPqRsSuvVx]*m(.*)$/s,
      valued: /^-[bBdEhiIOPqRsSuvVx]*[WXQ]$|^--check-hash-based-pycs$/,
      example: "-c 'import sys; print(sys.argv[1])'",
      endsOptions: true,
    },
  ],
  [
    /^perl[\d.]*$/,
    {
      code: /^-[acflnpsStTuUvwWX\d]*[eEMm](.*)$/s,
      loads: /^-I(.*)$/s,
      valued: /^$/,
      example: "-e 'print $ARGV[0]' --",
    },
  ],
  [
    /^ruby[\d.]*$/,
    {
      code: /^-[aclnpsSvwW\d]*e(.*)$/s,
      loads: /^-[aclnpsSvwW\d]*[rIC](.*)$/s,
      valued: /^-E$/,
      example: "-e 'puts ARGV[0]' --",
    },
  ],
  [
    /^php[\d.]*$/,
    {
      code: /^-[nqw]*[rBRE](.*)$/s,
      // A value with a line end in it would set what is not named by -d.
      loads: /^-[nqw]*[fFcdz](.*)$|^--(?:file|process-file|php-ini|define|zend-extension)(?:=(.*))?$/s,
      valued: /^$/,
      example: "-r 'echo $argv[1];' --",
    },
  ],
  [/^(?:node|nodejs|bun|tsx|ts-node)$/, NODE],
  [/^deno$/, { ...NODE, code: /^eval$/ }],
  [/^lua(?:jit)?[\d.]*$/, { code: /^-e(.*)$/s, loads: /^-l(.*)$/s, valued: /^$/, example: 'script.lua' }],
  [
    /^java$/,
    {
      code: /(?!)/,
      loads:
        /^-(?:javaagent|agentlib|agentpath)(:.*)$|^-(?:cp|classpath|jar|p|m)$|^--(?:class-path|module-path|module)(?:=(.*))?$/s,
      valued: /^--(?:add-modules|add-opens|add-exports|add-reads)$/,
      example: '-jar program.jar',
      endsOptions: true,
    },
  ],
  [
    /^(?:tclsh|wish|expect|Rscript|julia|groovy|elixir|escript|guile|racket|swipl|octave|pwsh|osascript|runghc)[\d.]*$/,
    {
      code: /^-(?:e|E|c|g|Command)$|^--(?:eval|print|command|expression)(?:=(.*))?$/s,
      loads: /^-(?:f|l|L|r|File)$|^--(?:load|require|file)(?:=(.*))?$/s,
      valued: /^$/,
      example: 'SCRIPT',
    },
  ],
];

/** The interpreter that a command's name stands for, if it is one. */
export function interpreterOf(name: string): Interpreter | undefined {
  return INTERPRETERS.find(([pattern]) => pattern.test(name))?.[1];
}
