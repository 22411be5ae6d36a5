/* The frame that both charts share: a time axis that ends now, a value axis with few lines, and a cursor to read values by. */

const SVG = 'http://www.w3.org/2000/svg';
const MARGIN = { left: 46, right: 6, top: 8, bottom: 20 };

/** An SVG element with these attributes. */
export function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'tone') element.dataset.tone = value;
    else element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * A chart in `box`, drawn anew when its data or its size changes. `plot` gets the places and draws one; `onRead` hears
 * which step somebody points at, by pointer or arrow keys, and undefined when nobody does.
 */
export function createChart(box, { label, plot, onRead }) {
  let data;
  let read;
  box.tabIndex = 0;
  box.setAttribute('role', 'img');
  new ResizeObserver(() => redraw()).observe(box);
  box.addEventListener('pointermove', ({ offsetX }) => point(stepAt(offsetX)));
  box.addEventListener('pointerleave', () => point(undefined));
  box.addEventListener('blur', () => point(undefined));
  box.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined || data === undefined) return;
    event.preventDefault();
    const { first, last } = data;
    point(Math.min(last, Math.max(first, (read ?? last + 1) + by)));
  });

  function point(step) {
    if (step === read) return;
    read = step;
    onRead(step);
    redraw();
  }

  function stepAt(x) {
    if (data === undefined) return undefined;
    const width = box.clientWidth - MARGIN.left - MARGIN.right;
    const part = Math.min(0.9999, Math.max(0, (x - MARGIN.left) / width));
    return data.first + Math.floor(part * (data.last - data.first + 1));
  }

  function redraw() {
    const [width, height] = [box.clientWidth, box.clientHeight];
    if (data === undefined || width === 0) return;
    const { first, last } = data;
    const inner = width - MARGIN.left - MARGIN.right;
    const stepWidth = inner / (last - first + 1);
    const places = {
      stepWidth,
      x: (step) => MARGIN.left + (step - first) * stepWidth,
      y: (part) => MARGIN.top + (1 - part) * (height - MARGIN.top - MARGIN.bottom),
    };
    const { ticks, shapes } = plot(data, places);
    const svg = draw('svg', { width, height, 'aria-hidden': 'true', focusable: 'false' });
    for (const { part, text } of ticks) {
      const y = places.y(part);
      svg.append(draw('line', { class: 'grid', x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }));
      svg.append(draw('text', { x: MARGIN.left - 7, y: y + 4, 'text-anchor': 'end' }, text));
    }
    const labels = data.spanMs > 600_000 ? ['1 h ago', '30 min', 'now'] : ['5 min ago', '2½ min', 'now'];
    labels.forEach((text, index) => {
      const anchor = ['start', 'middle', 'end'][index];
      svg.append(
        draw('text', { x: MARGIN.left + (inner * index) / 2, y: height - 4, 'text-anchor': anchor }, text),
      );
    });
    svg.append(...shapes);
    if (read !== undefined) {
      const x = places.x(read) + stepWidth / 2;
      svg.append(draw('line', { class: 'cursor', x1: x, x2: x, y1: places.y(0), y2: places.y(1) }));
    }
    box.replaceChildren(svg);
  }

  return {
    show(fresh) {
      data = fresh;
      box.setAttribute('aria-label', label(data));
      redraw();
    },
  };
}
