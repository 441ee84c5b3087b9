// The operator's page: what the console tells, ten times a second, put into words.

import { Cameras } from './cameras.js';
import { Deeds } from './deeds.js';
import { Drive } from './drive.js';
import { Episodes } from './episodes.js';
import { Link, post } from './link.js';
import { Strip } from './strip.js';

const at = (id) => document.getElementById(id);
const strip = new Strip(at('strip'), at('doubt-now'));
const episodes = new Episodes(at('episodes').querySelector('ol'), say);
const cameras = new Cameras(at('cameras'), (index) => link.send({ shown: index }));
const link = new Link({ told, picture: (data) => cameras.picture(data), lost, locked });
const deeds = new Deeds(at('deeds'), link, say);
const drive = new Drive(at('drive'), link);

function say(words, refused = false) {
  at('told').textContent = words;
  at('told').classList.toggle('refused', refused);
}

function told(message) {
  const all = message.told;
  const deaf = all.deaf ? `the console has not listened to the graph for ${all.deaf} s` : '';
  document.body.classList.toggle('lost', Boolean(deaf));
  at('lost').textContent = deaf;
  at('live').hidden = false;
  at('login').hidden = true;
  guard(all);
  run(all);
  streams(all.streams);
  cameras.told(message);
  deeds.told(all);
  drive.told(message);
  strip.take(message.strip, all.now);
  episodes.told(all);
}

function lost(since, reason) {
  drive.lost();
  document.body.classList.add('lost');
  at('lost').textContent = `no connection since ${since.toLocaleTimeString([], { hour12: false })}: `
    + `${reason || 'what is shown is old'}. The guard does not need this page`;
}

function locked() {
  document.body.classList.remove('lost');
  at('live').hidden = true;
  at('login').hidden = false;
  at('token').focus();
}

at('login').onsubmit = async (event) => {
  event.preventDefault();
  try {
    await post('/login', { token: at('token').value });
    location.reload();
  } catch (error) {
    at('login-told').textContent = error.message;
  }
};

function guard({ guard: known, waiting, silent }) {
  const state = known?.state ?? (silent.includes('guard') ? 'SILENT' : 'WAITING');
  at('state').textContent = state;
  at('state').dataset.state = state;
  at('headline').textContent = known?.headline ?? (silent.includes('guard')
    ? 'The guard is silent: nobody can say what the arm does'
    : 'Waiting for the graph: start moto-up or the launch file');
  const missing = waiting.map((one) => `not heard yet: ${one}`);
  const gone = silent.map((one) => `silent: the ${one}`);
  items(at('why'), [...(known?.why ?? []), ...missing, ...gone]);
  const limits = known?.limits.length ? `Limited now: ${known.limits.join('; ')}` : '';
  at('remedy').textContent = known?.remedy || (known?.state === 'RUNNING' ? limits : '');
}

function run({ recorder, session, total, policy, task, dataset, dataset_problem: problem }) {
  at('recording').textContent = !recorder ? 'no recorder: nothing is recorded'
    : recorder.state === 'idle' ? 'no episode is being recorded'
      + (recorder.episode ? `; the last was …${recorder.episode.slice(-8)}` : '')
      : `● recording …${recorder.episode.slice(-8)}, ${recorder.rows} rows`
        + (recorder.dropped ? `, ${recorder.dropped} dropped` : '');
  if (recorder?.problem) at('recording').textContent += ` · ${recorder.problem}`;
  const judged = session.success + session.failure;
  const share = judged ? `${session.success} of ${judged}` : '–';
  const counts = [['episodes', session.episodes], ['✓ success', share],
    ['no label', session.unlabelled], ['in the dataset', total.episodes]];
  at('counts').replaceChildren(...counts.map(([words, number]) => {
    const pair = document.createElement('div');
    const value = document.createElement('dd');
    const name = document.createElement('dt');
    [value.textContent, name.textContent] = [number, words];
    pair.append(value, name);
    return pair;
  }));
  at('policy').textContent = !policy ? 'no policy is heard'
    : [policy.person ? 'no policy: what a person drives is recorded'
      : `policy ${policy.hash}${policy.acts ? ' acts' : ' waits for an episode'}`,
      policy.successor && `next: ${policy.successor}`, ...policy.problems].filter(Boolean).join(' · ');
  at('surprise').textContent = !policy ? '' : policy.surprised
    || (policy.slow === null ? 'the policy has no limits of surprise'
      : `surprise ${policy.surprise ?? '?'} nats; slower above ${policy.slow}, held from ${policy.hold}`);
  at('task').textContent = !task ? ''
    : `simulator says: ${task.success ? '✓ done' : 'not done'} (start ${task.seed})`;
  at('dataset').textContent = [dataset, problem].filter(Boolean).join(' · ');
}

function streams(all) {
  const rows = all.map((stream) => {
    const row = document.createElement('tr');
    const age = stream.age === null ? 'never' : stream.age < 1 ? '' : `${stream.age.toFixed(0)} s ago`;
    const idle = stream.name === 'decisions' && stream.age > 1;
    const alive = idle ? '– between' : stream.alive ? '● alive' : '✗ silent';
    for (const [words, kind] of [[stream.words], [alive, idle ? '' : stream.alive ? 'alive' : 'dead'],
      [`${stream.rate.toFixed(1)} Hz`], [age]]) {
      const cell = document.createElement('td');
      cell.textContent = words;
      if (kind) cell.className = kind;
      row.append(cell);
    }
    return row;
  });
  at('streams').querySelector('tbody').replaceChildren(...rows);
}

function items(list, words) {
  list.replaceChildren(...words.map((one) => {
    const item = document.createElement('li');
    item.textContent = one;
    return item;
  }));
}
