/// The script of ``DashboardPage``, in parts that are joined.
enum DashboardScript {
  static let sources = [helpers, status, drawing, data, wiring]

  /// Small things: elements, numbers, requests.
  static let helpers = #"""
    const $ = id => document.getElementById(id);
    const put = (id, text) => { $(id).textContent = text; };
    const short = value => {
      const size = Math.abs(value);
      for (const [unit, factor] of [['G', 1e9], ['M', 1e6], ['k', 1e3]])
        if (size >= factor) return (value / factor).toPrecision(3) + ' ' + unit + ' ';
      return String(size >= 100 ? Math.round(value) : Math.round(value * 100) / 100) + ' ';
    };
    const bytes = value => {
      for (const [unit, factor] of [['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 1024]])
        if (value >= factor) return (value / factor).toPrecision(3) + ' ' + unit;
      return value + ' B';
    };
    // Numbers beyond what a double holds come as strings; a chart has no use for their last digits.
    const number = value => value === null || value === undefined ? null : Number(value);
    const plain = value => value === null ? '–' : Number.isInteger(value) ? String(value) :
      Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3 ? value.toPrecision(4) :
      String(Math.round(value * 1000) / 1000);
    const headers = () => ({'X-Scope-OrgID': $('tenant').value || 'default'});
    const get = async path => {
      const answer = await fetch(path, {headers: headers()});
      const text = await answer.text();
      if (answer.ok) return text;
      let reason = text;
      try { reason = JSON.parse(text).error || text; } catch { }
      throw new Error(reason || answer.status);
    };
    const clock = (time, parts = {hour: '2-digit', minute: '2-digit'}) =>
      new Date(time).toLocaleString([], {...parts, hourCycle: 'h23'});
    const colour = index => `hsl(${(index * 137.5 + 205) % 360} 60% 50%)`;
    const style = name => getComputedStyle(document.documentElement).getPropertyValue(name);
    const pill = (id, kind, text) => { $(id).className = 'pill ' + kind; put(id, text); };
    """#

  /// The cards: readiness, rate, ledger, sizes.
  static let status = #"""
    let received = null, rates = [];
    async function readiness() {
      let text;
      try {
        const answer = await fetch('/-/ready');
        text = await answer.json();
        const left = text.eta_seconds == null ? '' : `, ${text.eta_seconds} s left`;
        pill('ready', answer.ok ? 'good' : 'warm',
          text.status === 'replaying' ? `replaying, ${text.percent} %${left}` : text.status);
      } catch { pill('ready', 'bad', 'unreachable'); }
    }
    // The samples of a page, added up by name; `most` holds the largest of each.
    function sums(page) {
      const sum = {}, most = {};
      for (const line of page.split('\n')) {
        if (!line || line[0] === '#') continue;
        const name = line.match(/^[a-z_:0-9]+/i)[0];
        const value = Number(line.slice(line.lastIndexOf(' ') + 1));
        sum[name] = (sum[name] || 0) + value;
        most[name] = Math.max(most[name] ?? -Infinity, value);
        const version = line.match(/^varve_build_info\{version="([^"]*)"/);
        if (version) put('version', version[1]);
      }
      return {sum, most};
    }
    async function metrics() {
      const {sum, most} = sums(await get('/metrics'));
      const now = performance.now(), total = sum.varve_points_received_total || 0;
      if (received && now > received.at && total >= received.total) {
        const rate = (total - received.total) / (now - received.at) * 1000;
        rates = [...rates.slice(-119), rate];
        put('rate', short(rate) + '/s');
        line($('rates'), [{points: rates.map((value, index) => [index, value]), index: 0}]);
      }
      received = {at: now, total};
      put('series', short(sum.varve_catalog_series || 0));
      put('rows', short(sum.varve_open_rows || 0) + 'open rows');
      const log = sum.varve_queue_size_bytes || 0, blocks = sum.varve_blocks_bytes || 0;
      const ring = sum.varve_ring_bytes || 0;
      put('disk', bytes(log + blocks + ring));
      put('blocks', `log ${bytes(log)}, ring ${bytes(ring)}, ` +
        `${short(sum.varve_blocks || 0)}blocks ${bytes(blocks)}`);
      put('memory', bytes(sum.process_resident_memory_bytes || 0));
      put('readers', `${sum.varve_streams || 0} live readers, ` +
        `${sum.varve_line_connections || 0} senders`);
      const lag = most.varve_lag_seconds || 0;
      $('lag').className = sum.varve_queue_refusing ? 'bad' : lag > 5 ? 'warm' : 'good';
      put('lag', sum.varve_queue_refusing ? 'refuses writes' :
        lag < 0.05 ? 'none' : lag.toFixed(1) + ' s');
      const syncs = sum.varve_queue_fsync_duration_seconds_count || 0;
      put('lagging', `${short(sum.varve_lag_rows || 0)}rows not applied, fsync ` +
        (syncs ? (sum.varve_queue_fsync_duration_seconds_sum / syncs * 1000).toFixed(1) : '–') +
        ' ms');
    }
    async function ledger() {
      const data = JSON.parse(await get('/api/v1/ledger?tenants=all')).data;
      const totals = data.totals;
      $('balance').className = data.balanced ? 'good' : 'bad';
      put('balance', data.balanced ? 'balanced' : 'does not balance');
      const rejected = Object.values(totals.rejected).reduce((sum, n) => sum + Number(n), 0);
      put('accounts', `${short(Number(totals.received))}in, ` +
        `${short(Number(totals.stored))}stored, ` +
        `${short(Number(totals.pending))}pending, ${short(rejected)}refused`);
      const tenant = $('tenant').value || 'default';
      const names = [...new Set(data.rows.filter(row => row.tenant === tenant && row.measurement)
        .map(row => row.measurement))].sort();
      const select = $('measurement'), chosen = select.value;
      if (names.join('\n') === [...select.options].map(item => item.value).join('\n')) return;
      select.replaceChildren(...names.map(name => new Option(name, name)));
      if (names.includes(chosen)) select.value = chosen; else if (names.length) await choose();
    }
    """#

  /// Lines on a canvas: the chart, the sparks, the rate.
  static let drawing = #"""
    // Numbers of an axis: as few digits as tell them apart.
    function labels(ticks) {
      const step = Math.abs(ticks[1] - ticks[0]) || 1;
      const size = Math.max(...ticks.map(Math.abs));
      const [unit, factor] = size >= 1e5 && step >= size / 1e4 ?
        size >= 1e9 ? ['G', 1e9] : size >= 1e6 ? ['M', 1e6] : ['k', 1e3] : ['', 1];
      const places = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step / factor)) + 1));
      return ticks.map(tick => (tick / factor).toFixed(step / factor >= 10 ? 0 : places) + unit);
    }
    function line(canvas, lines, options = {}) {
      const scale = devicePixelRatio || 1;
      const width = canvas.clientWidth, height = canvas.clientHeight;
      if (!width) return;
      canvas.width = width * scale; canvas.height = height * scale;
      const pen = canvas.getContext('2d');
      pen.scale(scale, scale);
      let low = Infinity, high = -Infinity, start = Infinity, end = -Infinity;
      for (const {points} of lines) for (const [time, value] of points) {
        if (value === null || !isFinite(value)) continue;
        low = Math.min(low, value); high = Math.max(high, value);
        start = Math.min(start, time); end = Math.max(end, time);
      }
      if (low > high) {
        pen.fillStyle = style('--dim');
        if (options.axes) pen.fillText('no data in this range', width / 2 - 50, height / 2);
        return;
      }
      if (low === high) { low -= 1; high += 1; }
      if (start === end) { start -= 1; end += 1; }
      pen.font = '11px system-ui, sans-serif';
      const ticks = [0, 1, 2, 3, 4].map(step => low + (high - low) * step / 4);
      const texts = labels(ticks);
      const widest = Math.max(...texts.map(text => pen.measureText(text).width));
      const left = options.axes ? widest + 16 : 1, bottom = options.axes ? 22 : 1;
      const x = time => left + (time - start) / (end - start) * (width - left - 6);
      const y = value => height - bottom - (value - low) / (high - low) * (height - bottom - 8);
      if (options.axes) {
        pen.strokeStyle = style('--line'); pen.fillStyle = style('--dim');
        pen.lineWidth = 1;
        const days = end - start > 20 * 3600e3 ? {weekday: 'short'} : {};
        ticks.forEach((value, step) => {
          pen.beginPath(); pen.moveTo(left, y(value));
          pen.lineTo(width - 6, y(value)); pen.stroke();
          pen.fillText(texts[step], 8, y(value) + 4);
          const time = start + (end - start) * step / 4;
          const text = clock(time, {...days, hour: '2-digit', minute: '2-digit'});
          const wide = pen.measureText(text).width;
          pen.fillText(text, Math.min(x(time) - wide / 2, width - wide - 8), height - 6);
        });
      }
      for (const {points, index, isBold} of lines) {
        pen.strokeStyle = colour(index); pen.lineWidth = isBold ? 3 : 1.4;
        pen.beginPath();
        let isDown = false;
        for (const [time, value] of points) {
          if (value === null || !isFinite(value)) { isDown = false; continue; }
          if (isDown) pen.lineTo(x(time), y(value));
          else { pen.moveTo(x(time), y(value)); pen.arc(x(time), y(value), 0.7, 0, 7); }
          isDown = true;
        }
        pen.stroke();
      }
      return {x, y};
    }
    """#
}
