// The last episodes: a list whose labels can be corrected.

import { post } from './link.js';

const OUTCOMES = { success: '✓ success', failure: '✗ failure', unlabelled: '– no label' };

export class Episodes {
  constructor(list, say) {
    Object.assign(this, { list, say });
    this.version = null;
  }

  async told({ episodes_version: version }) {
    if (version === this.version || this.list.contains(document.activeElement)) return;
    this.version = version;
    await this.load();
  }

  async load() {
    try {
      const answer = await fetch('/episodes', { signal: AbortSignal.timeout(3000) });
      if (!answer.ok) throw new Error(await answer.text());
      const { episodes } = await answer.json();
      this.list.replaceChildren(...episodes.map((episode) => this.line(episode)));
    } catch {
      this.version = null; // asked for again with the next word
    }
  }

  line(episode) {
    const line = document.createElement('li');
    line.dataset.episode = episode.id;
    const name = document.createElement('code');
    name.textContent = `…${episode.id.slice(-8)}`;
    name.title = episode.id;
    const about = document.createElement('span');
    about.className = 'about';
    const taken = episode.interventions ? `, ${episode.interventions} rows by a person` : '';
    about.textContent = `${new Date(episode.created).toLocaleTimeString([], { hour12: false })} · `
      + `${episode.rows} rows, ${episode.seconds} s, ended: ${episode.ended}${taken} · ${episode.by}`;
    line.append(name, about, this.choice(episode));
    return line;
  }

  // A button for each label: a list that opens would take the keys of Stop and of driving.
  choice(episode) {
    const choice = document.createElement('div');
    choice.setAttribute('role', 'group');
    choice.setAttribute('aria-label', `label of episode ${episode.id}`);
    for (const [value, words] of Object.entries(OUTCOMES)) {
      const button = document.createElement('button');
      button.textContent = words;
      button.dataset.outcome = value;
      button.setAttribute('aria-pressed', String(value === episode.outcome));
      button.onclick = () => { button.blur(); this.label(episode.id, value); };
      choice.append(button);
    }
    return choice;
  }

  async label(episode, label) {
    try {
      this.say(await post('/label', { episode, label }));
    } catch (error) {
      this.say(error.message, true);
    }
    this.version = null;
  }
}
