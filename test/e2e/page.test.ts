import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { whyNoChromium } from '../support/install.ts';
import { type Ground, LOW_CONTRAST, openBrowser, openGround, openTab, type Tab } from './page-ground.ts';

const TOKEN = 'a-token-for-the-page';
const SECRET = 'hunter2-of-this-machine';

/* Each job of `gate` waits until a file named after it is there; `flaky` fails the first time. */
const INI = `queue-mappings = worker.gate:gate worker.loud:loud worker.flaky:flaky worker.lost:lost worker.broken:broken
[runner:gate]
runner = shell!echo "rendering page 4"; echo '{"progress":40,"message":"page 4 of 10"}' >> $RBIT_REPORT; while ! test -e %{parameters.gate}; do sleep 0.05; done; echo over
concurrency = 3
kill-grace = 100ms
[runner:loud]
runner = shell!printf '%s\\n' '<script>document.title="hacked"</script><img src=x onerror=alert(1)>'; printf '\\033[31mred\\033[0m\\n'; printf '\\342\\200\\256abc\\n'; echo "$SECRET"
env.SECRET = \${env:SECRET_OF_TEST}
[runner:flaky]
runner = shell!echo ran >> runs; test -e mended || { echo "connection refused" >&2; exit 3; }
keep-failed = yes
[runner:lost]
runner = shell!echo tried; exit 4
[runner:broken]
runner = shell!exit 126
`;

const reason = whyNoChromium();

describe.skipIf(reason !== undefined)(
  `the page in a browser${reason === undefined ? '' : ` (${reason})`}`,
  () => {
    let browser: Browser;
    let ground: Ground;
    /** Open from the first test to the last: it never has to be loaded again. */
    let tab: Tab;

    beforeAll(async () => {
      process.env['SECRET_OF_TEST'] = SECRET;
      [browser, ground] = await Promise.all([openBrowser(), openGround(INI, `token = ${TOKEN}`)]);
      await ground.start();
      tab = await openTab(browser, ground.url);
    });
    afterAll(async () => {
      delete process.env['SECRET_OF_TEST'];
      await browser.close();
      await ground.close();
    });

    const row = (id: string): string => `#ended-jobs tr:has-text("${id}")`;
    const card = (queue: string): string => `.queue[data-queue="${queue}"]`;

    async function openTabHere(options = {}, path = ''): Promise<Tab> {
      const other = await openTab(browser, `${ground.url}${path}`, options);
      onTestFinished(() => other.page.context().close());
      return other;
    }

    async function unlock({ page, shows }: Tab, token = TOKEN): Promise<void> {
      await page.getByRole('button', { name: 'Unlock actions' }).click();
      await page.getByLabel('Token').fill(token);
      await page.getByRole('button', { name: 'Unlock', exact: true }).click();
      if (token === TOKEN) await shows('#unlock', /Lock actions/);
    }

    it('says what there is to see before there is anything', async () => {
      await tab.shows('#name', /^build-07$/);
      await tab.shows('#health', /^Ready$/);
      await tab.shows('#running-none', /Nothing runs/);
      await tab.shows('#ended-none', /No job has ended/);
      expect(await tab.page.title()).toBe('0 running · build-07');
      await tab.shoot('empty');
    });

    it('shows a running job with its progress and its last line, and its end when it comes', async () => {
      await ground.submit('worker.gate', 'first', { gate: 'go-first' });
      await tab.shows('.run', /first\s+worker\.gate · gate\s+40%\s+page 4 of 10/);
      await tab.shows(card('worker.gate'), /running\s+1 of 3/);
      expect(await tab.page.locator('.run progress').getAttribute('value')).toBe('40');
      await eventually(async () => (await tab.page.title()) === '1 running · build-07', 'the title');
      await writeFile(join(ground.dir, 'go-first'), '');
      await tab.shows(row('first'), /completed/);
      await tab.shows('#running-none', /Nothing runs/);
      await tab.shows('#ends-legend', /completed 1/);
      expect(await tab.page.locator('#ends-chart rect').count()).toBe(1);
      expect(await tab.page.locator('#durations-chart path').count()).toBe(2);
    });

    it('shows what jobs say and are called as text, whatever it is, and no secret', async () => {
      const id = '"><img src=x onerror=alert(1)>';
      await ground.submit('worker.loud', id);
      await tab.shows('#ended-jobs tr:has-text("worker.loud")', /completed/);
      await tab.page.locator('#ended-jobs a', { hasText: 'onerror' }).click();
      const output = await tab.shows('#job-output', /abc/);
      expect(output).toBe(
        '<script>document.title="hacked"</script><img src=x onerror=alert(1)>\n␛[31mred␛[0m\n⟨U+202E⟩abc\n***',
      );
      expect(await tab.page.locator('#job-title').innerText()).toBe(id);
      expect(await tab.page.locator('img').count()).toBe(0);
      await tab.shoot('job');
      await tab.page.keyboard.press('Escape');
      expect(await tab.showsNo('#job')).toBe(true);
    });

    it('shows no button without the token, says when it is wrong, and why nothing can be done without one', async () => {
      expect(await tab.showsNo('button:text("Pause")')).toBe(true);
      await unlock(tab, 'wrong-token-of-somebody');
      await tab.shows('#token-wrong', /Wrong token: it is the one of \[http\] in the INI file\./);
      await tab.page.getByRole('button', { name: 'Not now' }).click();
      expect(await tab.showsNo('button:text("Pause")')).toBe(true);
      // The browser itself notes the refusal.
      expect(tab.complaints.splice(0)).toStrictEqual([expect.stringContaining('401')]);
    });

    it('pauses and resumes a queue with the token', async () => {
      await unlock(tab);
      await tab.page.getByRole('button', { name: 'Pause worker.gate' }).click();
      await tab.shows(card('worker.gate'), /Paused[^]*Paused by an operator/);
      await ground.submit('worker.gate', 'held', { gate: 'go-held' });
      await tab.shows(card('worker.gate'), /waiting\s+1/);
      expect(await tab.page.title()).toBe('0 running, 1 paused · build-07');
      await tab.page.getByRole('button', { name: 'Resume worker.gate' }).click();
      await tab.shows('.run', /held/);
    });

    it('cancels a job, when it is asked twice', async () => {
      await tab.page.getByRole('button', { name: 'Cancel held' }).click();
      await tab.page.getByRole('button', { name: 'Really cancel? held' }).click();
      await tab.shows(row('held'), /failed[^]*cancelled/);
    });

    it('puts a failed job back on its queue, once', async () => {
      await ground.submit('worker.flaky', 'flaky');
      await tab.shows(row('flaky'), /failed[^]*exit code 3: connection refused/);
      await writeFile(join(ground.dir, 'mended'), '');
      await tab.page.getByRole('button', { name: 'Retry flaky' }).click();
      await tab.shows('#said', /It is back on its queue\./);
      await tab.shows(row('flaky'), /completed/);
      expect(await readFile(join(ground.dir, 'runs'), 'utf8')).toBe('ran\nran\n');
      expect(await ground.waiting('worker.flaky.dead')).toBe(0);
      expect(await tab.showsNo('button:text("Retry")')).toBe(true);
    });

    it('says of a failed job that was not kept how others are', async () => {
      await ground.submit('worker.lost', 'lost');
      await tab.shows(row('lost'), /failed/);
      await tab.page.locator('#ended-jobs a', { hasText: 'lost' }).click();
      await tab.shows('#job-hint', /set keep-failed = yes in \[runner:lost\]/);
      await tab.page.getByRole('button', { name: 'Close' }).click();
    });

    it('filters what has ended by queue, outcome and text', async () => {
      const count = (): Promise<number> => tab.page.locator('#ended-jobs tr').count();
      const all = await count();
      await tab.page.getByLabel('Outcome').selectOption('failed');
      expect(await count()).toBe(3);
      await tab.page.locator('#filter-queue').selectOption('worker.gate');
      expect(await count()).toBe(1);
      await tab.page.getByLabel('Text').fill('nobody has this');
      await tab.shows('#ended-none', /None of the jobs/);
      await tab.page.getByLabel('Text').fill('CANCEL');
      expect(await count()).toBe(1);
      await tab.page.getByLabel('Text').fill('');
      await tab.page.locator('#filter-queue').selectOption('');
      await tab.page.getByLabel('Outcome').selectOption('');
      expect(await count()).toBe(all);
    });

    it('can be used by keyboard alone, and shows where one is', async () => {
      const { page, shows } = await openTabHere();
      await shows(row('lost'), /failed/);
      const focused = (): Promise<string> =>
        page.evaluate('`${document.activeElement.id || document.activeElement.textContent}`');
      const tabTo = async (wanted: string): Promise<void> => {
        for (let press = 0; press < 60; press += 1) {
          await page.keyboard.press('Tab');
          if ((await focused()) === wanted) {
            expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe(
              'solid',
            );
            return;
          }
        }
        throw new Error(`${wanted} cannot be reached`);
      };
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('Skip to the jobs');
      await tabTo('unlock');
      await page.keyboard.press('Enter');
      await eventually(async () => (await focused()) === 'token-text', 'the focus in the dialog');
      await page.keyboard.press('Escape');
      await eventually(async () => (await focused()) === 'unlock', 'the focus where it was');
      await tabTo('ends-chart');
      await page.keyboard.press('ArrowLeft');
      await shows('#ends-legend', /^\d\d:\d\d:\d\d:/);
      await tabTo('lost');
      await page.keyboard.press('Enter');
      await shows('#job-output', /tried/);
      await page.keyboard.press('Escape');
      await eventually(async () => (await focused()) === 'lost', 'the focus on the link');
    });

    it('fits a phone, with names of any length', async () => {
      await ground.submit('worker.lost', 'a-very-long-id-'.repeat(20));
      const { page, shows, shoot } = await openTabHere({
        viewport: { width: 360, height: 780 },
        colorScheme: 'dark',
      });
      await shows(row('a-very-long-id'), /failed/);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      await shoot('phone', { fullPage: true });
      await page.locator('#ended-jobs a', { hasText: 'a-very-long' }).click();
      await shows('#job-output', /tried/);
      expect(await page.evaluate('document.querySelector("#job").scrollWidth')).toBeLessThanOrEqual(360);
      await shoot('phone-job');
    });

    it('shows trouble in its head, its title and its icon', async () => {
      const calm = await tab.page.locator('#icon').getAttribute('href');
      await ground.submit('worker.broken', 'stuck');
      await tab.shows(
        '#trouble',
        /queue worker\.broken: (?:paused|probing): broken cannot be started: exit code 126/,
      );
      await tab.shows('#health', /Trouble/);
      expect(await tab.page.title()).toMatch(/^Trouble/);
      expect(await tab.page.locator('#icon').getAttribute('href')).not.toBe(calm);
    });

    it.each(['light', 'dark'] as const)(
      'is %s as the system is, and all text in it can be read',
      async (colorScheme) => {
        await ground.submit('worker.gate', `${colorScheme}-1`, { gate: 'go-colours' });
        const { page, shows, shoot, complaints } = await openTabHere({ colorScheme });
        await shows(`.run:has-text("${colorScheme}-1")`, /40%/);
        const [, ground1 = ''] =
          /rgb\((\d+)/.exec(await page.evaluate('getComputedStyle(document.body).backgroundColor')) ?? [];
        expect(Number(ground1) < 128).toBe(colorScheme === 'dark');
        const { count, found } = await page.evaluate<{ count: number; found: string[] }>(LOW_CONTRAST);
        expect(found).toStrictEqual([]);
        expect(count).toBeGreaterThan(50);
        await shoot(`desktop-${colorScheme}`, { fullPage: true });
        await page.getByRole('button', { name: /^Switch to/ }).click();
        expect(await page.evaluate('document.documentElement.dataset.theme')).not.toBe(colorScheme);
        expect(complaints).toStrictEqual([]);
      },
    );

    it('says that the daemon has gone, and goes on by itself when it is back', async () => {
      await writeFile(join(ground.dir, 'go-colours'), '');
      expect(tab.complaints).toStrictEqual([]);
      expect(await ground.stop()).toBe(0);
      await tab.shows('#trouble', /The daemon does not answer since/);
      expect(await tab.page.title()).toBe('No answer · build-07');
      await tab.shoot('no-answer');
      await ground.start();
      await tab.shows('#health', /Ready|Trouble/);
      await ground.submit('worker.lost', 'after-the-restart');
      await tab.shows(row('after-the-restart'), /failed/);
      // Of the process that has gone nothing is left.
      expect(await tab.page.locator(row('flaky')).count()).toBe(0);
      const refusals = tab.complaints.splice(0);
      expect(refusals.filter((text) => !text.includes('net::ERR_'))).toStrictEqual([]);
    });

    it('asks nobody but the daemon', () => {
      expect(tab.complaints).toStrictEqual([]);
    });
  },
);
