import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { TLSSocket } from 'node:tls';

/** A mail as it came over the wire. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  /** Header and text, line by line, not decoded. */
  readonly lines: readonly string[];
  readonly isEncrypted: boolean;
}

/** What it answers to a command instead of its usual 250; `''` hangs up. */
export type Answerer = (command: string) => string | undefined;

/** A mail server on loopback that keeps what it is sent: enough of SMTP for a client that behaves. */
export class SmtpServer {
  readonly mails: Mail[] = [];
  readonly commands: string[] = [];
  readonly #server = createServer((socket) => this.#greet(socket));
  readonly #sockets = new Set<Socket>();
  readonly #answer: Answerer;
  readonly #tls: { readonly key: Buffer; readonly cert: Buffer } | undefined;

  constructor(answer: Answerer = () => undefined, tls?: { readonly key: Buffer; readonly cert: Buffer }) {
    this.#answer = answer;
    this.#tls = tls;
  }

  /** Resolves with its port. */
  async start(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #greet(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    socket.write('220 localhost\r\n');
    this.#serve(socket).catch(() => socket.destroy());
  }

  async #serve(socket: Socket): Promise<void> {
    const lines = createInterface({ input: socket });
    let from = '';
    let to: string[] = [];
    let data: string[] | undefined;
    const answer = (usual: string, line: string): boolean => {
      const said = this.#answer(line) ?? usual;
      if (said === '') socket.destroy();
      else socket.write(`${said}\r\n`);
      return said.startsWith('2') || said.startsWith('3');
    };
    for await (const line of lines) {
      if (data !== undefined) {
        if (line !== '.') {
          data.push(line);
          continue;
        }
        if (answer('250 kept', '.')) {
          this.mails.push({ from, to, lines: data, isEncrypted: socket instanceof TLSSocket });
        }
        data = undefined;
        continue;
      }
      this.commands.push(line);
      const [verb = ''] = line.toUpperCase().split(' ', 1);
      if (verb === 'EHLO') {
        const offers = this.#tls === undefined || socket instanceof TLSSocket ? 'AUTH PLAIN' : 'STARTTLS';
        answer(`250-localhost\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ${offers}`, line);
      } else if (verb === 'STARTTLS') {
        socket.write('220 go on\r\n');
        lines.close();
        this.#encrypt(socket);
        return;
      } else if (verb === 'AUTH') answer('235 welcome', line);
      else if (verb === 'MAIL') {
        if (answer('250 ok', line)) [from, to] = [line.replace(/^MAIL FROM:<(.*?)>.*/i, '$1'), []];
      } else if (verb === 'RCPT') {
        if (answer('250 ok', line)) to.push(line.replace(/^RCPT TO:<(.*?)>.*/i, '$1'));
      } else if (verb === 'DATA') {
        if (answer('354 go on', line)) data = [];
      } else if (verb === 'QUIT') {
        socket.end('221 bye\r\n');
      } else answer('250 ok', line);
    }
  }

  #encrypt(socket: Socket): void {
    const encrypted = new TLSSocket(socket, { isServer: true, ...this.#tls });
    encrypted.on('error', () => {});
    this.#serve(encrypted).catch(() => encrypted.destroy());
  }
}
