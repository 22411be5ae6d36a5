/** What well-known programs run, or take commands from, besides those that have a language: see `interpreters.ts`. */
export interface CodeOptions {
  /** Options whose value is such: of one letter (it may end a word of several) or long (it may be cut short). */
  readonly options?: string;
  /** Those of programs whose long options have one dash. */
  readonly words?: string;
  /** Options for `KEY=value`, and the keys whose value is such. */
  readonly keyed?: readonly [options: string, keys: RegExp];
  /** Words without an option that are such: after how many others, and how they look. */
  readonly operands?: { readonly valued: RegExp; readonly after?: number; readonly like?: RegExp };
  /** Where a command with options of its own is among the operands: options that take the next word. */
  readonly stops?: RegExp;
  readonly fix?: string;
}

const SSH_KEYS = /(?:Command|^Match|^Include|Provider|XAuthLocation)$/i;
const GIT_KEYS =
  /^(?:alias|pager|include|includeIf)\.|\.(?:\w*cmd|\w*command|program|helper|editor|pager|driver|clean|smudge|process|textconv|external|path|askPass|hooksPath|fsmonitor|gitProxy|templateDir|packObjectsHook|uploadPack|receivePack|vcs|allow|browser|diffFilter|attributesFile|update)$/i;
const ALL = { valued: /(?!)/ };
const SCRIPT = 'hand it to a script of your own';

const PROGRAMS: ReadonlyArray<readonly [name: RegExp, CodeOptions]> = [
  // What runs a program on the data that it reads or writes.
  [/^g?split$/, { options: '--filter' }],
  [/^g?sort$/, { options: '--compress-program' }],
  [
    /^g?tar$/,
    {
      options:
        '-I -F --use-compress-program --info-script --new-volume-script --to-command --checkpoint-action --rsh-command --rmt-command',
    },
  ],
  [/^bsdtar$/, { options: '--use-compress-program' }],
  [/^cpio$/, { options: '--rsh-command --rmt-command' }],
  [/^zip$/, { options: '--unzip-command', words: '-TT' }],
  [/^sdiff$|^diff3$/, { options: '--diff-program' }],
  [/^rg$/, { options: '--pre --hostname-bin' }],
  [/^fzf$/, { options: '--preview --bind' }],
  [/^pandoc$/, { options: '-F -L -d --filter --lua-filter --pdf-engine --defaults' }],
  [/^yt-dlp$|^youtube-dl$/, { options: '--exec --downloader --external-downloader --netrc-cmd' }],
  [/^exiftool$/, { words: '-if -p -config' }],
  [/^tcpdump$/, { options: '-z' }],
  [/^man$/, { options: '-P -H -C --pager --html --config-file' }],
  // What reaches other hosts.
  [
    /^(?:auto)?ssh$/,
    {
      options: '-F -I',
      keyed: ['-o', SSH_KEYS],
      stops: /^-[46AaCfGgKkMNnqsTtVvXxYy]*[BbcDEeFIiJLlmOoPpQRSWw]$/,
    },
  ],
  [/^(?:scp|sftp)$/, { options: '-F -S -D -b', keyed: ['-o', SSH_KEYS] }],
  [/^sshfs$/, { options: '-F', keyed: ['-o', /command$/i] }],
  [/^mosh$/, { options: '--ssh --server --client' }],
  [/^rsync$/, { options: '-e --rsh --rsync-path' }],
  [/^curl$/, { options: '-K --config' }],
  [/^wget$/, { options: '-e --execute --use-askpass --config' }],
  [/^(?:nc|ncat|netcat)$/, { options: '-e -c --exec --sh-exec --lua-exec' }],
  [/^socat$/, { operands: { valued: /^-l[fp]?$/, like: /^\$\{RBIT_P|EXEC|SYSTEM|SHELL/i }, fix: SCRIPT }],
  [/^lftp$/, { options: '-c -e -f --rcfile', fix: SCRIPT }],
  [/^smbclient$/, { options: '-c --command', fix: SCRIPT }],
  [/^nmap$/, { options: '--script --datadir' }],
  [/^borg$/, { options: '--rsh --remote-path' }],
  [/^restic$|^rclone$/, { options: '--password-command' }],
  // git, by its commands.
  [
    /^git$/,
    {
      options: '--exec-path --config-env',
      keyed: ['-c', GIT_KEYS],
      stops: /^-[Cc]$|^--(?:git-dir|work-tree|namespace|super-prefix|config-env)$/,
    },
  ],
  [/^git clone$/, { options: '-u --upload-pack --template', keyed: ['-c --config', GIT_KEYS] }],
  [/^git init$/, { options: '--template' }],
  [/^git (?:fetch|pull|ls-remote|fetch-pack)$/, { options: '--upload-pack --exec' }],
  [/^git (?:push|send-pack)$/, { options: '--receive-pack --exec' }],
  [/^git archive$/, { options: '--exec' }],
  [/^git rebase$/, { options: '-x --exec' }],
  [/^git difftool$/, { options: '-x --extcmd' }],
  [/^git grep$/, { options: '-O --open-files-in-pager' }],
  [/^git submodule$/, { operands: { ...ALL, after: 1 }, fix: SCRIPT }],
  [
    /^git filter-branch$/,
    {
      options:
        '--setup --env-filter --tree-filter --index-filter --parent-filter --msg-filter --commit-filter --tag-name-filter',
    },
  ],
  // What starts programs, at once or later.
  [/^capsh$/, { options: '--shell' }],
  [/^at$|^batch$/, { options: '-f' }],
  [/^crontab$/, { operands: { valued: /^-u$/ } }],
  [/^logrotate$/, { operands: { valued: /^-[sml]$|^--(?:state|mail|log)$/ } }],
  [/^run-parts$/, { operands: { valued: /^-[au]$|^--(?:arg|umask|regex)$/ } }],
  [/^insmod$/, { operands: { ...ALL, like: /^\$\{RBIT_P|\.ko$/ } }],
  // Packages and keys.
  [/^apt$|^apt-get$|^aptitude$/, { options: '-o -c --option --config-file' }],
  [/^dpkg$/, { options: '--pre-invoke --post-invoke --status-logger' }],
  [/^rpm(?:build|spec)?$/, { options: '-D -E --define --eval --load --macros --rcfile --pipe' }],
  [/^gpg2?$/, { options: '--photo-viewer --agent-program --dirmngr-program --options' }],
  [/^openssl$/, { words: '-engine -provider -provider-path -config' }],
  // What has commands of its own.
  [/^dc$/, { options: '-e -f --expression --file' }],
  [/^m4$/, { options: '-D -R --define --reload-state', fix: SCRIPT }],
  [/^gdb$/, { words: '-x -ex -ix -iex -command -eval-command --command --eval-command --init-eval-command' }],
  [/^(?:n?vim?|ex|view)$/, { options: '-c -S -u --cmd', operands: { ...ALL, like: /^\+/ } }],
  [
    /^emacs$/,
    { words: '-eval -l -load -f -funcall -script --eval --execute --load --funcall --script', fix: SCRIPT },
  ],
  [/^(?:R|gnuplot)$/, { options: '-e -f --file', fix: SCRIPT }],
  [/^(?:sbcl|clisp|erl)$/, { words: '--eval --load --script -eval -run -pa', fix: SCRIPT }],
  [/^blender$/, { words: '-P --python --python-expr' }],
  [/^gs$/, { words: '-c', fix: SCRIPT }],
  // Databases, whose clients can run programs too.
  [/^psql$/, { options: '-c -f --command --file', fix: "write psql -v v=… -f FILE, and :'v' in that" }],
  [/^(?:mysql|mariadb)$/, { options: '-e --execute --init-command --pager --plugin-dir', fix: SCRIPT }],
  [
    /^sqlite3$/,
    {
      words: '-cmd -init',
      operands: { valued: /^-(?:cmd|init|separator|nullvalue|newline|vfs)$/, after: 1 },
      fix: SCRIPT,
    },
  ],
  [/^mongo(?:sh)?$/, { options: '--eval', fix: SCRIPT }],
];

/** What of a program is code, by its name; of git, also by the name and the command. */
export function codeOptionsOf(name: string): CodeOptions | undefined {
  return PROGRAMS.find(([pattern]) => pattern.test(name))?.[1];
}
