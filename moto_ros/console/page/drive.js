// Driving by hand: keys or buttons that are held become a joystick's words, thirty a second.
//
// While driving is on, what is held is said again and again, though it be nothing: a person may
// stop to look. Nothing is sent once the page is hidden, it is gone, or the connection is lost: the
// guard brakes in silence. Whatever takes the keyboard from the page lets every key go. Driving is
// this page's from when it is turned on until it is turned off; if the console says that it is
// not, it is off.

const EVERY = 33; // [ms]
const TYPED = 'input, select, textarea'; // what takes keys for itself
const KEYS = { // key: [name, words]; none is a key of a button in index.html
  ArrowUp: ['x+', '↑ forward'], ArrowDown: ['x-', '↓ back'],
  ArrowLeft: ['y+', '← left'], ArrowRight: ['y-', '→ right'],
  w: ['z+', 'W up'], s: ['z-', 'S down'], a: ['yaw+', 'A turn left'], d: ['yaw-', 'D turn right'],
  r: ['pitch+', 'R tilt +'], f: ['pitch-', 'F tilt −'], q: ['roll+', 'Q roll +'], z: ['roll-', 'Z roll −'],
  o: ['open', 'O open'], c: ['close', 'C close'],
};

export class Drive {
  constructor(section, link) {
    Object.assign(this, { link });
    this.held = new Map(); // what is held, a key's code or a finger: name of the movement
    this.on = false;
    this.asked = 0; // how often driving was turned on
    this.refused = '';
    this.timer = null;
    this.toggle = section.querySelector('#drives');
    this.pad = section.querySelector('#pad');
    this.words = section.querySelector('#drive-told');
    this.toggle.onclick = () => { this.toggle.blur(); this.turn(!this.on); };
    this.buttons = new Map(Object.values(KEYS).map(([name, words]) => [name, this.button(name, words)]));
    this.pad.append(...this.buttons.values());
    document.addEventListener('keydown', (event) => this.down(event), true);
    document.addEventListener('keyup', (event) => this.hold(event.code, null, event), true);
    document.addEventListener('focusin', (event) => { if (event.target.matches(TYPED)) this.release(); });
    for (const gone of ['visibilitychange', 'freeze']) document.addEventListener(gone, () => this.release());
    for (const gone of ['blur', 'pagehide']) addEventListener(gone, () => this.release());
  }

  told({ drive, told: { guard, policy } }) {
    if (this.on && drive.asked === this.asked && !drive.on) this.turn(false, drive.problem);
    this.write(this.on ? drive.problem : this.refused, this.hint(guard, policy?.person));
  }

  write(problem, hint) {
    this.words.classList.toggle('refused', Boolean(problem));
    this.words.textContent = problem || hint;
  }

  // What a person has to know who drives, or has to hold the deadman.
  hint(guard, demonstrates) {
    const policy = guard?.source === 'policy' && !demonstrates;
    if (this.on && policy) {
      return 'the policy drives: a key that you hold is the deadman alone and moves nothing; Take over to drive';
    }
    if (this.on && guard?.state === 'READY') return 'Start an episode, then hold a key or a button to drive';
    if (this.on) return 'hold a key or a button; it drives while the guard is armed';
    const waits = guard?.why.some((one) => one.endsWith('(deadman)'));
    return waits ? `the guard waits for the deadman${policy ? ', though the policy drives' : ''}: `
      + 'hold the joystick’s, or turn this on and hold a key' : '';
  }

  turn(to, refused = '') {
    const on = to && this.link.connected;
    this.release();
    if (this.on && !on) this.link.send({ drives: 0 });
    this.on = on;
    this.refused = to && !on ? 'no connection: driving stays off' : refused;
    this.write(this.refused, '');
    if (on) this.link.send({ drives: this.asked += 1 });
    if (on) this.say(); // that no key is held
    clearInterval(this.timer);
    this.timer = on ? setInterval(() => this.repeat(), EVERY) : null;
    this.pad.hidden = !on;
    this.toggle.setAttribute('aria-pressed', String(on));
  }

  // The connection is gone, and driving with it.
  lost() {
    if (this.on) this.turn(false, 'driving ended with the connection: turn it on again');
  }

  down(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return this.release();
    if (event.target.closest?.(TYPED)) return;
    const key = event.key?.toLowerCase(); // a browser that fills in a form has none
    if (!event.repeat && key === 'g') return this.turn(!this.on);
    const found = KEYS[event.key] ?? KEYS[key];
    if (!this.on || !found) return;
    event.preventDefault();
    if (!event.repeat) this.hold(event.code, found[0], event);
  }

  button(name, words) {
    const button = document.createElement('button');
    button.textContent = words;
    button.onpointerdown = (event) => {
      button.setPointerCapture(event.pointerId);
      this.hold(event.pointerId, name, event);
    };
    button.onpointerup = button.onpointercancel = button.onlostpointercapture =
      (event) => this.hold(event.pointerId, null, event);
    button.oncontextmenu = (event) => event.preventDefault();
    return button;
  }

  // A key or a finger goes down upon a movement, or, with none, up.
  hold(what, name, event) {
    if (!name && !this.held.has(what)) return;
    if (name && this.on && this.link.connected && !document.hidden) this.held.set(what, name);
    else this.held.delete(what);
    this.show();
    this.say(this.link.at(event));
  }

  release() {
    if (!this.held.size) return;
    this.held.clear();
    this.show();
    this.say();
  }

  show() {
    const names = new Set(this.held.values());
    for (const [name, button] of this.buttons) button.classList.toggle('held', names.has(name));
  }

  // Says what is held once more; a page that nobody sees lets go of it, and says nothing.
  repeat() {
    if (document.hidden) this.release();
    else this.say();
  }

  say(at = this.link.now()) {
    this.link.send({ keys: [...new Set(this.held.values())], at });
  }
}
