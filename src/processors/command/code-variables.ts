import { plain } from './after-options.ts';

/*
 * Variables that tell well-known programs where to find code, which program to run, or which options to take. `ENV` is
 * not among them: applications call their environment so, and only an interactive shell reads it.
 */
const NAMES = [
  // The shells, and how every program is loaded.
  String.raw`PATH|FPATH|ZDOTDIR|SHELL|BASH_ENV|PROMPT_COMMAND|PS[0-4]|LD_\w+|DYLD_\w+|GCONV_PATH`,
  // Interpreters.
  'PYTHON(?:PATH|HOME|STARTUP|USERBASE|BREAKPOINT|WARNINGS|PYCACHEPREFIX)|NODE_(?:OPTIONS|PATH)',
  'PERL(?:5?LIB|5OPT|5DB|5SHELL)|RUBY(?:LIB|OPT)|GEM_(?:HOME|PATH)|BUNDLE_GEMFILE|PHPRC|PHP_INI_SCAN_DIR',
  String.raw`LUA_(?:PATH|CPATH|INIT)(?:_5_\d)?|TCLLIBPATH|R_(?:PROFILE|ENVIRON)(?:_USER)?|R_LIBS(?:_USER|_SITE)?`,
  String.raw`JULIA_(?:LOAD|DEPOT)_PATH|ERL_\w*FLAGS|ERL_LIBS|GUILE_LOAD(?:_COMPILED)?_PATH|AWK(?:LIB)?PATH`,
  String.raw`CLASSPATH|JAVA_HOME|(?:JAVA_TOOL|_JAVA|JDK_JAVA)_OPTIONS|(?:JAVA|MAVEN|GRADLE|ANT|SBT|CATALINA)_OPTS`,
  String.raw`DOTNET_STARTUP_HOOKS|EMACSLOADPATH|(?:G?VIM|EX)INIT|VIMRUNTIME|npm_config_\w+`,
  // Building.
  'G?(?:NU)?MAKEFLAGS|MAKEFILES|GCC_EXEC_PREFIX|COMPILER_PATH|GOFLAGS|GOROOT|RUSTC|RUSTC_WRAPPER|RUSTFLAGS',
  // Editors, pagers and browsers.
  String.raw`(?:\w+_)?PAGER|(?:\w+_)?EDITOR|\w*VISUAL|BROWSER|FCEDIT|HGEDITOR|CVSEDITOR|MANOPT|LESS|LESS(?:OPEN|CLOSE|KEY|KEYIN|EDIT)`,
  'MANPAGER|FZF_DEFAULT_(?:COMMAND|OPTS)|RIPGREP_CONFIG_PATH|PSQLRC',
  // What reaches other hosts.
  String.raw`GIT_(?:SSH|SSH_COMMAND|EXTERNAL_DIFF|PROXY_COMMAND|EXEC_PATH|TEMPLATE_DIR|ALLOW_PROTOCOL|CONFIG\w*)`,
  String.raw`\w*_ASKPASS|SSH_SK_PROVIDER|SVN_SSH|(?:CVS|RSYNC|BORG)_RSH|RSYNC_CONNECT_PROG|BORG_PASSCOMMAND|RESTIC_PASSWORD_COMMAND`,
  'WGETRC|SYSTEM_WGETRC|OPENSSL_(?:CONF|ENGINES|MODULES)',
  // Packing and packages.
  'TAR_OPTIONS|ZIPOPT|APT_CONFIG',
].join('|');

const NAME = new RegExp(`^(?:${NAMES})$`);
/** Also as an argument of systemd-run. */
const ASSIGNMENT = /^(?:--setenv=|-E)?(\w+)\+?=/;

/** Whether programs take what to run from the variable of this name. */
export function isCodeVariable(name: string): boolean {
  return NAME.test(name);
}

/** The name of such a variable that the word sets; undefined when it sets none. */
export function codeVariable(word: string): string | undefined {
  const [, name = ''] = ASSIGNMENT.exec(plain(word)) ?? [];
  return isCodeVariable(name) ? name : undefined;
}
