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
      + `${episode.rows} rows, ${episode.seconds} s, ended: ${episode.ended}${taken} · policy ${episode.policy || '?'}`;
    line.append(name, about, this.choice(episode));
    return line;
  }

  choice(episode) {
    const choice = document.createElement('select');
    choice.setAttribute('aria-label', `label of episode ${episode.id}`);
    choice.dataset.outcome = episode.outcome;
    for (const [value, words] of Object.entries(OUTCOMES)) {
      choice.append(new Option(words, value, false, value === episode.outcome));
    }
    choice.onchange = async () => {
      try {
        this.say(await post('/label', { episode: episode.id, label: choice.value }));
      } catch (error) {
        this.say(error.message, true);
      }
      choice.blur();
      this.version = null;
    };
    return choice;
  }
}
