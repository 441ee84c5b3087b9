// The buttons and keys: what may be pressed, what a press came to.

import { post } from './link.js';

const ALWAYS = ['stop', 'estop'];
const SURE = 3000; // [ms] within which a deed that is asked twice is asked again

export class Deeds {
  constructor(section, link, say) {
    Object.assign(this, { section, link, say });
    this.refusals = {};
    this.letters = true; // false: letters drive the arm, but for those of ALWAYS
    this.buttons = [...section.querySelectorAll('[data-deed]')];
    for (const button of this.buttons) button.onclick = () => { button.blur(); this.press(button); };
    document.addEventListener('keydown', (event) => this.key(event));
  }

  told({ refusals, doing, guard }) {
    this.refusals = refusals;
    const person = guard?.source === 'teleop';
    for (const button of this.buttons) {
      if (button.dataset.other) {
        button.setAttribute('aria-pressed', String(person));
        button.firstChild.textContent = person ? 'Give back' : 'Take over';
      }
      const deed = this.deed(button);
      const reason = refusals[deed];
      button.setAttribute('aria-disabled', String(Boolean(reason)));
      button.title = reason || '';
      button.classList.toggle('doing', doing.includes(deed));
    }
  }

  deed(button) {
    const pressed = button.getAttribute('aria-pressed') === 'true';
    return pressed ? button.dataset.other : button.dataset.deed;
  }

  key(event) {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest('input, select')) return;
    const button = this.buttons.find((one) => one.dataset.key === event.key.toLowerCase());
    if (!button || !(this.letters || ALWAYS.includes(button.dataset.deed))) return;
    event.preventDefault();
    this.press(button);
  }

  async press(button) {
    const deed = this.deed(button);
    if (!this.link.connected && !ALWAYS.includes(deed)) return;
    if (this.refusals[deed]) return this.say(this.refusals[deed], true);
    if ('twice' in button.dataset && !this.sure(button)) return;
    this.say(`${deed} …`);
    try {
      this.say(await post(`/press/${deed}`, { at: this.link.now() }));
    } catch (error) {
      this.say(error.message, true);
    }
  }

  sure(button) {
    const sure = button.classList.contains('sure');
    button.classList.toggle('sure', !sure);
    if (!sure) {
      this.say(`press ${button.dataset.deed} again to do it`);
      setTimeout(() => button.classList.remove('sure'), SURE);
    }
    return sure;
  }
}
