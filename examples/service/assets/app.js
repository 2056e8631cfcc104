// Comfort only: every page works without this file. It writes text and attributes,
// never HTML, so the policy `require-trusted-types-for 'script'` has nothing to refuse.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);
const root = document.documentElement;

// Menus: Escape and a click elsewhere close them; the focus goes back to the button.
const openMenus = () => all('details.menu[open]');
addEventListener('click', (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});
addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  for (const menu of openMenus()) {
    menu.open = false;
    one('summary', menu)?.focus();
  }
});

// Keys, off while somebody types or holds a modifier, and where the reader switched them off.
const typing = (node) => node instanceof Element && node.closest('input, textarea, select, [contenteditable]');
const pages = { o: '/', l: '/log', r: '/reports', p: '/people', s: '/system' };
let goes = 0;

const rows = () => all('table.t tbody tr:not(.day)').filter((row) => one('.act a, td a', row));
const rowLink = (row) => one('.act a', row) ?? one('a', row);
function step(by) {
  const list = rows();
  if (list.length === 0) return;
  const at = list.findIndex((row) => row.contains(document.activeElement));
  const next = list[Math.max(0, Math.min(list.length - 1, at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by))];
  rowLink(next)?.focus();
}
const follow = (selector) => one(selector)?.click();

const keys = {
  '/': () => (one('main form[role=search] input[type=search]') ?? one('.top input[type=search]'))?.focus(),
  '?': () => location.assign('/keys'),
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  n: () => follow('a[rel=next]'),
  p: () => follow('a[rel=prev]'),
  g: () => { goes = Date.now(); },
  x: () => {
    const cell = document.activeElement?.closest('[data-not]');
    if (cell) location.assign(cell.dataset.not);
  },
};

addEventListener('keydown', (event) => {
  if (root.dataset.keys === 'off' || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (Date.now() - goes < 1500 && pages[event.key]) {
    event.preventDefault();
    location.assign(pages[event.key]);
    return;
  }
  const inRows = document.activeElement?.closest('table.t') != null;
  if (event.key.startsWith('Arrow') && !inRows) return;
  const act = keys[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

// Relative times beside exact ones, renewed each half minute.
const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
const words = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'short' });
function relative() {
  for (const node of all('time[data-ago]')) {
    const seconds = Math.round((Date.parse(node.dateTime) - Date.now()) / 1000);
    const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? units[3];
    node.textContent = words.format(Math.trunc(seconds / size), unit);
  }
}
relative();
setInterval(relative, 30000);

// What arrived since this page was drawn: a text and a link, never rows that move.
const fresh = one('[data-count]');
let said = 0;
async function count() {
  if (document.visibilityState !== 'visible') return;
  try {
    const answer = await fetch(fresh.dataset.count, { headers: { accept: 'application/json' } });
    if (!answer.ok) return;
    const { new: number } = await answer.json();
    if (!Number.isInteger(number) || number < 1) return;
    const text = `${number.toLocaleString('en').replaceAll(',', '\u202f')} new, show them`;
    one('a', fresh).textContent = text;
    fresh.hidden = false;
    if (Date.now() - said > 60000) {
      said = Date.now();
      one('#said').textContent = `${number} new activities`;
    }
  } catch {
    // The network is away; the next turn asks again.
  }
}
if (fresh) setInterval(count, 30000);

// Buttons that copy are of no use without this file, so it shows them.
for (const button of all('button.copy')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const text = button.dataset.copy ?? one(button.dataset.from)?.textContent ?? '';
    await navigator.clipboard.writeText(button.hasAttribute('data-link') ? new URL(text, location.href).href : text);
    const before = button.textContent;
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = before; }, 2000);
  });
}

// The builder: the preview follows the form, without an entry in the history for each change.
const builder = one('form[data-live]');
if (builder) {
  let waiting;
  builder.addEventListener('change', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const query = new URLSearchParams(new FormData(builder));
      location.replace(`${builder.getAttribute('action')}?${query}`);
    }, 400);
  });
}
