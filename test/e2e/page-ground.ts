import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium as chrome, type Page } from 'playwright-core';
import { createEmbeddedBroker } from '../../src/broker/embedded/embedded-broker.ts';
import { makeProject, TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { chromium } from '../support/install.ts';

const ARGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
/** For people to look at. */
const SCREENSHOTS = new URL('../output/', import.meta.url).pathname;

/** A browser that nobody sees. */
export async function openBrowser(): Promise<Browser> {
  return chrome.launch({ executablePath: await chromium(), args: ARGS.split(' ') });
}

/** A daemon whose page is looked at, and the queues that it works. */
export interface Ground {
  readonly url: string;
  readonly dir: string;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<number | null>;
  /** Puts a job on a queue. */
  readonly submit: (queue: string, id: string, parameters?: object) => Promise<void>;
  readonly waiting: (queue: string) => Promise<number | undefined>;
  readonly close: () => Promise<void>;
}

export async function openGround(rest: string, http = ''): Promise<Ground> {
  const port = await freePort();
  const project = await makeProject('');
  const { dir, ini } = project;
  await writeFile(
    ini,
    `[http]\nlisten = 127.0.0.1:${port}\n${http}\n[rbit]\nname = build-07\nstate-dir = ${dir}/state\n${rest}`,
  );
  let daemon: TestDaemon | undefined;
  const broker = createEmbeddedBroker({
    file: join(dir, 'state', 'queue.sqlite'),
    exchange: 'rbit',
    queues: new Map(),
  });
  let isOpen = false;
  return {
    url: `http://127.0.0.1:${port}/`,
    dir,
    async start() {
      daemon = new TestDaemon([ini]);
      await daemon.logged(/^page, health and metrics at/);
      await daemon.logged(/^consuming queue/);
      if (!isOpen) broker.start();
      isOpen = true;
    },
    stop: async () => (await daemon?.stop()) ?? null,
    async submit(queue, id, parameters = {}) {
      const body = Buffer.from(JSON.stringify({ parameters }));
      await broker.writable();
      const properties = { correlationId: id, headers: {}, persistent: true };
      await broker.publish({ exchange: '', routingKey: queue, body, properties });
    },
    waiting: (queue) => broker.count(queue),
    async close() {
      await daemon?.stop();
      await broker.close(1_000);
      await project.remove();
    },
  };
}

/** A tab, and whatever it says or asks that it should not. */
export interface Tab {
  readonly page: Page;
  /** Errors on its console, errors that nobody caught, and requests to anybody else. */
  readonly complaints: string[];
  /** The text of what a selector finds first, as soon as it fits. */
  readonly shows: (selector: string, text: RegExp) => Promise<string>;
  /** Whether nothing that is to be seen fits. */
  readonly showsNo: (selector: string) => Promise<boolean>;
  readonly shoot: (name: string, options?: { fullPage?: boolean }) => Promise<void>;
}

export async function openTab(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(8_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:'))
      complaints.push(`asks ${request.url()}`);
  });
  await page.goto(url);
  return {
    page,
    complaints,
    async shows(selector, text) {
      let last = '';
      return eventually(async () => {
        last = (await page.locator(selector).first().innerText({ timeout: 500 })).trim();
        return text.test(last) ? last : undefined;
      }, `${selector} shows ${text}`).catch((error: unknown) => {
        throw new Error(`${String(error)}; it shows: ${last}`);
      });
    },
    showsNo: async (selector) => (await page.locator(selector).filter({ visible: true }).count()) === 0,
    async shoot(name, { fullPage = false } = {}) {
      mkdirSync(SCREENSHOTS, { recursive: true });
      await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage });
    },
  };
}

/** Runs in the page: texts whose contrast with what is behind them is below WCAG's AA, with that contrast. */
export const LOW_CONTRAST = `(() => {
  const parse = (colour) => {
    const [r, g, b, a = 1] = (colour.match(/[\\d.]+/g) ?? []).map(Number);
    return { r, g, b, a };
  };
  const over = (top, under) => ({
    r: top.r * top.a + under.r * (1 - top.a),
    g: top.g * top.a + under.g * (1 - top.a),
    b: top.b * top.a + under.b * (1 - top.a),
    a: 1,
  });
  const light = ({ r, g, b }) => {
    const part = (value) => {
      const c = value / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    const layers = [];
    for (let one = element; one !== null; one = one.parentElement) {
      layers.push(parse(getComputedStyle(one).backgroundColor));
      if (layers.at(-1).a === 1) break;
    }
    return layers.reduceRight((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.textContent.trim() === '' || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const isSvg = element instanceof SVGElement;
    const colour = over(parse(isSvg ? style.fill : style.color), ground);
    const [a, b] = [light(colour), light(ground)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    count += 1;
    if (contrast < 4.5) found.push(contrast.toFixed(2) + ' ' + walker.currentNode.textContent.trim().slice(0, 40));
  }
  return { count, found };
})()`;
