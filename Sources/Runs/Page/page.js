'use strict';
(() => {
  const slider = document.getElementById('slider');
  const label = document.getElementById('label');
  const stage = document.getElementById('stage');
  const tip = document.getElementById('tip');
  const labels = JSON.parse(document.getElementById('labels').textContent);
  const palettes = JSON.parse(document.getElementById('palettes').textContent);
  const blocks = new Map();
  const areas = new WeakMap();
  let wanted = -1;

  // A block is base64 of a deflated JSON text: the figures of a step or a run.
  function block(id) {
    if (!blocks.has(id)) {
      const text = atob(document.getElementById(id).textContent);
      const bytes = Uint8Array.from(text, c => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
      blocks.set(id, new Response(stream).json().then(unpacked));
    }
    return blocks.get(id);
  }

  // Large maps come as letters, the numbers of their values' steps; and where another map has the same values, without any.
  function unpacked(figures) {
    const areas = figures.flatMap(figure => figure.areas);
    for (const area of areas.filter(area => area.coded)) {
      const { step, first, text, rest } = area.coded;
      area.values = Array.from(text, letter => {
        const code = letter.charCodeAt(0);
        return code < 36 ? null : Number(((code - (code > 92 ? 37 : 36) + first) * step).toPrecision(4));
      });
      for (const [index, value] of rest) area.values[index] = value;
    }
    for (const area of areas.filter(area => area.like).reverse()) {
      const other = figures.find(figure => figure.name === area.like.figure).areas[area.like.area];
      area.values = other.values.map(value => value === null ? null : Math.min(value, area.like.most));
    }
    return figures;
  }

  function svg(text) {
    const root = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
    return document.importNode(root, true);
  }

  // The colour of a value, as the heat maps of PNG files have it.
  function color(value, paint, isFaded) {
    const [low, high] = paint.range;
    const palette = palettes[paint.colors];
    if (value === null) return palettes.missing;
    let hex = palette.beyond;
    if (value <= high) {
      const share = high > low ? Math.min(Math.max((value - low) / (high - low), 0), 1) : 0;
      hex = palette.table[Math.round(share * (palette.table.length - 1))];
    }
    if (!isFaded) return hex;
    const parts = [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16)).map(part => Math.round(part + 0.6 * (255 - part)));
    return `rgb(${parts.join(',')})`;
  }

  // Heat maps come without their pictures, which are as large as their numbers.
  function paint(element, areas) {
    for (const area of areas) {
      const image = area.paint && element.querySelector(`image[data-panel="${area.paint.panel}"]`);
      if (!image) continue;
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [area.columns, area.rows];
      const context = canvas.getContext('2d');
      const faded = new Set(area.paint.faded);
      area.values.forEach((value, index) => {
        const column = index % area.columns;
        context.fillStyle = color(value, area.paint, faded.has(column));
        context.fillRect(column, Math.floor(index / area.columns), 1, 1);
      });
      image.setAttribute('href', canvas.toDataURL());
    }
  }

  // Puts figures into a holder; those whose drawings stand in the page already keep them if so told.
  function place(holder, figures, keepsDrawings) {
    for (const element of holder.querySelectorAll('figure')) element.hidden = true;
    for (const figure of figures) {
      let element = [...holder.children].find(e => e.dataset.name === figure.name);
      if (!element) {
        element = document.getElementById('figure').content.firstElementChild.cloneNode(true);
        element.dataset.name = figure.name;
        holder.append(element);
      }
      element.hidden = false;
      const old = element.querySelector('svg');
      if (figure.svg && !(keepsDrawings && old)) { const fresh = svg(figure.svg); if (old) old.replaceWith(fresh); else element.prepend(fresh); }
      areas.set(element, figure.areas);
      paint(element, figure.areas);
    }
  }

  async function show(index) {
    wanted = index;
    label.textContent = labels[index];
    slider.setAttribute('aria-valuetext', labels[index]);
    const figures = await block('frame-' + index);
    // The slider may have moved on while this was unpacked.
    if (wanted === index) { place(stage, figures); stage.dataset.shown = labels[index]; hide(); }
  }

  // What a point is, beyond where it stands.
  function told(area, i) {
    return area.tags.map(tag => tag.label + ' ' + (tag.values[tag.values.length === 1 ? 0 : i] ?? 'not a number'));
  }

  // What an area tells of a place, in the drawing's points; null where it has nothing there.
  function found(area, x, y) {
    const name = (names, index) => names.length > index && names[index] !== '' ? names[index] : String(index);
    const text = value => value === null ? 'not a number' : String(value);
    if (area.kind === 'cells') {
      const [left, top, width, height] = area.places;
      const column = Math.floor((x - left) / width * area.columns), row = Math.floor((y - top) / height * area.rows);
      if (column < 0 || row < 0 || column >= area.columns || row >= area.rows) return null;
      const cell = { x: left + column * width / area.columns, y: top + row * height / area.rows,
        width: width / area.columns, height: height / area.rows };
      return { distance: 0, cell, lines: [area.title, (area.yLabel || 'Row') + ' ' + name(area.yNames, row),
        (area.xLabel || 'Column') + ' ' + name(area.xNames, column),
        (area.valueLabel || 'Value') + ': ' + text(area.values[row * area.columns + column])] };
    }
    if (area.kind === 'bars') {
      const [top, bottom] = area.extent;
      if (y < top || y > bottom) return null;
      for (let i = 0; i + 1 < area.places.length; i++) {
        const [a, b] = [area.places[i], area.places[i + 1]];
        if (x < a || x > b) continue;
        return { distance: 1, cell: { x: a, y: top, width: b - a, height: bottom - top },
          lines: [area.title, area.series, area.xLabel + ' ' + name(area.xNames, i),
            area.yLabel + ': ' + text(area.values[i])] };
      }
      return null;
    }
    let best = null;
    for (let i = 0; 2 * i < area.places.length; i++) {
      const [px, py] = [area.places[2 * i], area.places[2 * i + 1]];
      const distance = Math.hypot(px - x, py - y);
      if (distance > 8 || best && best.distance < distance) continue;
      const value = area.xNames.length > i && area.xNames[i] !== '' ? area.xNames[i] : text(area.values[2 * i]);
      best = { distance, cell: { x: px - 3, y: py - 3, width: 6, height: 6 },
        lines: [area.title, area.series, ...told(area, i),
          ...(area.xLabel || area.yLabel ? [area.xLabel + ' ' + value, (area.yLabel || 'Value') + ': ' + text(area.values[2 * i + 1])] : [])] };
    }
    return best;
  }

  function hide() {
    tip.hidden = true;
    for (const mark of document.querySelectorAll('.mark')) mark.remove();
  }

  function point(event) {
    const drawing = event.target.closest && event.target.closest('figure svg');
    hide();
    if (!drawing) return;
    const known = areas.get(drawing.closest('figure'));
    if (!known) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
    let best = null;
    for (const area of known) {
      const here = found(area, at.x, at.y);
      if (here && (!best || here.distance <= best.distance)) best = here;
    }
    if (!best) return;
    const mark = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    mark.setAttribute('class', 'mark');
    for (const key of ['x', 'y', 'width', 'height']) mark.setAttribute(key, best.cell[key]);
    drawing.append(mark);
    tip.replaceChildren(...best.lines.filter(line => line).map(line => {
      const row = document.createElement('div');
      row.textContent = line;
      return row;
    }));
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8)) + 'px';
    tip.style.top = Math.max(4, Math.min(event.clientY + 14, innerHeight - box.height - 8)) + 'px';
  }

  function csv(figure) {
    const quoted = value => {
      const text = String(value ?? '');
      return /[",\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
    };
    const rows = [['panel', 'series', 'x', 'y', 'value', 'of']];
    for (const area of areas.get(figure) || []) {
      const name = (names, index) => names.length > index && names[index] !== '' ? names[index] : index;
      if (area.kind === 'cells') {
        area.values.forEach((value, i) => rows.push([area.title, '', name(area.xNames, i % area.columns),
          name(area.yNames, Math.floor(i / area.columns)), value]));
      } else if (area.kind === 'bars') {
        area.values.forEach((value, i) => rows.push([area.title, area.series, name(area.xNames, i), '', value]));
      } else {
        for (let i = 0; 2 * i < area.values.length; i++)
          rows.push([area.title, area.series, area.values[2 * i], area.values[2 * i + 1], '', told(area, i).join('; ')]);
      }
    }
    return rows.map(row => row.map(quoted).join(',')).join('\r\n') + '\r\n';
  }

  function save(event) {
    const kind = event.target.dataset && event.target.dataset.save;
    if (!kind) return;
    const figure = event.target.closest('figure');
    hide();
    const text = kind === 'csv' ? csv(figure) : new XMLSerializer().serializeToString(figure.querySelector('svg'));
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: kind === 'csv' ? 'text/csv' : 'image/svg+xml' }));
    link.download = figure.dataset.name + '.' + kind;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  document.addEventListener('pointermove', point);
  document.addEventListener('pointerleave', hide);
  document.addEventListener('click', save);
  if (slider) {
    slider.addEventListener('input', () => show(Number(slider.value)));
    // What stands in the page already is the last; only its numbers and its large drawings are missing.
    block('frame-' + slider.value).then(figures => {
      if (wanted === -1) place(stage, figures, true);
      document.body.dataset.ready = 'yes';
    });
  }
  for (const holder of document.querySelectorAll('[data-block]')) {
    block(holder.dataset.block).then(figures => place(holder, figures, true));
  }
})();
