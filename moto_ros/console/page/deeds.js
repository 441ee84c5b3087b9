// The buttons and keys: what may be pressed, what a press came to.

import { post } from './link.js';

const ALWAYS = ['stop', 'estop'];
const NAMED = ['success', 'failure', 'discard']; // done to the episode that the page shows
const SURE = 3000; // [ms] within which a deed that is asked twice is asked again
const BEGINS = 1000; // [ms] within which the guard says that a way home is under way
const HOME = 0.1; // [rad] from home, as far as a policy may begin (guard.home_tolerance)

export class Deeds {
  constructor(section, link, say) {
    Object.assign(this, { section, link, say });
    this.refusals = {};
    this.episode = ''; // id of the open or the last one, as the page shows it
    this.sure = null; // what was pressed once: [deed, episode, when [ms]]
    this.way = null; // home that is under way: { told, since [ms], seen }
    this.buttons = [...section.querySelectorAll('[data-deed]')];
    for (const button of this.buttons) {
      button.onclick = (event) => { button.blur(); this.press(button, event); };
    }
    for (const way of ['keydown', 'keyup']) document.addEventListener(way, (event) => this.key(event), true);
  }

  told({ refusals, doing, recorder, guard }) {
    this.home(guard);
    this.refusals = refusals;
    this.episode = recorder?.episode ?? '';
    for (const button of this.buttons) {
      const { deed } = button.dataset;
      const reason = refusals[deed];
      button.setAttribute('aria-disabled', String(Boolean(reason)));
      button.title = reason || '';
      button.classList.toggle('doing', doing.includes(deed));
    }
  }

  // Stop and the e-stop are heard wherever the focus is, whatever else is held, but for letters
  // that are typed into a text.
  key(event) {
    const button = this.buttons.find((one) => one.dataset.key === event.key?.toLowerCase());
    if (!button || event.target.closest?.('input, textarea')) return;
    const beside = event.ctrlKey || event.altKey || event.metaKey;
    if (beside && !ALWAYS.includes(button.dataset.deed)) return;
    event.preventDefault(); // of both ways: Space would press a button that has the focus
    if (event.type === 'keydown' && !event.repeat) this.press(button, event);
  }

  async press(button, event) {
    const { deed } = button.dataset;
    const at = this.link.at(event);
    const episode = NAMED.includes(deed) ? this.episode : '';
    if (!this.link.connected && !ALWAYS.includes(deed)) {
      return this.say(`no connection: '${deed}' was not sent`, true);
    }
    if (this.refusals[deed] && !ALWAYS.includes(deed)) return this.say(this.refusals[deed], true);
    if ('twice' in button.dataset && !this.twice(button, episode, event)) return;
    this.say(`${deed} …`);
    try {
      const told = await post(`/press/${deed}`, { at, episode });
      this.say(told);
      if (deed === 'home') this.way = { told, since: performance.now(), seen: false };
    } catch (error) {
      this.say(error.message, true);
    }
  }

  // Says where a way home has ended, in place of that the arm is on it.
  home(guard) {
    if (!this.way || !guard) return;
    const { told, since } = this.way;
    this.way.seen ||= guard.source === 'home';
    const begins = !this.way.seen && performance.now() - since < BEGINS;
    if (guard.source === 'home' || begins) return;
    this.way = null;
    if (this.section.querySelector('#told').textContent !== told) return;
    const left = guard.from_home ?? NaN;
    const to = `${left.toFixed(2)} rad`;
    this.say(left <= HOME ? `the arm is home, to ${to}` : `the way home ended ${to} from home`, !(left <= HOME));
  }

  // Says whether a button was pressed before, for the same episode and not long ago.
  twice(button, episode, event) {
    const { deed } = button.dataset;
    const [before, of, when] = this.sure ?? [];
    const sure = before === deed && of === episode && event.timeStamp - when < SURE;
    this.sure = sure ? null : [deed, episode, event.timeStamp];
    button.classList.toggle('sure', !sure);
    if (sure) return true;
    const to = episode ? ` to do it to …${episode.slice(-8)}` : ', if it is so';
    this.say(`press ${deed} again${to}`);
    setTimeout(() => button.classList.remove('sure'), SURE);
    return false;
  }
}
