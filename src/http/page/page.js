// What makes views live. Views are the worker's HTML; this brings their parts up to date, says how long ago things were,
// and sends what people do to the API.

const HTML = self.trustedTypes?.createPolicy('page', { createHTML: (html) => html }) ?? { createHTML: (html) => html };

const all = (css, root = document) => [...root.querySelectorAll(css)];
const one = (css, root = document) => root.querySelector(css);

/** The only place where text becomes HTML; it comes from the worker, which has escaped what others have written. */
function element(html) {
  const template = document.createElement('template');
  template.innerHTML = HTML.createHTML(html);
  return template.content.firstElementChild;
}

// Times.

const UNITS = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];

function ago(time) {
  const seconds = Math.round((Date.now() - new Date(time.dateTime)) / 1000);
  const length = Math.abs(seconds);
  const [size, unit] = UNITS.find(([size]) => length >= size * (size > 1 ? 2 : 1)) ?? [1, 's'];
  const text = `${Math.floor(length / size)} ${unit}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

function tell(root = document) {
  for (const time of all('time[datetime]', root)) {
    time.title ||= time.textContent;
    const text = ago(time);
    if (time.textContent !== text) time.textContent = text;
  }
}

// Parts that change by themselves.

/** Puts `fresh` in the place of `old`, and leaves the reader where they were. */
function swap(old, fresh) {
  const focus = old.contains(document.activeElement) ? document.activeElement : undefined;
  const place = focus && all('a, button, summary, input, select', old).indexOf(focus);
  const open = all('details', old).map((details) => details.open);
  all('details', fresh).forEach((details, at) => { details.open = open[at] ?? details.open; });
  old.replaceWith(fresh);
  if (focus) all('a, button, summary, input, select', fresh)[place]?.focus({ preventScroll: true });
}

function live(root) {
  const list = root.dataset.list;
  const known = new Map(all('[data-part]').map((part) => [part.dataset.part, part]));
  const remove = (name) => { known.get(name)?.remove(); known.delete(name); };
  const show = (name, html) => {
    const fresh = element(html);
    tell(fresh);
    if (known.has(name)) swap(known.get(name), fresh);
    else if (list && name.startsWith(list)) root.append(fresh);
    else return;
    known.set(name, fresh);
  };
  const source = new EventSource(root.dataset.live);
  source.onmessage = ({ data }) => {
    const { whole, parts, gone } = JSON.parse(data);
    if (whole) [...known.keys()].filter((name) => !(name in parts)).forEach(remove);
    gone.forEach(remove);
    for (const [name, html] of Object.entries(parts)) show(name, html);
    document.documentElement.dataset.live = 'yes';
    root.dispatchEvent(new Event('live', { bubbles: true }));
  };
  source.onerror = () => {
    document.documentElement.dataset.live = 'no';
    if (source.readyState !== EventSource.CLOSED) return;
    // The worker has refused: it restarts, or the session has ended.
    setTimeout(() => fetch(root.dataset.live, { method: 'HEAD' }).then(
      ({ status }) => (status === 401 ? location.reload() : live(root)),
      () => live(root),
    ), 3000);
  };
}

// The overview's filter.

function filter(form) {
  const tiles = one('.tiles');
  const order = {
    name: (a, b) => a.dataset.name.localeCompare(b.dataset.name),
    light: (a, b) => LIGHTS.indexOf(a.dataset.light) - LIGHTS.indexOf(b.dataset.light),
    events: (a, b) => b.dataset.events - a.dataset.events,
    behind: (a, b) => b.dataset.behind - a.dataset.behind,
  };
  const apply = () => {
    const { text, light, sort } = form.elements;
    const wanted = text.value.trim().toLowerCase();
    const shown = all('.tile', tiles);
    for (const tile of shown) {
      const fits = !wanted || one('h2', tile).textContent.toLowerCase().includes(wanted)
        || one('.account', tile).textContent.toLowerCase().includes(wanted);
      tile.hidden = !fits || (light.value !== '' && tile.dataset.light !== light.value);
    }
    const sorted = shown.toSorted((a, b) => order[sort.value](a, b) || order.name(a, b));
    if (sorted.some((tile, at) => tile !== shown[at])) tiles.append(...sorted);
    form.hidden = shown.length < 2;
    one('[data-none]').hidden = shown.length === 0 || shown.some((tile) => !tile.hidden);
    one('[data-empty]').hidden = shown.length > 0;
  };
  form.addEventListener('input', apply);
  form.addEventListener('submit', (event) => event.preventDefault());
  tiles.addEventListener('live', apply);
  apply();
}

const LIGHTS = ['red', 'amber', 'green', 'grey'];

all('[data-live]').forEach(live);
all('[data-filter]').forEach(filter);
tell();
setInterval(tell, 1000);
