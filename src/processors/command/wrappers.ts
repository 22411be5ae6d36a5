import { afterOptions, nameOf, plain } from './after-options.ts';

/** How a command is written that runs the command among its arguments. */
interface Wrapper {
  /** Options that take the next word for their value. */
  readonly valued: RegExp;
  /** How many words come before the command, besides options. */
  readonly before?: number;
  /** `NAME=value` may come before the command. */
  readonly assigns?: boolean;
}

const BARE: Wrapper = { valued: /^$/ };

const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  busybox: BARE,
  bunx: BARE,
  bwrap: { valued: /^--(?:(?:ro-|dev-)?bind(?:-try)?|chdir|setenv|unsetenv|proc|dev|tmpfs)$/ },
  catchsegv: BARE,
  cgexec: { valued: /^-g$/ },
  chpst: { valued: /^-[uUeb/nlLmdoprftcA]$/ },
  choom: { valued: /^-[np]$|^--(?:adjust|pid)$/ },
  chronic: BARE,
  chroot: { valued: /^--(?:userspec|groups)$/, before: 1 },
  chrt: { valued: /^-[TPD]$|^--sched-(?:runtime|period|deadline)$/, before: 1 },
  daemon: { valued: /^-[nDPFCOerloEMNUulX]$/ },
  daemonize: { valued: /^-[acEeloLpu]$/ },
  doas: { valued: /^-[Lns]*[uC]$/ },
  'dumb-init': { valued: /^-[cv]*r$|^--rewrite$/ },
  'dbus-run-session': { valued: /^--(?:dbus-daemon|config-file)$/ },
  eatmydata: BARE,
  env: { valued: /^-[iv0]*[uCa]$|^--(?:unset|chdir|argv0)$/, assigns: true },
  envdir: { valued: /^$/, before: 1 },
  envuidgid: { valued: /^$/, before: 1 },
  exec: { valued: /^-[cl]*a$/ },
  fakechroot: BARE,
  faketime: { valued: /^-[fp]$/, before: 1 },
  fakeroot: { valued: /^-[lsibf]$/ },
  firejail: BARE,
  flock: { valued: /^-[a-z]*[Ew]$|^--(?:wait|timeout|conflict-exit-code)$/, before: 1 },
  gosu: { valued: /^$/, before: 1 },
  ionice: { valued: /^-t?[cn]$|^--class(?:data)?$/ },
  linux32: BARE,
  linux64: BARE,
  ltrace: { valued: /^-[aADeFlnopsuwxX]$/ },
  nice: { valued: /^-n$|^--adjustment$/ },
  nohup: BARE,
  npx: { valued: /^-[pw]$|^--(?:package|workspace)$/ },
  nsenter: { valued: /^-[tSG]$|^--target$/ },
  numactl: { valued: /^-[iNmCpP]$/ },
  pkexec: { valued: /^--user$/ },
  prlimit: { valued: /^-[po]$|^--(?:pid|output)$/ },
  proxychains: { valued: /^-f$/ },
  proxychains4: { valued: /^-f$/ },
  rlwrap: { valued: /^-[bcCDfHlmMopPqsStz]$/ },
  's6-setuidgid': { valued: /^$/, before: 1 },
  runuser: {
    valued: /^-[a-z]*[ugGsw]$|^--(?:user|group|supp-group|shell|whitelist-environment)$/,
  },
  setpriv: {
    valued:
      /^--(?:[re]?uid|re[ug]id|[re]?gid|groups|(?:inh|ambient)-caps|bounding-set|securebits|pdeathsig|selinux-label|apparmor-profile)$/,
  },
  setuidgid: { valued: /^$/, before: 1 },
  setsid: BARE,
  setarch: { valued: /^$/, before: 1 },
  screen: { valued: /^-[cehpsStT]$/ },
  'ssh-agent': { valued: /^-[aEOPt]$/ },
  sshpass: { valued: /^-[dfpP]$/ },
  strace: { valued: /^-[aeEIobOpPsSuUX]$/ },
  stdbuf: { valued: /^-[ioe]$|^--(?:input|output|error)$/ },
  'su-exec': { valued: /^$/, before: 1 },
  sudo: {
    valued:
      /^-[A-Za-z]*[ugpCThrtUDR]$|^--(?:user|group|host|prompt|close-from|command-timeout|role|type|other-user|chdir|chroot)$/,
    assigns: true,
  },
  'systemd-cat': { valued: /^-[tp]$|^--(?:identifier|priority|stderr-priority)$/ },
  'systemd-run': {
    valued: /^-[pEHMu]$|^--(?:unit|property|setenv|uid|gid|nice|slice|working-directory|description)$/,
  },
  'systemd-inhibit': { valued: /^--(?:what|who|why|mode)$/ },
  taskset: { valued: /^$/, before: 1 },
  time: { valued: /^-[apqv]*[fo]$|^--(?:format|output)$/ },
  timeout: { valued: /^-[a-z]*[ks]$|^--(?:kill-after|signal)$/, before: 1 },
  torsocks: BARE,
  toybox: BARE,
  uclampset: { valued: /^-[mMp]$/ },
  tini: { valued: /^-[a-z]*[pe]$/ },
  unbuffer: BARE,
  uvx: { valued: /^--(?:from|with|python)$/ },
  valgrind: BARE,
  'xvfb-run': { valued: /^-[efnps]$/ },
  unshare: { valued: /^-[SGRw]$|^--(?:setuid|setgid|root|wd|map-users?|map-groups?|propagation|setgroups)$/ },
  xargs: {
    valued:
      /^-[0rtpxo]*[InPLsdaE]$|^--(?:arg-file|delimiter|max-(?:args|lines|procs|chars)|process-slot-var)$/,
  },
};

const PACKAGE_TOOLS = /^(?:bun|bundle|deno|go|npm|pipenv|pnpm|poetry|uv|yarn)$/;

/** What runs the command behind a name of its own kind, or in a place of its own. */
const PLACES =
  /^(?:docker|podman|nerdctl|kubectl|lxc|lxc-attach|lxc-execute|machinectl|systemd-nspawn|ip|perf)$/;

const SHELL = /^(?:sh|bash|rbash|dash|ash|zsh|[lmpr]?ksh(?:93)?|pdksh|posh|yash|fish|csh|tcsh)$/;

export function isShell(word: string): boolean {
  return SHELL.test(nameOf(word));
}

/** A command, as its words, and all those that are run by one another in it: `nice env A=1 sh x` is three. */
export function nestedCommands(words: readonly string[]): Array<readonly string[]> {
  const inner = innerCommands(words);
  return [words, ...inner.flatMap(nestedCommands)];
}

function innerCommands([command = '', ...args]: readonly string[]): Array<readonly string[]> {
  const name = nameOf(command);
  if (name === 'find') return findCommands(args);
  if (PACKAGE_TOOLS.test(name)) return toolCommands(args);
  if (PLACES.test(name)) return fromShell(args);
  if (name === 'start-stop-daemon') return daemonCommands(args);
  if (name === 'capsh') return capshCommands(args);
  const wrapper = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined;
  // Without a user, runuser is as su: a shell runs what it is given.
  if (wrapper === undefined || (name === 'runuser' && !namesUser(args))) return [];
  const split = name === 'env' ? splitText(args) : undefined;
  if (split !== undefined) return [[command, ...split.replacement]];
  const inner = args.slice(commandAt(args, wrapper));
  // With an option that is not known here, a shell comes later than it seems.
  return [inner, ...fromShell(args)].filter(({ length }) => length > 0);
}

function fromShell(args: readonly string[]): Array<readonly string[]> {
  const shell = args.findIndex(isShell);
  return shell === -1 ? [] : [args.slice(shell)];
}

/** Each that an option names, with the arguments after `--`. */
function daemonCommands(args: readonly string[]): string[][] {
  const end = args.findIndex((word) => plain(word) === '--');
  const own = end === -1 ? args : args.slice(0, end);
  return own.flatMap((word, at) => {
    const [, named] = /^(?:-[A-Za-z]*[xa]|--(?:exec|startas)(?:=|$))(.*)$/s.exec(plain(word)) ?? [];
    return named === undefined
      ? []
      : [[named === '' ? (args[at + 1] ?? '') : named, ...args.slice(own.length + 1)]];
  });
}

/** A shell gets what comes after its dashes, and capsh itself what comes after `==`. */
function capshCommands(args: readonly string[]): Array<readonly string[]> {
  const at = args.findIndex((word) => /^(?:--|\+|-\+|==|=\+)$/.test(plain(word)));
  if (at === -1) return [];
  return [[plain(args[at] ?? '').startsWith('=') ? 'capsh' : 'bash', ...args.slice(at + 1)]];
}

/** `npm exec -- prettier`, `deno run --allow-net x.ts`. */
function toolCommands(args: readonly string[]): Array<readonly string[]> {
  const at = afterOptions(args, /^$/);
  if (!/^(?:run|exec|x|dlx|run-script)$/.test(plain(args[at] ?? ''))) return [];
  const rest = args.slice(at + 1);
  return [rest.slice(afterOptions(rest, /^$/))];
}

function findCommands(args: readonly string[]): Array<readonly string[]> {
  return args.flatMap((word, at) => {
    if (!/^-(?:exec|ok)(?:dir)?$/.test(plain(word))) return [];
    const rest = args.slice(at + 1);
    const end = rest.findIndex((one) => plain(one) === ';');
    return [rest.slice(0, end === -1 ? rest.length : end)];
  });
}

function commandAt(args: readonly string[], { valued, before = 0, assigns = false }: Wrapper): number {
  const at = afterOptions(args, valued) + before;
  const rest = args.slice(at).findIndex((word) => !assigns || !/^\w+=/.test(plain(word)));
  return rest === -1 ? args.length : at + rest;
}

/** Where the command begins that `flock` or `runuser -u` runs; past the end when it is a shell that runs one. */
export function wrappedAt(name: string, args: readonly string[]): number {
  const wrapper = WRAPPERS[name];
  return wrapper === undefined || (name === 'runuser' && !namesUser(args))
    ? args.length
    : commandAt(args, wrapper);
}

function namesUser(args: readonly string[]): boolean {
  return args.some((word) => /^-[a-z]*u$|^--user\b/.test(plain(word)));
}

const SPLIT = /^(?:-[iv0]*S|--split-string(?:=|$))(.*)$/s;

/** Of env(1), the words that hold the text of `-S`, and its arguments with the words of that text in their place. */
export function splitText(
  args: readonly string[],
): { readonly words: readonly string[]; readonly replacement: readonly string[] } | undefined {
  const { valued } = WRAPPERS['env'] ?? BARE;
  const at = args.slice(0, afterOptions(args, valued)).findIndex((word) => SPLIT.test(plain(word)));
  if (at === -1) return undefined;
  const attached = SPLIT.exec(plain(args[at] ?? ''))?.[1] ?? '';
  const words = args.slice(at, attached === '' ? at + 2 : at + 1);
  const text = attached === '' ? plain(words[1] ?? '') : attached;
  const split = text.split(/\s+/).filter((word) => word !== '');
  return { words, replacement: [...split, ...args.slice(at + words.length)] };
}
