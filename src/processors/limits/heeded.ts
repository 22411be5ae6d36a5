/*
 * What a program does not read itself, but what is in it whoever wrote it: the loader (ld.so(8)) and the C library, which
 * they leave out for programs with the set-user-ID bit, and the shell.
 */
const OF_LIBRARIES =
  /^(?:LD_.*|MALLOC_.*|GLIBC_TUNABLES|GCONV_PATH|GETCONF_DIR|HOSTALIASES|LOCALDOMAIN|LOCPATH|NIS_PATH|NLSPATH|RESOLV_HOST_CONF|RES_OPTIONS|TZDIR)$/;
const OF_SHELLS = /^(?:BASH_.*|BASHOPTS|SHELLOPTS|ENV|FPATH|IFS|PS4)$/s;

/** Whether a variable of this name can make any program, or any shell, run other code than its own. */
export function isHeeded(name: string): boolean {
  return OF_LIBRARIES.test(name) || OF_SHELLS.test(name);
}
