/// The page at `/`: what a server holds and does, live. One text without any other file behind it;
/// it reads `/-/ready`, `/metrics`, the ledger, the range API and the stream, like any client.
///
/// Whatever a client has named goes into the page as text, never as markup, and the policy that is
/// sent along lets no script run but the page's own.
enum DashboardPage {
  /// The page, and the headers that go with it.
  ///
  /// - Parameter nonce: a fresh word of `[A-Za-z0-9]`, which the page's own script and style bear.
  static func answer(nonce: String) -> Answer {
    var answer = Answer(status: 200, contentType: "text/html; charset=utf-8")
    answer.body = .bytes(Array(html(nonce: nonce).utf8))
    answer.headers = [
      ("Content-Security-Policy", policy(nonce: nonce)),
      ("X-Content-Type-Options", "nosniff"),
      ("Referrer-Policy", "no-referrer"),
      ("Cache-Control", "no-store"),
    ]
    return answer
  }

  static func policy(nonce: String) -> String {
    [
      "default-src 'none'", "script-src 'nonce-\(nonce)'", "style-src 'nonce-\(nonce)'",
      "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'",
      "frame-ancestors 'none'",
    ].joined(separator: "; ")
  }

  /// 22 letters and digits: 128 bits of chance.
  static func nonce() -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    return String((0..<22).map { _ in letters[Int.random(in: 0..<letters.count)] })
  }

  private static func html(nonce: String) -> String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Varve</title><link rel="icon" href="data:,">
    <style nonce="\(nonce)">\(style)</style></head><body>
    \(body)
    <script nonce="\(nonce)">'use strict';
    \(DashboardScript.sources.joined(separator: "\n"))
    </script></body></html>

    """
  }

  private static let body = #"""
    <header>
      <h1>Varve</h1><span id="version"></span>
      <span id="ready" class="pill" role="status">…</span>
      <label>tenant <input id="tenant" value="default" size="10" spellcheck="false"></label>
      <span id="notice" role="alert"></span>
    </header>
    <section id="cards">
      <div class="card"><h2>points a second</h2><b id="rate">–</b><canvas id="rates"></canvas></div>
      <div class="card"><h2>lag</h2><b id="lag">–</b><small id="lagging"></small></div>
      <div class="card"><h2>ledger</h2><b id="balance">–</b><small id="accounts"></small></div>
      <div class="card"><h2>series</h2><b id="series">–</b><small id="rows"></small></div>
      <div class="card"><h2>on disk</h2><b id="disk">–</b><small id="blocks"></small></div>
      <div class="card"><h2>memory</h2><b id="memory">–</b><small id="readers"></small></div>
    </section>
    <section id="pick">
      <label>measurement <select id="measurement"></select></label>
      <label>field <input id="field" list="fields" spellcheck="false" autocomplete="off">
        <datalist id="fields"></datalist></label>
      <label>show <select id="aggregate">
        <option>avg<option>min<option>max<option>last<option>sum<option>count</select></label>
      <label>last <select id="span">
        <option value="15m">15 min<option value="1h" selected>1 h<option value="6h">6 h
        <option value="24h">24 h<option value="48h">2 days</select></label>
      <label>find <input id="filter" placeholder="server=a1" spellcheck="false"></label>
      <button id="only" hidden></button>
      <span id="live" class="pill">…</span>
    </section>
    <canvas id="chart" role="img" aria-label="the chosen field over time"></canvas>
    <div id="tip"></div>
    <table><thead><tr><th></th><th>series</th><th class="n">now</th><th class="n">least</th>
      <th class="n">most</th><th>course</th></tr></thead><tbody id="fleet"></tbody></table>
    <p id="more"></p>
    """#

  private static let style = #"""
    :root{--back:#fbfaf7;--card:#fff;--text:#222;--dim:#777;--line:#ddd8cc;--good:#2a7d4f;
      --bad:#b3392f;--warm:#a36a00}
    @media (prefers-color-scheme:dark){:root{--back:#16181b;--card:#1f2226;--text:#e4e2dc;
      --dim:#8d9096;--line:#34383e;--good:#5cc08a;--bad:#ee7a6e;--warm:#e0a84c}}
    *{box-sizing:border-box}
    body{margin:0 auto;max-width:1280px;padding:12px 20px;background:var(--back);color:var(--text);
      font:14px/1.45 system-ui,sans-serif}
    header,#pick{display:flex;flex-wrap:wrap;align-items:center;gap:8px 16px;margin:8px 0}
    h1{font-size:22px;margin:0;letter-spacing:.02em}
    h2{font-size:12px;margin:0;color:var(--dim);font-weight:500}
    label{color:var(--dim)}
    button{font:inherit;color:var(--text);background:none;border:1px solid var(--line);
      border-radius:99px;padding:1px 10px;cursor:pointer}
    input,select{font:inherit;color:var(--text);background:var(--card);border:1px solid var(--line);
      border-radius:5px;padding:3px 6px;max-width:240px}
    #version,small,#more{color:var(--dim)}
    #notice{color:var(--bad)}
    .pill{border:1px solid currentColor;border-radius:99px;padding:0 10px;color:var(--dim)}
    .pill.good{color:var(--good)}.pill.bad{color:var(--bad)}.pill.warm{color:var(--warm)}
    #cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:10px}
    .card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:8px 12px}
    .card b{font-size:21px;font-weight:600;display:block;font-variant-numeric:tabular-nums}
    .card small{display:block;min-height:1.4em}
    .good{color:var(--good)}.bad{color:var(--bad)}.warm{color:var(--warm)}
    #rates{width:100%;height:24px;display:block}
    #chart{width:100%;height:340px;display:block;background:var(--card);
      border:1px solid var(--line);border-radius:8px}
    #tip{position:absolute;pointer-events:none;display:none;background:var(--card);
      border:1px solid var(--line);border-radius:5px;padding:2px 8px;max-width:420px}
    table{width:100%;border-collapse:collapse;margin-top:10px;font-variant-numeric:tabular-nums}
    th{color:var(--dim);font-weight:500;text-align:left}
    td,th{padding:2px 8px;border-bottom:1px solid var(--line)}
    td.name{overflow-wrap:anywhere}
    .n{text-align:right}
    tbody tr:hover{background:var(--card)}
    tbody tr{cursor:pointer}
    td canvas{width:160px;height:20px;display:block}
    .dot{display:inline-block;width:10px;height:10px;border-radius:50%}
    """#
}
