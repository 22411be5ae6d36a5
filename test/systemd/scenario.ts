import type { Machine } from './machine.ts';
import { PROGRAM } from './machine.ts';
import type { Transcript } from './transcript.ts';

const RBIT = `node ${PROGRAM}/dist/cli/bin.js`;
const INI = '/srv/worker/rbit.ini';
/** A watchdog's interval that nobody has to wait for long. */
const WATCHDOG_S = 4;
/** Less than a job takes that runs when the service is stopped: the daemon has to ask for more. */
const STOP_S = 3;
const SLOW_S = 7;

/** A service from its installation to its end, as an operator would see it. Throws at the first thing that is not as it should be. */
export async function playScenario(machine: Machine, transcript: Transcript): Promise<void> {
  await install(transcript);
  await start(transcript);
  await reloadUnderLoad(machine, transcript);
  await hang(machine, transcript);
  await stopWithJobs(machine, transcript);
  await badStart(transcript);
  await instance(transcript);
}

async function install(t: Transcript): Promise<void> {
  t.chapter('Install');
  await t.run('systemctl --version | head -1; ps -o pid,comm -p 1');
  await t.run('useradd --system --home-dir /srv/worker --shell /usr/sbin/nologin rbit');
  await t.run('install -d -o rbit /srv/worker');
  await t.run(`${RBIT} init /srv/worker | head -5`, { user: 'rbit' });
  await t.run('cp /srv/worker/rbit-ts.service /etc/systemd/system/worker.service');
  await t.run('cp /srv/worker/rbit-ts@.service /etc/systemd/system/');
  await t.run(`mkdir /etc/systemd/system/worker.service.d
printf '[Service]\\nWatchdogSec=${WATCHDOG_S}\\nRestartSec=1\\nTimeoutStopSec=${STOP_S}\\n' > /etc/systemd/system/worker.service.d/impatient.conf`);
  await t.run('systemctl daemon-reload');
  const said = await t.run('systemd-analyze verify worker.service rbit-ts@x.service');
  t.check('systemd has nothing to say against the units', said === '');
}

async function start(t: Transcript): Promise<void> {
  t.chapter('Start');
  await t.run('systemctl enable --now worker');
  t.check('"systemctl start" returns when it is ready', (await property(t, 'ActiveState')) === 'active');
  await t.wait('systemctl status worker | head -12', /Status: "0 running"/);
  const tree = await t.run('systemctl show worker -p Type -p NotifyAccess -p WatchdogUSec -p Delegate');
  t.check('it is watched', tree.includes(`WatchdogUSec=${WATCHDOG_S}s`));
  await t.run(`${RBIT} submit hello --set parameters.name=Ada --wait -c ${INI}`, { user: 'rbit' });
}

async function reloadUnderLoad(machine: Machine, t: Transcript): Promise<void> {
  t.chapter('Reload, with a good and a bad INI file, under load');
  const pid = await property(t, 'MainPID');
  const command = `${RBIT} submit words --count 300 --set parameters.text="a b c" --wait -c ${INI}`;
  t.say(`rbit$ ${command} &`);
  const load = machine.sh(command, 'rbit');
  await t.wait('systemctl show -P StatusText worker', /^1 running/);

  await t.run(`sed -i 's/^    words:word-count/&\\n    loud:loud/' ${INI}
printf '\\n[runner:loud]\\nrunner = exec!tr a-z A-Z\\n' >> ${INI}`);
  await t.run('systemctl reload worker');
  const after = await t.run('journalctl -u worker -o cat --since "-20s" | grep -v "job " | tail -12');
  t.check('the log tells what has changed', /loud/.test(after));
  await t.run(`${RBIT} submit loud --wait -c ${INI} --message - <<'X'\n{"group":"made loud"}\nX`, {
    user: 'rbit',
  });

  await t.run(
    `cp ${INI} ${INI}.good; sed -i 's/^timeout = 1m/timeout = 1x/; s/^queue-mappings/queue-mapings/' ${INI}`,
  );
  await t.run('systemctl reload worker', { code: 1 });
  const told = await t.run('journalctl -u worker -o cat --since "-20s" | grep rbit.ini:');
  t.check('all mistakes are in the journal, each with its line', told.split('\n').length >= 3);
  t.check('it is active all the same', (await property(t, 'ActiveState')) === 'active');
  await t.run(`mv ${INI}.good ${INI}; systemctl reload worker`);
  t.check('it is the same process', (await property(t, 'MainPID')) === pid);
  const { code, output } = await load;
  t.say(output.split('\n').slice(-8).join('\n'));
  t.check('every job of the load was answered with completed', code === 0);
}

async function hang(machine: Machine, t: Transcript): Promise<void> {
  t.chapter('The event loop stands still');
  const pid = await property(t, 'MainPID');
  const command = `${RBIT} submit words --count 40 --set parameters.text="a b c" --wait -c ${INI}`;
  t.say(`rbit$ ${command} &`);
  const load = machine.sh(command, 'rbit');
  await t.wait('systemctl show -P StatusText worker', /^1 running/);
  await t.run(`kill -STOP ${pid}`);
  await t.wait('systemctl show -P NRestarts worker', /^1$/);
  await t.wait('systemctl is-active worker', /^active$/);
  const journal = await t.run('journalctl -u worker -o short --since "-30s" | grep "systemd\\["');
  t.check('the watchdog has ended it', /Watchdog timeout/.test(journal));
  t.check('another process works', (await property(t, 'MainPID')) !== pid);
  const { code, output } = await load;
  t.say(output.split('\n').slice(-8).join('\n'));
  t.check('no job was lost', code === 0);
}

async function stopWithJobs(machine: Machine, t: Transcript): Promise<void> {
  t.chapter('Stop, with a job running');
  await t.run(`sed -i 's/^    loud:loud/&\\n    slow:slow/' ${INI}
printf '\\n[runner:slow]\\nrunner = shell!sleep ${SLOW_S}; echo slept well\\n' >> ${INI}
systemctl reload worker`);
  const load = machine.sh(`${RBIT} submit slow --wait -c ${INI}`, 'rbit');
  await t.wait('systemctl show -P StatusText worker', /^1 running/);
  const stopped = machine.sh('systemctl stop worker');
  await t.wait('systemctl show -P StatusText -P SubState worker', /^stopping: 1 running$/m);
  t.check('"systemctl stop" succeeds', (await stopped).code === 0);
  const { code, output } = await load;
  t.say(output);
  t.check('the job has ended by itself, and was answered', code === 0 && output.includes('slept well'));
  const show = await t.run(
    'systemctl show worker -p TimeoutStopUSec -p Result -p ExecMainStatus -p ActiveState -p NRestarts',
  );
  t.check(
    'the service ended well, although it took longer than TimeoutStopSec: the daemon has asked for more',
    /Result=success/.test(show) && /ExecMainStatus=0/.test(show),
  );
}

async function badStart(t: Transcript): Promise<void> {
  t.chapter('Start, with a bad INI file');
  await t.run(`cp ${INI} ${INI}.good; echo 'retries = many' >> ${INI}; systemctl reset-failed worker`);
  await t.run('systemctl start worker', { code: 1 });
  const show = await t.run('systemctl show worker -p ActiveState -p ExecMainStatus -p NRestarts');
  t.check(
    'it fails at once, and is not tried again',
    /ActiveState=failed/.test(show) && /NRestarts=0/.test(show),
  );
  await t.run('journalctl -u worker -o cat -n 8 | grep rbit.ini:');
  await t.run(`mv ${INI}.good ${INI}`);
}

async function instance(t: Transcript): Promise<void> {
  t.chapter('An instance, with a state and a secret of its own');
  await t.run(`install -d /etc/rbit /etc/systemd/system/rbit-ts@mail.service.d
( umask 077; echo hunter2-hunter2 > /etc/rbit/mail-token )
printf '[Service]\\nLoadCredential=token:/etc/rbit/mail-token\\n' > /etc/systemd/system/rbit-ts@mail.service.d/secrets.conf
cat > /etc/rbit/mail.ini <<'X'
[rbit]
queue-mappings = mail:mail
state-dir = /var/lib/rbit-ts/mail

[runner:mail]
runner = shell!id -un; echo "token: $RBIT_SETTING_TOKEN"; env | grep -c -e NOTIFY -e WATCHDOG
token = \${file:\${env:CREDENTIALS_DIRECTORY}/token}
success-codes = 0 1
X
systemctl daemon-reload`);
  await t.run('systemctl start rbit-ts@mail');
  await t.wait('systemctl status rbit-ts@mail | head -8', /Status: "0 running"/);
  const secrets = 'export CREDENTIALS_DIRECTORY=/run/credentials/rbit-ts@mail.service';
  const said = await t.run(`${secrets}; ${RBIT} submit mail --wait -c /etc/rbit/mail.ini`, { user: 'rbit' });
  t.check('jobs run as the service user', /^output rbit$/m.test(said));
  t.check('the secret reaches its runner, and nobody sees it', /^output token: \*\*\*$/m.test(said));
  t.check('no job can speak for the daemon', /^output 0$/m.test(said));
  await t.run('systemctl reload rbit-ts@mail');
  await t.run(`${RBIT} status -c /etc/rbit/mail.ini`, { user: 'rbit' });
  await t.run('systemctl stop rbit-ts@mail; systemctl is-failed rbit-ts@mail', { code: 1 });
}

async function property(t: Transcript, name: string): Promise<string> {
  return t.run(`systemctl show -P ${name} worker`);
}
