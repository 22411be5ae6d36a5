/** The element of the page with that id; the page is written with it. */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * A new element. `facts` are properties of it, but for `data` (its data-* attributes) and `attributes`. Texts become text,
 * never markup.
 */
export function make(tag, { data = {}, attributes = {}, ...facts } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), facts);
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Says it only if that changes something: what is read aloud, or selected, is left alone. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setTone(element, tone) {
  if (element.dataset.tone !== tone) element.dataset.tone = tone;
}

/**
 * Makes the children of a list those of `items`, in order. Whoever is there stays, with the focus that it has: `create`
 * makes one from an item, and returns its element and what brings it up to date.
 */
export function createList(parent, keyOf, create) {
  const known = new Map();
  return (items) => {
    const wanted = new Set(items.map(keyOf));
    for (const [key, { element }] of known) {
      if (wanted.has(key)) continue;
      element.remove();
      known.delete(key);
    }
    let place = parent.firstChild;
    for (const item of items) {
      const key = keyOf(item);
      const one = known.get(key) ?? create(item);
      known.set(key, one);
      one.update(item);
      if (one.element === place) place = place.nextSibling;
      else parent.insertBefore(one.element, place);
    }
  };
}

/** The choices of a select; what was chosen stays chosen as long as it is there. */
export function setOptions(select, options) {
  const now = JSON.stringify(options);
  if (select.dataset.options === now) return;
  const chosen = select.value;
  select.dataset.options = now;
  select.replaceChildren(...options.map(([value, text]) => make('option', { value, textContent: text })));
  select.value = options.some(([value]) => value === chosen) ? chosen : (options[0]?.[0] ?? '');
}
