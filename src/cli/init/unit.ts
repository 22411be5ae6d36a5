/*
 * The units for systemd. Each line has its reason beside it in the unit itself, where whoever changes it will look;
 * README says more under "A service".
 */

/** What a unit has to know of the program: all paths are absolute. */
export interface UnitPlace {
  /** Node.js and rbit-ts, as two words of a command line. */
  readonly command: readonly [node: string, script: string];
}

export interface ProjectPlace extends UnitPlace {
  readonly name: string;
  readonly folder: string;
  /** The INI file. */
  readonly config: string;
  /** Whoever runs it. */
  readonly user: string;
}

/** The unit of one folder with its INI file and its state. */
export function projectUnit({ name, folder, config, user, command }: ProjectPlace): string {
  return `# ${name} as a service:
#
#     sudo cp rbit-ts.service /etc/systemd/system/${name}.service
#     sudo systemctl daemon-reload
#     sudo systemctl enable --now ${name}
#
# Its queues are those of ${config.slice(folder.length + 1)} (state-dir): what is submitted there by the same user, it works.

[Unit]
Description=rbit-ts job runner (${name})
After=network-online.target
Wants=network-online.target

[Service]
${commands(command, unitWord(config))}
WorkingDirectory=${escapePercent(folder)}
User=${user}

${life()}

${limits()}

${hardening()}
# The queues have to be written wherever they lie.
ReadWritePaths=${pathWord(folder)}

[Install]
WantedBy=multi-user.target
`;
}

/** The unit of any number of INI files in /etc/rbit, each an instance with a state of its own. */
export function instanceUnit({ command }: UnitPlace): string {
  return `# Each /etc/rbit/NAME.ini as a service of its own:
#
#     sudo useradd --system --home-dir /var/lib/rbit-ts --shell /usr/sbin/nologin rbit
#     sudo cp rbit-ts@.service /etc/systemd/system/
#     sudo systemctl daemon-reload
#     sudo systemctl enable --now rbit-ts@NAME
#
# With this line in /etc/rbit/NAME.ini, "sudo -u rbit rbit-ts status -c /etc/rbit/NAME.ini" and its like find it:
#
#     state-dir = /var/lib/rbit-ts/NAME

[Unit]
Description=rbit-ts job runner (%i)
After=network-online.target
Wants=network-online.target

[Service]
${commands(command, '/etc/rbit/%i.ini')}
User=rbit
StateDirectory=rbit-ts/%i
StateDirectoryMode=0700

${life()}

${limits()}

${hardening()}

[Install]
WantedBy=multi-user.target
`;
}

/** `config` is a word of a command line already. */
function commands(command: UnitPlace['command'], config: string): string {
  const rbitTs = command.map(unitWord).join(' ');
  return `# It says itself when it works, what it is doing, and that it is alive; systemd-notify says it for it, hence "all".
Type=notify
NotifyAccess=all
ExecStart=${rbitTs} run ${config}
# A mistake in the INI file fails the reload, is told there, and changes nothing.
ExecReload=${rbitTs} reload -c ${config}`;
}

function life(): string {
  return `# Started anew when its event loop stands still, or when a queue stays without a consumer and no job is in hand.
WatchdogSec=60
Restart=on-failure
RestartSec=5
# A bad configuration: starting again will not help.
RestartPreventExitStatus=78

# First the daemon alone is told to stop, so that running jobs may end; then whatever is left goes.
KillMode=mixed
# Longer than shutdown-timeout, twice the longest kill-grace and 15 seconds together; the daemon asks for more if it has to.
TimeoutStopSec=90`;
}

function limits(): string {
  return `# The memory of a runner (memory = 500M) is limited for each job; one that is too large is ended, and only that.
Delegate=memory
OOMPolicy=continue

# A secret that only this service can read; in the INI file: \${file:\${env:CREDENTIALS_DIRECTORY}/amqp-password}
#LoadCredential=amqp-password:/etc/rbit/amqp-password`;
}

function hardening(): string {
  return `# What jobs may do. These five go together: take them all out for runners that call sudo or another setuid program.
NoNewPrivileges=yes
RestrictSUIDSGID=yes
LockPersonality=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
# /tmp is the service's own; take it out for runners that find files there or leave them for others.
PrivateTmp=yes
# /usr, /boot and /etc are read-only.
ProtectSystem=full
# As runners allow: ProtectHome=yes, PrivateDevices=yes, ProtectSystem=strict with ReadWritePaths=.
# Never: ProtectControlGroups=yes (against Delegate), MemoryDenyWriteExecute=yes (Node.js compiles at run time).`;
}

/** One word of a command: in quotes where it has to be, and with nothing in it that systemd would replace. */
function unitWord(word: string): string {
  return pathWord(word).replaceAll('$', '$$$$');
}

/** One path of a list of paths, where variables are not filled in. */
function pathWord(path: string): string {
  const escaped = escapePercent(path).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

function escapePercent(text: string): string {
  return text.replaceAll('%', '%%');
}
