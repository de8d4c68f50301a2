internal import Model
internal import Platform
internal import Server
internal import Synchronization

/// Some series of a torture run and the connection that sends them: one thread, which keeps a few
/// acknowledgements on their way and books what they promise.
final class TortureConnection: Sendable {
  /// Batches that may wait for their answer.
  private static let batchesInFlightMax = 4
  private static let answerTimeoutSeconds = 20
  /// A long row of another measurement goes with every third batch, so that segments fill.
  private static let fillerByteCount = 20_000
  private static let batchesPerFiller = 3
  /// After about so many batches some rows are deleted.
  private static let batchesPerDelete = 24

  /// Rows of one batch, with the versions that were sent.
  private struct Batch {
    var id: Int
    var rows: [(series: Int, row: Int, sent: UInt8)]
    var hasFiller = false

    var lineCount: Int { rows.count + (hasFiller ? 1 : 0) }
  }

  private struct State: Sendable {
    var series: [TortureSeries]
    var random: TortureRandom
    var faults = TortureFaults()
    /// Rows whose turn comes later: they will be late.
    var held: [(series: Int, row: Int)] = []
    var batchCount = 0
    /// Deletes that were answered, and acknowledged rows that they took.
    var deletes = (count: 0, rows: 0)
  }

  private let state: Mutex<State>
  private let isStopped = Atomic(false)
  private let clock: any Clock

  init(series: [TortureSeries], seed: UInt64, clock: any Clock) {
    state = Mutex(State(series: series, random: TortureRandom(seed: seed)))
    self.clock = clock
  }

  var series: [TortureSeries] { state.withLock { $0.series } }

  var deletes: (count: Int, rows: Int) { state.withLock { $0.deletes } }

  /// Changes the series between two lives of the server.
  func update(_ body: (inout [TortureSeries], inout TortureFaults) -> Void) {
    state.withLock { state in
      body(&state.series, &state.faults)
      // What was held may have been sent and lost.
      state.held = state.series.indices.flatMap { series in
        state.series[series].rows.indices.filter { state.series[series].rows[$0].sent == 0 }
          .map { (series, $0) }
      }
    }
  }

  func takeFaults() -> TortureFaults {
    state.withLock { state in
      defer { state.faults = TortureFaults() }
      return state.faults
    }
  }

  func stop() { isStopped.store(true, ordering: .relaxed) }

  /// Sends until it is stopped or the server is gone. A broken connection is no fault: the server
  /// is killed on purpose.
  func run(to server: TortureServer) {
    isStopped.store(false, ordering: .relaxed)
    let address = server.lines
    guard let socket = try? TCPSocket(host: address.host, port: address.port) else { return }
    socket.setReceiveTimeout(seconds: Self.answerTimeoutSeconds)
    var waiting: [Batch] = []
    var rest: [UInt8] = []
    var deletesSoon = false
    while true {
      let isStopped = isStopped.load(ordering: .relaxed)
      if !isStopped, !deletesSoon, waiting.count < Self.batchesInFlightMax {
        let (text, batch) = state.withLock { Self.makeBatch(&$0, now: clock.now()) }
        let bytes = Array(text.utf8)
        guard (try? socket.send(bytes, 0..<bytes.count)) != nil else { return }
        waiting.append(batch)
        deletesSoon = state.withLock { $0.random.below(Self.batchesPerDelete) } == 0
        Signal().wait(timeoutNanoseconds: 15_000_000)
        continue
      }
      if waiting.isEmpty {
        // A server that gives no answer is gone, or about to go.
        guard !isStopped, deleteRows(server) else { return }
        deletesSoon = false
        continue
      }
      guard let line = Self.readLine(socket, &rest) else { return }
      state.withLock { Self.take(line, &waiting, &$0) }
    }
  }

  // MARK: Deletes

  /// Deletes a stretch of a series while nothing else of it is on its way.
  ///
  /// - Returns: whether it was answered.
  private func deleteRows(_ server: TortureServer) -> Bool {
    let target: String? = state.withLock { state in
      let index = state.random.below(state.series.count)
      let rows = state.series[index].rows
      guard !rows.isEmpty else { return nil }
      let first = state.random.below(rows.count)
      let last = min(rows.count - 1, first + state.random.below(1 + rows.count / 4))
      // Times of a series ascend.
      state.series[index].beginDelete(rows[first].timestamp...rows[last].timestamp)
      return Self.deleteTarget(state.series[index].name, rows[first], rows[last])
    }
    guard let target else { return true }
    guard server.ask("POST", target) != nil else { return false }
    state.withLock { state in
      for index in state.series.indices { state.deletes.rows += state.series[index].endDelete() }
      state.deletes.count += 1
    }
    return true
  }

  private static func deleteTarget(
    _ name: String,
    _ first: TortureSeries.Row,
    _ last: TortureSeries.Row
  ) -> String {
    func text(_ time: Timestamp) -> String {
      let digits = String(time % 1_000_000_000)
      return "\(time / 1_000_000_000)."
        + String(repeating: "0", count: 9 - digits.count) + digits
    }
    let id = name.split(separator: "=").last.map { String($0) } ?? ""
    return "/api/v1/admin/tsdb/delete_series?match%5B%5D=torture%7Bid%3D%22\(id)%22%7D"
      + "&start=\(text(first.timestamp))&end=\(text(last.timestamp))"
  }

  private static func readLine(_ socket: TCPSocket, _ rest: inout [UInt8]) -> String? {
    while true {
      if let end = rest.firstIndex(of: 10) {
        defer { rest.removeFirst(end + 1) }
        return String(decoding: rest[..<end], as: UTF8.self)
      }
      var buffer = [UInt8](repeating: 0, count: 4_096)
      guard let count = try? socket.receive(into: &buffer), count > 0 else { return nil }
      rest += buffer[..<count]
    }
  }

  private static func take(_ line: String, _ waiting: inout [Batch], _ state: inout State) {
    let words = line.split(separator: " ")
    guard let batch = waiting.first, words.count >= 3, words[1] == "t\(batch.id)" else {
      return state.faults.other("an answer that nobody waits for: \(line)")
    }
    waiting.removeFirst()
    switch words[0] {
    case "OK" where words[2] == "\(batch.lineCount)" && words.last == "0":
      for (series, row, sent) in batch.rows { state.series[series].acknowledge(row, sent: sent) }
    case "FAIL": break
    default: state.faults.other("\(batch.lineCount) rows were answered \(line)")
    }
  }

  // MARK: Batches

  /// New rows, late ones, corrections and repetitions, and the acknowledgement.
  private static func makeBatch(_ state: inout State, now: Timestamp) -> (String, Batch) {
    state.batchCount += 1
    var batch = Batch(id: state.batchCount, rows: [])
    var text = ""
    for _ in 0..<(1 + state.random.below(60)) {
      let series = state.random.below(state.series.count)
      var row = 0
      var isNewVersion = false
      switch state.random.below(20) {
      case 0 where !state.held.isEmpty:
        (_, row) = state.held[0]
        let held = state.held.remove(at: state.random.below(state.held.count))
        text += send(held.series, held.row, false, &batch, &state)
        continue
      case 1 where !state.series[series].rows.isEmpty:
        // Sent again as it is, or corrected.
        row = state.random.below(state.series[series].rows.count)
        isNewVersion = state.random.below(2) == 0
      case 2:
        row = newRow(series, now: now, &state)
        state.held.append((series, row))
        continue
      default: row = newRow(series, now: now, &state)
      }
      text += send(series, row, isNewVersion, &batch, &state)
    }
    if batch.id % batchesPerFiller == 0 {
      batch.hasFiller = true
      text += "filler s=\"\(String(repeating: "x", count: fillerByteCount))\" \(now)\n"
    }
    return (text + "#ack t\(batch.id)\n", batch)
  }

  private static func send(
    _ series: Int,
    _ row: Int,
    _ isNewVersion: Bool,
    _ batch: inout Batch,
    _ state: inout State
  ) -> String {
    let canChange = state.series[series].rows[row].sent < TortureSeries.versionsMax
    let line = state.series[series].line(row, isNewVersion: isNewVersion && canChange)
    batch.rows.append((series, row, state.series[series].rows[row].sent))
    return line
  }

  /// Half of the series live now, the others go through past days ten seconds at a time.
  private static func newRow(_ series: Int, now: Timestamp, _ state: inout State) -> Int {
    let last = state.series[series].rows.last?.timestamp
    if series % 2 == 0 { return state.series[series].add(max(now, (last ?? 0) + 1)) }
    let start = now / 1_000_000_000 * 1_000_000_000 - 2 * 86_400_000_000_000
    let next = (last ?? start) + Int64(1 + state.random.below(20)) * 1_000_000_000
    return state.series[series].add(next < now ? next : max(now, (last ?? 0) + 1))
  }
}

/// A small generator that a seed decides (SplitMix64).
package struct TortureRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var result = state
    result = (result ^ (result >> 30)) &* 0xbf58_476d_1ce4_e5b9
    result = (result ^ (result >> 27)) &* 0x94d0_49bb_1331_11eb
    return result ^ (result >> 31)
  }

  /// 0 ..< `bound`.
  package mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}
