extension DashboardScript {
  /// What the chart shows: a range, kept up to date by the stream.
  static let data = #"""
    const shownMax = 12, listedMax = 100, spans = {'15m': 15, '1h': 60, '6h': 360, '24h': 1440,
      '48h': 2880};
    // By the tags' text: {name, points: Map(time -> value)}.
    let series = new Map(), stream = null, held = null, isStale = false, scale = null, turn = 0;
    const nameOf = tags => Object.entries(tags)
      .map(([key, value]) => `${key}=${value}`).join(' ') || '(no tags)';
    // The tags of the one series that is looked at, or null.
    let only = null, news = [];
    const query = extra => new URLSearchParams({measurement: $('measurement').value, ...extra,
      ...Object.fromEntries(
        Object.entries(only || {}).map(([key, text]) => ['tag.' + key, text]))});
    // A comma, a star or a backslash in a field's name is escaped in the list of fields.
    const fieldName = () => $('field').value.replace(/[\\,*]/g, '\\$&');
    function take(answer, isNews) {
      const kind = $('aggregate').value;
      for (const item of answer.series) {
        const values = item[kind];
        if (!values) continue;
        const name = nameOf(item.tags);
        let entry = series.get(name);
        if (!entry) series.set(name, entry = {name, tags: item.tags, points: new Map()});
        answer.timestamps.forEach((time, index) => {
          const value = number(values[index]);
          if (value !== null || !isNews) entry.points.set(time, value);
        });
      }
      isStale = true;
    }
    // The fields of a measurement: those that had values lately.
    async function choose() {
      put('notice', '');
      only = null;
      const path = '/api/v1/range?' +
        query({start: '-5m', step: '5m', agg: 'min,max', group_by: '~'});
      let names = [], first = null;
      try {
        const data = JSON.parse(await get(path)).data;
        names = [...new Set(data.series.map(item => item.field))];
        // One that changes says more than one that does not.
        first = data.series.find(item => item.min && item.type !== 'boolean' &&
          item.max.some((most, index) => number(most) > number(item.min[index])));
      } catch (error) { put('notice', error.message); }
      $('fields').replaceChildren(...names.map(name => new Option(name, name)));
      if (!names.includes($('field').value) && names.length)
        $('field').value = first ? first.field : names[0];
      await show();
    }
    // Looks at one series alone, by the minute, or at all again.
    async function focus(tags) {
      only = tags;
      if (tags) $('span').value = '48h';
      await show();
    }
    async function show() {
      const mine = ++turn;
      if (stream) stream.abort();
      series = new Map();
      isStale = true;
      if (!$('measurement').value || !$('field').value) return;
      put('notice', '');
      const minutes = spans[$('span').value];
      const step = minutes > 360 && !only ? '5m' : '1m';
      $('only').hidden = !only;
      put('only', only ? nameOf(only) + ' alone ×' : '');
      try {
        const text = await get('/api/v1/range?' + query({field: fieldName(), start: '-' +
          $('span').value, step, agg: $('aggregate').value}));
        if (mine !== turn) return;
        take(JSON.parse(text).data, false);
      } catch (error) { put('notice', error.message); }
      if (step === '1m') follow(mine, ''); else pill('live', '', 'not live at 5 min a point');
    }
    // The stream, read by hand: EventSource cannot name a tenant.
    async function follow(mine, last) {
      const control = stream = new AbortController();
      const path = '/api/v1/stream?' + query({field: fieldName(), agg: $('aggregate').value,
        events: 'open,closed,restated'});
      const from = last ? {'Last-Event-ID': last} : {};
      try {
        const answer = await fetch(path,
          {headers: {...headers(), ...from}, signal: control.signal});
        if (!answer.ok) throw new Error('no stream: ' + answer.status);
        pill('live', 'good', 'live');
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = '';
        for (;;) {
          const {value, done} = await reader.read();
          if (done || mine !== turn) break;
          const blocks = (rest + value).split('\n\n');
          rest = blocks.pop();
          for (const block of blocks) {
            const event = {};
            for (const row of block.split('\n')) {
              const colon = row.indexOf(': ');
              event[row.slice(0, colon)] = row.slice(colon + 2);
            }
            if (event.id) last = event.id;
            if (['open', 'closed', 'restated'].includes(event.event)) {
              take(JSON.parse(event.data), true);
              news.push(performance.now());
            }
            if (event.event === 'error') put('notice', JSON.parse(event.data).error);
            if (event.event === 'reset') return void show();
          }
        }
      } catch { }
      if (mine !== turn) return;
      pill('live', 'warm', 'connecting again');
      setTimeout(() => { if (mine === turn) follow(mine, last); }, 2000);
    }
    """#

  /// Redraws, and what a person does.
  static let wiring = #"""
    function chosen() {
      const words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
      const since = Date.now() - spans[$('span').value] * 60000 - 60000;
      const found = [];
      for (const entry of series.values()) {
        if (!words.every(word => entry.name.toLowerCase().includes(word))) continue;
        for (const time of entry.points.keys()) if (time < since) entry.points.delete(time);
        const points = [...entry.points].sort((a, b) => a[0] - b[0]);
        const values = points.map(point => point[1]).filter(value => value !== null);
        if (!values.length) continue;
        found.push({name: entry.name, tags: entry.tags, points, now: values[values.length - 1],
          least: values.reduce((a, b) => Math.min(a, b)),
          most: values.reduce((a, b) => Math.max(a, b))});
      }
      return found.sort((a, b) => b.now - a.now || (a.name < b.name ? -1 : 1));
    }
    function cell(row, text, kind) {
      const cell = row.insertCell();
      cell.textContent = text;
      cell.className = kind;
      return cell;
    }
    function redraw() {
      const found = chosen(), listed = found.slice(0, listedMax);
      const lines = found.slice(0, shownMax).map((item, index) => ({...item, index,
        isBold: item.name === held}));
      scale = line($('chart'), lines, {axes: true});
      if (scale) scale.lines = lines;
      const body = $('fleet');
      body.replaceChildren();
      listed.forEach((item, index) => {
        const row = body.insertRow();
        const dot = cell(row, '', '').appendChild(document.createElement('span'));
        dot.className = 'dot';
        if (index < shownMax) dot.style.background = colour(index);
        cell(row, item.name, 'name');
        cell(row, plain(item.now), 'n'); cell(row, plain(item.least), 'n');
        cell(row, plain(item.most), 'n');
        const spark = cell(row, '', '').appendChild(document.createElement('canvas'));
        line(spark, [{points: item.points, index}]);
        row.title = only ? 'all series again' : 'this series alone, two days by the minute';
        row.addEventListener('click', guard(() => focus(only ? null : item.tags)));
        row.addEventListener('mouseenter', () => { held = item.name; paint(); });
      });
      body.onmouseleave = () => { held = null; paint(); };
      put('more', `${found.length} series` + (found.length > listed.length ?
        `, the first ${listed.length} by their value now` : ''));
    }
    function paint() {
      if (!scale || !scale.lines) return;
      const lines = scale.lines.map(item => ({...item, isBold: item.name === held}));
      scale = line($('chart'), lines, {axes: true});
      if (scale) scale.lines = lines;
    }
    $('chart').addEventListener('mousemove', event => {
      let best = null;
      if (scale) for (const item of scale.lines) for (const [time, value] of item.points) {
        if (value === null) continue;
        const distance = Math.hypot(scale.x(time) - event.offsetX, scale.y(value) - event.offsetY);
        if (distance < 30 && (!best || distance < best.distance))
          best = {item, time, value, distance};
      }
      const tip = $('tip');
      tip.style.display = best ? 'block' : 'none';
      if (!best) return;
      tip.textContent = `${best.item.name}: ${plain(best.value)} at ` +
        clock(best.time, {weekday: 'short', hour: '2-digit', minute: '2-digit'});
      tip.style.left = Math.min(event.pageX + 14, innerWidth - 300) + 'px';
      tip.style.top = event.pageY + 14 + 'px';
    });
    $('chart').addEventListener('mouseleave', () => { $('tip').style.display = 'none'; });
    const guard = work => async () => {
      try { await work(); } catch (error) { put('notice', error.message); }
    };
    const every = (seconds, work) => {
      const run = async () => {
        if (!document.hidden) await guard(work)();
        setTimeout(run, seconds * 1000);
      };
      run();
    };
    $('only').addEventListener('click', guard(() => focus(null)));
    $('measurement').addEventListener('change', guard(choose));
    for (const id of ['field', 'aggregate', 'span']) $(id).addEventListener('change', guard(show));
    $('tenant').addEventListener('change', guard(async () => {
      $('measurement').replaceChildren();
      series = new Map();
      isStale = true;
      await ledger();
    }));
    $('filter').addEventListener('input', () => { isStale = true; });
    addEventListener('resize', () => { isStale = true; });
    every(5, readiness);
    every(2, metrics);
    every(5, ledger);
    every(1, async () => {
      news = news.filter(time => time > performance.now() - 10000);
      if ($('live').className === 'pill good')
        put('live', `live, ${(news.length / 10).toFixed(1)} windows/s`);
    });
    every(1, async () => { if (isStale) { isStale = false; redraw(); } });
    """#
}
