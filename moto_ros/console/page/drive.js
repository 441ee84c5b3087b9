// Driving by hand: keys or buttons that are held become a joystick's words, thirty a second.
//
// Nothing is sent once no key is held, the page is hidden or loses the focus, or the connection
// is lost: the guard brakes in silence.

const EVERY = 33; // [ms]
const KEYS = { // key: [name, words]
  ArrowUp: ['x+', '↑ forward'], ArrowDown: ['x-', '↓ back'],
  ArrowLeft: ['y+', '← left'], ArrowRight: ['y-', '→ right'],
  w: ['z+', 'W up'], s: ['z-', 'S down'], a: ['yaw+', 'A turn left'], d: ['yaw-', 'D turn right'],
  r: ['pitch+', 'R tilt +'], f: ['pitch-', 'F tilt −'], q: ['roll+', 'Q roll +'], z: ['roll-', 'Z roll −'],
  o: ['open', 'O open'], c: ['close', 'C close'],
};

export class Drive {
  constructor(section, link, changed) {
    Object.assign(this, { link, changed });
    this.held = new Set();
    this.on = false;
    this.timer = null;
    this.toggle = section.querySelector('#drives');
    this.pad = section.querySelector('#pad');
    this.words = section.querySelector('#drive-told');
    this.toggle.onclick = () => { this.toggle.blur(); this.turn(!this.on); };
    this.buttons = new Map(Object.values(KEYS).map(([name, words]) => [name, this.button(name, words)]));
    this.pad.append(...this.buttons.values());
    document.addEventListener('keydown', (event) => this.key(event, true));
    document.addEventListener('keyup', (event) => this.key(event, false));
    document.addEventListener('visibilitychange', () => this.release());
    for (const lost of ['blur', 'pagehide']) addEventListener(lost, () => this.release());
  }

  told({ drive_problem: problem }) {
    this.words.classList.toggle('refused', Boolean(problem));
    this.words.textContent = !this.on ? '' : problem
      || 'hold a key or a button; it drives after Take over, while the guard is armed';
  }

  turn(on) {
    this.release();
    this.on = on;
    this.pad.hidden = !on;
    this.toggle.setAttribute('aria-pressed', String(on));
    if (!on) this.link.send({ drives: false });
    this.changed(on);
  }

  key(event, down) {
    if (event.ctrlKey || event.altKey || event.metaKey) return this.release();
    if (event.target.closest?.('input, select')) return;
    if (down && !event.repeat && event.key.toLowerCase() === 'g') return this.turn(!this.on);
    const found = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
    if (!this.on || !found) return;
    event.preventDefault();
    if (!event.repeat) this.hold(found[0], down);
  }

  button(name, words) {
    const button = document.createElement('button');
    button.textContent = words;
    button.onpointerdown = (event) => { button.setPointerCapture(event.pointerId); this.hold(name, true); };
    button.onpointerup = button.onpointercancel = button.onlostpointercapture = () => this.hold(name, false);
    button.oncontextmenu = (event) => event.preventDefault();
    return button;
  }

  hold(name, down) {
    const had = this.held.size;
    this.held[down && this.on && this.link.connected ? 'add' : 'delete'](name);
    this.buttons.get(name).classList.toggle('held', this.held.has(name));
    if (this.held.size && !this.timer) this.timer = setInterval(() => this.say(), EVERY);
    if (this.held.size || had) this.say();
    if (!this.held.size) this.rest();
  }

  release() {
    const had = this.held.size;
    for (const name of this.held) this.buttons.get(name).classList.remove('held');
    this.held.clear();
    this.rest();
    if (had) this.say();
  }

  rest() {
    clearInterval(this.timer);
    this.timer = null;
  }

  say() {
    if (document.hidden && this.held.size) return this.release();
    this.link.send({ keys: [...this.held], at: this.link.now() });
  }
}
