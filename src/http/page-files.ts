import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { Answer } from './routes.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
};

/** Nothing but what comes from here is loaded or asked, and nothing that a job says can become markup. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const FOLDER = new URL('./page/', import.meta.url);
const DASHBOARD = new URL('./grafana-dashboard.json', import.meta.url);

/** The files that the page is made of, and the dashboard for Grafana, as they are on the disk; by path. */
export function readPageFiles(): ReadonlyMap<string, Answer> {
  const names = readdirSync(FOLDER).filter((name) => extname(name) in TYPES);
  return new Map([
    ...names.map((name) => [pathOf(name), fileAnswer(new URL(name, FOLDER))] as const),
    ['/grafana-dashboard.json', fileAnswer(DASHBOARD)],
  ]);
}

function pathOf(name: string): string {
  return name === 'index.html' ? '/' : `/page/${name}`;
}

function fileAnswer(file: URL): Answer {
  const contentType = TYPES[extname(file.pathname)] ?? 'application/octet-stream';
  const isPage = contentType.startsWith('text/html');
  return {
    status: 200,
    contentType,
    body: readFileSync(file),
    headers: isPage ? { 'Content-Security-Policy': POLICY, 'Cross-Origin-Opener-Policy': 'same-origin' } : {},
  };
}
