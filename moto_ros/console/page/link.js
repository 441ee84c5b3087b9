// The live connection: opens it, says within a second when it is lost, and opens it again.
//
// In: handlers. Out: the console's clock as this page knows it, for presses that come too late.

const SILENT = 1000; // [ms] without a word: the connection is lost
const AGAIN = 1000; // [ms] until it is tried again

export class Link {
  constructor({ told, picture, lost, locked }) {
    Object.assign(this, { told, picture, lost, locked });
    this.connected = this.shut = false;
    this.since = new Date();
    this.heard = -Infinity;
    this.offset = null; // [s] of the console's clock before this page's
    setInterval(() => this.look(), 200);
    this.open();
  }

  // The console's clock [s], never later than it is.
  now() {
    return this.offset === null ? 0 : performance.now() / 1000 + this.offset;
  }

  open() {
    const socket = new WebSocket(`ws://${location.host}/live`);
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.heard = performance.now();
      if (typeof event.data !== 'string') return this.picture(event.data);
      const message = JSON.parse(event.data);
      const offset = message.told.now - this.heard / 1000;
      // the message that travelled least tells the clock best; drift is followed slowly
      this.offset = this.offset === null || Math.abs(offset - this.offset) > 5
        ? offset : Math.max(offset, this.offset - 1e-5);
      this.connected = true;
      this.told(message);
    };
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.drop();
      setTimeout(() => this.reopen(), AGAIN);
    };
  }

  // Asks first whether the token is still good: a refused WebSocket does not say why.
  async reopen() {
    try {
      const answer = await fetch('/episodes', { signal: AbortSignal.timeout(3000) });
      if (answer.status === 401) {
        this.shut = true; // until the token is given, and the page is loaded anew
        return this.locked();
      }
    } catch {
      return setTimeout(() => this.reopen(), AGAIN);
    }
    this.open();
  }

  send(message) {
    if (this.connected && this.socket.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify(message));
    }
  }

  look() {
    if (this.connected && performance.now() - this.heard > SILENT) this.drop();
    if (!this.connected && !this.shut) this.lost(this.since);
  }

  drop() {
    if (this.connected) this.since = new Date();
    this.connected = false;
    this.lost(this.since);
  }
}

// Posts JSON; returns the words of the answer, or throws an Error with them.
export async function post(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(90000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return JSON.parse(text).told;
}
