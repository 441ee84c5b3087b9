// The live connection: opens it, says within a second when it is lost, and opens it again.
//
// In: handlers. Out: the console's clock as this page knows it, for presses that come too late.
// A connection that is silent is closed: the other end may never have heard that it is gone.

const SILENT = 1000; // [ms] without a word: the connection is lost
const OPENING = 5000; // [ms] until the first word of a new one
const AGAIN = 1000; // [ms] until it is tried again

export class Link {
  constructor({ told, picture, lost, locked }) {
    Object.assign(this, { told, picture, lost, locked });
    this.connected = false;
    this.socket = null;
    this.since = new Date();
    this.heard = -Infinity; // [ms] when it spoke last, or was opened
    this.offset = null; // [s] of the console's clock before this page's
    setInterval(() => this.look(), 200);
    this.open();
  }

  // The console's clock [s], never later than it is.
  now() {
    return this.on(performance.now());
  }

  // The same when an event happened, however late this page hears of it.
  at(event) {
    return this.on(event.timeStamp);
  }

  on(time) {
    return this.offset === null ? 0 : time / 1000 + this.offset;
  }

  open() {
    const socket = new WebSocket(`ws://${location.host}/live`);
    this.socket = socket;
    this.heard = performance.now();
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
    socket.onclose = (event) => {
      if (socket === this.socket) this.drop(event.reason);
    };
  }

  // Asks first whether the token is still good: a refused WebSocket does not say why.
  async reopen() {
    try {
      const answer = await fetch('/episodes', { signal: AbortSignal.timeout(3000) });
      if (answer.status === 401) return this.locked(); // until the page is loaded anew
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
    const patience = this.connected ? SILENT : OPENING;
    if (this.socket && performance.now() - this.heard > patience) this.drop('');
  }

  // Closes what is there, be it half open, and opens another.
  drop(reason) {
    if (this.connected) this.since = new Date();
    this.connected = false;
    const socket = this.socket;
    this.socket = null; // nothing more is heard of it
    socket.close();
    this.lost(this.since, reason);
    setTimeout(() => this.reopen(), AGAIN);
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
