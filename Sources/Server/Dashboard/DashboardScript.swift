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
        if (size >= factor) return (value / factor).toPrecision(3) + ' ' + unit;
      return String(Math.round(value * 100) / 100) + ' ';
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
    function sums(page) {
      const sum = {};
      for (const line of page.split('\n')) {
        if (!line || line[0] === '#') continue;
        const name = line.match(/^[a-z_:0-9]+/i)[0];
        sum[name] = (sum[name] || 0) + Number(line.slice(line.lastIndexOf(' ') + 1));
        const version = line.match(/^varve_build_info\{version="([^"]*)"/);
        if (version) put('version', version[1]);
      }
      return sum;
    }
    async function metrics() {
      const sum = sums(await get('/metrics'));
      const now = performance.now(), total = sum.varve_points_received_total || 0;
      if (received && now > received.at && total >= received.total) {
        const rate = (total - received.total) / (now - received.at) * 1000;
        rates = [...rates.slice(-119), rate];
        put('rate', short(rate) + 'points/s');
        line($('rates'), [{points: rates.map((value, index) => [index, value]), index: 0}]);
      }
      received = {at: now, total};
      put('series', short(sum.varve_series || 0));
      put('rows', short(sum.varve_open_rows || 0) + 'open rows');
      put('disk', bytes(sum.varve_blocks_bytes || 0));
      put('blocks', short(sum.varve_blocks || 0) + 'blocks');
      put('memory', bytes(sum.process_resident_memory_bytes || 0));
      put('readers', (sum.varve_streams || 0) + ' live readers');
    }
    async function ledger() {
      const data = JSON.parse(await get('/api/v1/ledger')).data;
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
      const left = options.axes ? 60 : 1, bottom = options.axes ? 22 : 1;
      const x = time => left + (time - start) / (end - start) * (width - left - 6);
      const y = value => height - bottom - (value - low) / (high - low) * (height - bottom - 8);
      if (options.axes) {
        pen.strokeStyle = style('--line'); pen.fillStyle = style('--dim');
        pen.font = '11px system-ui, sans-serif'; pen.lineWidth = 1;
        for (let step = 0; step <= 4; step++) {
          const value = low + (high - low) * step / 4;
          pen.beginPath(); pen.moveTo(left, y(value));
          pen.lineTo(width - 6, y(value)); pen.stroke();
          pen.fillText(plain(value), 6, y(value) + 4);
          const time = new Date(start + (end - start) * step / 4);
          const text = time.toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'});
          pen.fillText(text, Math.min(x(+time) - 14, width - 44), height - 6);
        }
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
