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

const LIGHTS = ['red', 'amber', 'green', 'grey'];
const STREAMS = ['Sign-in attempts', 'Item usages', 'Audit events'];
const NAMES = { signinattempts: STREAMS[0], itemusages: STREAMS[1], auditevents: STREAMS[2] };

// Times.

const UNITS = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];

function ago(time) {
  const seconds = Math.round((Date.now() - new Date(time.dateTime)) / 1000);
  if (seconds >= 0 && 'next' in time.dataset) return 'now';
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

/** Whether another view is on its way. */
let leaving = false;

/** What tells an element that one can be at from the others of its part. */
const mark = ({ dataset, href, className }) => [dataset.path, dataset.open, href, className].join(' ');

/** Puts `fresh` in the place of `old`, and leaves the reader where they were. */
function swap(old, fresh) {
  const focus = old.contains(document.activeElement) ? document.activeElement : undefined;
  const at = focus && all('a, button, [tabindex]', old).indexOf(focus);
  const scrolled = all('.scroll', old).map(({ scrollLeft }) => scrollLeft);
  old.replaceWith(fresh);
  all('.scroll', fresh).forEach((region, at) => { region.scrollLeft = scrolled[at] ?? 0; });
  const places = all('a, button, [tabindex]', fresh);
  if (focus) (places.find((one) => mark(one) === mark(focus)) ?? places[at] ?? places.at(-1))?.focus({ preventScroll: true });
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
  let source;
  const close = () => {
    source?.close();
    source = undefined;
  };
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(root.dataset.live);
    source.onmessage = ({ data }) => {
      const { whole, parts, gone } = JSON.parse(data);
      if (whole) [...known.keys()].filter((name) => !(name in parts)).forEach(remove);
      gone.forEach(remove);
      for (const [name, html] of Object.entries(parts)) show(name, html);
      document.documentElement.dataset.live = 'yes';
      root.dispatchEvent(new Event('live', { bubbles: true }));
      // All of what this view is about is no more; reloading says so, unless it was deleted here.
      if (known.size === 0 && !leaving) location.reload();
    };
    source.onerror = () => {
      document.documentElement.dataset.live = 'no';
      if (source.readyState !== EventSource.CLOSED) return;
      // The worker has refused: it restarts, or the session has ended, or this is no more, which reloading says.
      close();
      setTimeout(() => fetch(location.href, { method: 'HEAD' }).then(
        ({ status, redirected }) => (redirected || [401, 403, 404].includes(status) ? location.reload() : open()),
        open,
      ), 3000);
    };
  };
  // A browser has few connections to one host, and nobody looks at a tab that is hidden.
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  open();
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
    if (sorted.some((tile, at) => tile !== shown[at])) {
      const focus = document.activeElement;
      tiles.append(...sorted);
      focus.focus({ preventScroll: true });
    }
    form.hidden = shown.length < 2;
    one('[data-none]').hidden = shown.length === 0 || shown.some((tile) => !tile.hidden);
    one('[data-empty]').hidden = shown.length > 0;
  };
  form.addEventListener('input', apply);
  form.addEventListener('submit', (event) => event.preventDefault());
  tiles.addEventListener('live', apply);
  apply();
}

// Requests.

/** Asks the API; what it refuses becomes an error with its words. */
async function ask(method, path, body) {
  const head = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const answer = await fetch(path, { method, headers: head, body: body && JSON.stringify(body) }).catch(() => {
    throw new Error('The worker is not reached. Is it running, and is the network up?');
  });
  const text = await answer.text();
  const json = text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined;
  if (answer.status === 401) throw new Error('You are not signed in any more. Sign in in another tab, and try again.');
  if (!answer.ok) throw new Error(json?.message ?? `The worker answers ${answer.status}.`);
  return json;
}

function toast(text) {
  const toast = document.createElement('p');
  toast.className = 'toast';
  toast.textContent = text;
  one('#toasts').append(toast);
  setTimeout(() => toast.remove(), 8000);
}

/** Does `work`, and nothing more by this button meanwhile; it keeps the focus. */
async function during(button, work) {
  if (button.ariaDisabled === 'true') return undefined;
  button.ariaDisabled = 'true';
  try {
    return await work();
  } finally {
    button.ariaDisabled = null;
  }
}

function complain(place, message) {
  place.textContent = message;
  place.hidden = !message;
}

const connector = (name) => `/connectors/${encodeURIComponent(name)}`;

// What is done with an integration.

document.addEventListener('click', ({ target }) => {
  const button = target.closest('button');
  if (button?.dataset.do) {
    during(button, () => ask(button.dataset.do, button.dataset.path)).catch(({ message }) => toast(message));
  } else if (button?.dataset.open) {
    const dialog = one(`#${button.dataset.open}`);
    dialog.showModal();
    dialog.dispatchEvent(new Event('input'));
  } else if (button && 'close' in button.dataset) {
    button.closest('dialog').close();
  }
});

function rewind(dialog) {
  const { name } = dialog.dataset;
  const [time, when, cost, wrong, go] = ['#rewind-time', '[data-when]', '[data-cost]', '[data-wrong]', '[data-go]'].map((css) => one(css, dialog));
  const to = () => {
    const value = one('[name=to]:checked', dialog)?.value;
    return value === 'time' ? time.value && new Date(time.value).toISOString() : value;
  };
  let latest = 0;
  const reckon = async () => {
    const turn = ++latest;
    when.hidden = !one('[value=time]', dialog).checked;
    complain(wrong, '');
    cost.textContent = '';
    go.disabled = true;
    const from = to();
    if (!from) return;
    if (from === 'latest') {
      cost.textContent = 'Nothing is published again. What has happened since the last poll is left out.';
      go.disabled = false;
      return;
    }
    cost.textContent = 'Counting what will be published again …';
    const query = new URLSearchParams({ connector: name, from });
    const text = await ask('GET', `/ui/api/rewind?${query}`).then(
      ({ events, exact }) => `${exact ? '' : 'About '}${events.toLocaleString('en')} event${events === 1 ? '' : 's'} will be published again, and what was never read is published, too.`,
      ({ message }) => message,
    );
    if (turn !== latest) return;
    cost.textContent = text;
    go.disabled = false;
  };
  dialog.addEventListener('input', reckon);
  go.addEventListener('click', () => during(go, async () => {
    await ask('POST', '/ui/api/rewind', { connector: name, from: to() });
    dialog.close();
    toast(`${name} is read from there.`);
  }).catch(({ message }) => complain(wrong, message)));
}

function remove(dialog) {
  const { name } = dialog.dataset;
  const [typed, go, wrong] = ['input', '[data-go]', '[data-wrong]'].map((css) => one(css, dialog));
  typed.addEventListener('input', () => { go.disabled = typed.value !== name; });
  go.addEventListener('click', () => during(go, async () => {
    leaving = true;
    await ask('DELETE', connector(name));
    location.assign('/ui/');
  }).catch(({ message }) => {
    leaving = false;
    complain(wrong, message);
  }));
}

// The form.

const CHANGED = 'The token has changed meanwhile. Try again.';
const PLUGIN = '/connector-plugins/OnePasswordEventsSource/config/validate';

function form(root) {
  const given = JSON.parse(root.dataset.config);
  const isNew = !one('[name=name]', root).readOnly;
  const token = one('[name="onepassword.token"]', root);
  const touched = new Set();
  let dirty = false;
  /** Why the token was not sealed. */
  let unsealed = '';

  /** Whether the token itself is in a configuration, and not a reference. */
  const isWritten = ({ [token.name]: value }) => Boolean(value) && !value.startsWith('${');

  /** The configuration that the form says; what it does not know stays as it was. */
  const config = () => {
    const config = { ...given };
    const set = (name, value) => { if (value) config[name] = value; else delete config[name]; };
    for (const { name, value, dataset, type, checked } of root.elements) {
      if (!name || name === 'enabled' || type === 'checkbox' || (type === 'radio' && !checked)) continue;
      const text = value.trim();
      if (dataset.unit && text && Number.isFinite(Number(text))) set(name, String(Math.round(Number(text) * dataset.unit)));
      else set(name, text === dataset.default && !(name in given) ? '' : text);
    }
    const streams = all('[name=streams]', root);
    if (streams.every(({ checked, defaultChecked }) => checked === defaultChecked)) return config;
    const chosen = streams.filter(({ checked }) => checked).map(({ value }) => value);
    if (chosen.length < streams.length) config.streams = chosen.join(',');
    else delete config.streams;
    return config;
  };

  /** What is not as it was given; the worker has kept back what could be a secret, and that stays. */
  const changes = (config) => {
    const names = Object.keys({ ...given, ...config }).filter((name) => name !== 'name' && config[name] !== given[name]);
    return Object.fromEntries(names.map((name) => [name, config[name] ?? null]));
  };

  const show = (errors, isShown) => {
    let first;
    for (const place of all('[data-wrong]', root).filter(({ dataset }) => dataset.wrong)) {
      const { wrong } = place.dataset;
      const message = isShown(wrong) ? (errors.get(wrong) ?? []).join('; ') : '';
      complain(place, message);
      const field = one(`[name="${wrong}"]`, root);
      if (message) {
        field.setAttribute('aria-invalid', 'true');
        const folded = field.closest('details');
        if (folded) folded.open = true;
        first ??= field;
      } else field.removeAttribute('aria-invalid');
    }
    return first;
  };

  /** What is wrong with a configuration, by setting. */
  const judge = async (config) => {
    const said = { ...config };
    // It is sealed when it is all there; until then it stays here.
    if (isWritten(said)) delete said[token.name];
    const { configs } = await ask('PUT', PLUGIN, said);
    const plain = (message) => (message.startsWith('Missing required') ? 'It is needed.' : message);
    const errors = new Map(configs.filter(({ value }) => value.errors.length).map(({ value }) => [value.name, value.errors.map(plain)]));
    if (unsealed) errors.set(token.name, [unsealed]);
    else if (isWritten(config)) errors.delete(token.name);
    for (const { name, dataset } of root.elements) {
      if (dataset.words && errors.has(name)) errors.set(name, [dataset.words]);
    }
    // Kafka Connect takes such a name, and then no path leads to it.
    if (isNew && /[/\\%]|^\.\.?$/.test(said.name)) errors.set('name', ['/, \\ and % cannot stand in a name, nor can it be . or ..']);
    if (config.streams === '') errors.set('streams', ['choose one at least']);
    return errors;
  };

  /** A token that is written out is sealed before it goes anywhere else. */
  const seal = async () => {
    unsealed = '';
    const secret = token.value.trim();
    if (!isWritten({ [token.name]: secret })) return;
    const { reference } = await ask('POST', '/ui/api/seal', { secret }).catch((error) => {
      unsealed = error.message;
      throw error;
    });
    if (token.value.trim() !== secret) return;
    token.value = reference;
    token.type = 'text';
  };

  let latest = 0;
  let timer;
  const validate = async () => {
    const turn = ++latest;
    const errors = await judge(config()).catch(() => new Map());
    if (turn === latest) show(errors, (name) => touched.has(name));
  };
  root.addEventListener('input', ({ target }) => {
    dirty = true;
    touched.add(target.name);
    if (target === token) {
      unsealed = '';
      token.type = token.value.startsWith('$') ? 'text' : 'password';
    }
    clearTimeout(timer);
    timer = setTimeout(validate, 300);
  });
  token.addEventListener('change', () => seal().catch(() => {}).then(validate));

  one('[data-test]', root).addEventListener('click', ({ target }) => during(target, async () => {
    const told = one('[data-tested]', root);
    told.textContent = 'Asking 1Password …';
    try {
      await seal();
      const wanted = config();
      if (isWritten(wanted)) throw new Error(CHANGED);
      told.replaceChildren(tested(await ask('POST', '/ui/api/test', wanted)));
    } catch ({ message }) {
      told.textContent = message;
    }
  }));

  root.addEventListener('submit', async (event) => {
    event.preventDefault();
    const top = one('[data-wrong=""]', root);
    complain(top, '');
    await during(event.submitter, async () => {
      await seal().catch(() => {});
      const wanted = config();
      const first = show(await judge(wanted), () => true);
      if (first) return first.focus();
      if (isWritten(wanted)) throw new Error(CHANGED);
      const { name, ...rest } = wanted;
      const enabled = one('[name=enabled]', root)?.checked ?? true;
      if (isNew) await ask('POST', '/connectors', { name, config: rest, initial_state: enabled ? 'RUNNING' : 'PAUSED' });
      else await ask('PATCH', `${connector(name)}/config`, changes(rest));
      dirty = false;
      return location.assign(`/ui/integrations/${encodeURIComponent(name)}`);
    }).catch(({ message }) => {
      complain(top, message);
      top.scrollIntoView({ block: 'center' });
    });
  });
  addEventListener('beforeunload', (event) => { if (dirty) event.preventDefault(); });
  if (token.value.startsWith('$')) token.type = 'text';
}

/** What a try of the token has brought, in words. */
function tested({ ok, message, host, account_uuid: account, features, expires_at: expires }) {
  const told = document.createElement('p');
  told.className = ok ? 'good' : 'wrong';
  const ends = expires ? ` It ends on ${new Date(expires).toLocaleDateString('en', { dateStyle: 'long' })}.` : '';
  told.textContent = ok
    ? `${host} accepts the token${account ? ` of account ${account}` : ''}. It covers ${features.join(', ') || 'nothing'}.${ends}`
    : message;
  return told;
}

// Why there may be no data: what can be asked is asked, one thing after the other.

function checks(details) {
  const { checks: name } = details.dataset;
  const list = one('[data-checklist]', details);
  const say = (ok, text) => {
    const item = document.createElement('li');
    const mark = document.createElement('span');
    mark.className = `state ${{ true: 'green', false: 'red' }[ok] ?? 'grey'}`;
    mark.textContent = { true: 'Good', false: 'Look here' }[ok] ?? 'To know';
    item.append(mark, ` ${text}`);
    list.append(item);
  };
  const run = async () => {
    list.replaceChildren();
    const { connector: { state, trace }, tasks } = await ask('GET', `${connector(name)}/status`);
    const rests = ['PAUSED', 'STOPPED'].includes(state);
    const enabled = state === 'FAILED' ? trace ?? 'It has failed.' : 'It is enabled.';
    say(!rests && state !== 'FAILED', rests ? `It is ${state.toLowerCase()}: resume it.` : enabled);
    for (const { id, state, trace } of tasks) {
      const words = { FAILED: trace, UNASSIGNED: 'not read: the token does not cover it, or no worker has it' }[state];
      say(state !== 'FAILED', `${STREAMS[id]}: ${words ?? state.toLowerCase()}`);
    }
    if ('admin' in details.dataset) {
      const { ok, ...answer } = await ask('POST', '/ui/api/test', { connector: name }).catch(({ message }) => ({ ok: false, message }));
      say(ok, tested({ ok, ...answer }).textContent);
    }
    const polls = one('[data-part=polls] tbody tr');
    const cells = polls && all('td', polls).slice(1, 4).map(({ textContent }) => textContent);
    say(['read to the end', 'reading'].includes(cells?.[1]), polls ? `The last poll: ${cells.join(', ')} events.` : 'It has not been polled yet.');
    say(undefined, '1Password shows an event some minutes after it has happened, and keeps events for 120 days. If all is good here, nothing has happened in the account.');
  };
  details.addEventListener('toggle', () => { if (details.open) run().catch(({ message }) => say(false, message)); });
}

// Search.

class Refused extends Error {
  constructor(status, message = `The worker, or what is before it, answers ${status}.`) {
    super(message);
    this.status = status;
  }
}

/** The lines of JSON of a body, as they come. */
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n');
    rest = parts.pop();
    yield* parts.filter(Boolean).map((line) => JSON.parse(line));
  }
}

/** Puts texts into a copy of a template, by the names of its places. */
function filled(id, texts) {
  const copy = one(id).content.cloneNode(true).firstElementChild;
  for (const [name, text] of Object.entries(texts)) one(`[data-${name}]`, copy).textContent = text ?? '–';
  return copy;
}

function summary({ stream, timestamp, headers, value }) {
  const { user, target_user: target, actor_details: actor, actor_uuid: uuid, location, country } = value ?? {};
  const who = user ?? target ?? actor;
  const source = headers.find(({ name }) => name === 'onepassword.connector');
  const where = [location?.city, location?.country ?? country].filter(Boolean);
  return filled('#event', {
    time: timestamp.replace('T', ' ').replace(/(\.\d+)?Z$/, ''),
    source: source?.value,
    stream: NAMES[stream],
    what: [value?.category ?? value?.action, value?.type ?? value?.object_type].filter(Boolean).join(' · ') || undefined,
    who: who?.email || who?.name || uuid || undefined,
    where: where.join(', ') || undefined,
  });
}

function details({ topic, partition, offset, key, headers, value, unreadable, raw }) {
  const row = filled('#details', {
    topic,
    offset: `${partition}:${offset}`,
    key,
    headers: headers.map(({ name, value }) => `${name}: ${value}`).join('\n'),
    value: value ? JSON.stringify(value, undefined, 2) : `${unreadable}\n\n${raw}`,
  });
  one('[data-copy]', row).addEventListener('click', () => navigator.clipboard.writeText(`${topic} ${partition} ${offset}`).then(
    () => toast('Copied: topic, partition and offset.'),
    () => toast('The browser does not let this page copy.'),
  ));
  return row;
}

function search(form) {
  const [rows, found, said, count, bar, wrong, stop, more, exports] = ['rows', 'found', 'said', 'count', 'bar', 'wrong', 'stop', 'more', 'exports']
    .map((name) => one(`[data-${name}]`));
  const fields = form.elements;
  const digits = (number) => number.toLocaleString('en');
  let running;

  /** What the form asks for. */
  const wanted = () => {
    const { q, connector, stream, from, after, before } = fields;
    const utc = ({ value }) => value && new Date(value).toISOString();
    const times = from.value === 'between' ? { from: utc(after), to: utc(before) } : { from: from.value };
    return { q: q.value.trim(), connector: connector.value, stream: stream.value, ...times };
  };
  const url = (parameters) => `/ui/api/search?${new URLSearchParams(Object.entries(parameters).filter(([, value]) => value))}`;

  const show = (record, isNew) => {
    const row = summary(record);
    if (isNew) rows.prepend(row);
    else rows.append(row);
    // A tail goes on and on.
    while (isNew && rows.children.length > 1000) rows.lastElementChild.remove();
    found.hidden = false;
    let opened;
    one('[data-toggle]', row).addEventListener('click', ({ currentTarget: button }) => {
      opened?.remove();
      opened = opened ? undefined : details(record);
      button.ariaExpanded = String(Boolean(opened));
      button.textContent = opened ? '▾' : '▸';
      if (opened) row.after(opened);
    });
  };

  /** Asks until there is no more, or somebody stops it. */
  const ask = async (state, control) => {
    const { parameters, tail, next, seen } = state;
    const answer = await fetch(url({ ...parameters, next }), { signal: control.signal });
    // A proxy's words are no JSON.
    if (!answer.ok) throw new Refused(answer.status, (await answer.json().catch(() => ({}))).message);
    for await (const line of lines(answer.body)) {
      if (line.error) throw new Error(line.error);
      const place = line.record && [line.record.topic, line.record.partition, line.record.offset].join();
      // A tail that goes on may tell again what it has told.
      if (place && !seen.has(place)) {
        if (tail) seen.add(place);
        state.found += 1;
        show(line.record, tail);
      }
      const told = line.progress ?? line.end;
      if (!told) continue;
      if (line.end || told.next) state.next = told.next;
      if (told.of) bar.max = told.of;
      bar.value = told.scanned;
      count.textContent = tail
        ? `${digits(state.found)} since it began.`
        : `${digits(told.scanned)}${told.of ? ` of ${digits(told.of)}` : ''} records looked at.`;
    }
  };

  const run = async (state) => {
    running?.abort();
    const control = new AbortController();
    running = control;
    complain(wrong, '');
    if (!state.next) rows.replaceChildren();
    [found.hidden, stop.hidden, bar.hidden, more.hidden, exports.hidden] = [!state.next, false, state.tail, true, true];
    bar.removeAttribute('value');
    count.textContent = '';
    said.textContent = state.tail ? 'Live: events are shown as they come.' : 'Searching …';
    do {
      try {
        await ask(state, control);
      } catch (error) {
        if (error.name === 'AbortError') break;
        // A connection ends after some minutes, and a worker may be restarted: a tail goes on where it was.
        const passes = error instanceof TypeError || error.status >= 429;
        if (passes && state.tail && state.next) await new Promise((done) => { setTimeout(done, 2000); });
        else {
          complain(wrong, error instanceof TypeError ? 'The worker is not reached. Try again.' : error.message);
          break;
        }
      }
    } while (state.tail && !control.signal.aborted);
    if (running !== control) return;
    const left = state.next && !state.tail ? ' There is more to look through.' : '';
    said.textContent = (state.found ? `${digits(state.found)} found.` : 'Nothing was found.') + left;
    [stop.hidden, bar.hidden, more.hidden, exports.hidden] = [true, true, !state.next || state.tail, !state.found || state.tail];
    more.onclick = () => run(state);
    for (const link of all('[data-export]', exports)) {
      const format = link.dataset.export;
      link.href = url({ ...state.parameters, format, limit: 10000, download: true });
    }
  };
  const begin = (tail) => {
    history.replaceState(undefined, '', `?${new URLSearchParams(new FormData(form))}`);
    const { from, to, ...terms } = wanted();
    // A tail begins now.
    const parameters = tail ? { ...terms, tail } : { ...terms, from, to };
    run({ parameters, tail, found: 0, seen: new Set() });
  };

  const between = () => {
    for (const label of all('[data-between]', form)) label.hidden = fields.from.value !== 'between';
  };
  form.addEventListener('input', between);
  form.addEventListener('submit', (event) => { event.preventDefault(); begin(false); });
  one('[data-tail]', form).addEventListener('click', () => begin(true));
  stop.addEventListener('click', () => running.abort());
  const given = new URLSearchParams(location.search);
  for (const [name, value] of given) {
    const field = fields.namedItem(name);
    if (field) field.value = value;
  }
  between();
  if ([...given].length) begin(false);
}

// Signing in. Whoever comes by a link of another site may be signed in, but the browser does not say so at first.

function recall({ value }) {
  if (!new URLSearchParams(location.search).has('then')) return;
  fetch(value, { method: 'HEAD' }).then(({ ok, redirected }) => {
    if (ok && !redirected) location.replace(value);
  }, () => {});
}

all('[data-live]').forEach(live);
all('[data-filter]').forEach(filter);
all('[data-form]').forEach(form);
all('#rewind').forEach(rewind);
all('#delete').forEach(remove);
all('[data-checks]').forEach(checks);
all('[data-search]').forEach(search);
all('.sign-in [name=then]').forEach(recall);
tell();
setInterval(tell, 1000);
