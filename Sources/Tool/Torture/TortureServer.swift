internal import Platform
internal import Server

/// A server in a process of its own, and what can be asked of it over HTTP.
final class TortureServer: Sendable {
  private static let answerByteCountMax = 1 << 30

  let lines: Address
  let http: Address
  private let child: ChildProcess

  /// Starts `varve serve` on free ports, with cuts and segments small enough that a second sees
  /// many of them, and waits until it takes lines.
  ///
  /// - Parameters:
  ///   - crash: what ``CrashPoint/variable`` shall say.
  ///   - killAfter: kills it after so many nanoseconds, ready or not.
  /// - Returns: `nil` when it died before it was ready.
  static func start(
    data: String,
    log: String,
    crash: String? = nil,
    killAfter: UInt64? = nil
  ) throws -> TortureServer? {
    let arguments = [
      "serve", "--data", data, "--line-tcp", "127.0.0.1:0", "--http", "127.0.0.1:0",
      "--partitions", "4", "--cut-interval", "1s", "--queue-segment", "1MiB", "--queue-retain-age",
      "1s", "--compaction-cuts", "3", "--compaction-cpu", "100",
    ]
    let child: ChildProcess
    do throws(SystemError) {
      child = try ChildProcess(
        ChildProcess.ownProgram,
        arguments,
        environment: crash.map { [CrashPoint.variable: $0] } ?? [:],
        errors: log
      )
    } catch {
      throw Failure("cannot start a server: \(error)")
    }
    if let killAfter {
      Signal().wait(timeoutNanoseconds: killAfter)
      child.kill()
      _ = child.wait()
      return nil
    }
    var lines: Address?
    var http: Address?
    while let line = try? child.readLine() {
      let words = line.split(separator: " ")
      if words.first == "lines", words.count > 1 { lines = Address(String(words[1])) }
      if words.first == "http", words.count > 1 { http = Address(String(words[1].dropFirst(7))) }
      if line.hasSuffix("taking lines"), let lines, let http {
        return TortureServer(child, lines: lines, http: http)
      }
    }
    let end = child.wait()
    guard end == .killed(signal: 9) else { throw Failure("a server ended while starting: \(end)") }
    return nil
  }

  private init(_ child: ChildProcess, lines: Address, http: Address) {
    self.child = child
    self.lines = lines
    self.http = http
  }

  var hasEnded: Bool { child.hasEnded }

  func kill() { child.kill() }

  func wait() -> ChildProcess.End { child.wait() }

  /// How it ended, or `nil` when it goes on: after an answer that did not come.
  func endOfSilence() -> ChildProcess.End? {
    for _ in 0..<200 where !child.hasEnded { Signal().wait(timeoutNanoseconds: 10_000_000) }
    return child.hasEnded ? child.wait() : nil
  }

  /// Asks it to stop and waits for it.
  func stop() -> ChildProcess.End {
    child.terminate()
    return child.wait()
  }

  // MARK: Questions

  /// The body of an answer with status 2xx; `nil` when there is none, because the server is gone.
  func ask(_ method: String, _ target: String) -> [UInt8]? {
    guard let socket = try? TCPSocket(host: http.host, port: http.port) else { return nil }
    socket.setReceiveTimeout(seconds: 60)
    let request = Array(
      "\(method) \(target) HTTP/1.1\r\nHost: \(http)\r\nConnection: close\r\n\r\n".utf8
    )
    guard (try? socket.send(request, 0..<request.count)) != nil else { return nil }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while answer.count < Self.answerByteCountMax {
      guard let count = try? socket.receive(into: &buffer) else { return nil }
      if count == 0 { break }
      answer += buffer[..<count]
    }
    return Self.body(answer)
  }

  private static func body(_ answer: [UInt8]) -> [UInt8]? {
    guard let end = answer.indices.first(where: { answer[$0...].starts(with: "\r\n\r\n".utf8) })
    else { return nil }
    let head = String(decoding: answer[..<end], as: UTF8.self).lowercased()
    let words = head.split(separator: " ", maxSplits: 2)
    guard words.count > 1, words[1].hasPrefix("2") else { return nil }
    let body = answer[(end + 4)...]
    return head.contains("transfer-encoding: chunked") ? unchunked(body) : Array(body)
  }

  /// Joins chunks; `nil` when the last one is missing.
  private static func unchunked(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    var rest = bytes
    var result: [UInt8] = []
    while let end = rest.firstIndex(of: 13) {
      let digits = String(decoding: rest[rest.startIndex..<end], as: UTF8.self)
      guard let count = Int(digits, radix: 16) else { return nil }
      if count == 0 { return result }
      let start = end + 2
      guard start + count + 2 <= rest.endIndex else { return nil }
      result += rest[start..<start + count]
      rest = rest[(start + count + 2)...]
    }
    return nil
  }

  /// Cuts every partition; `false` when the server is gone.
  func flush() -> Bool { ask("POST", "/api/v1/admin/flush") != nil }

  /// The most memory that it ever had, bytes; `nil` when it does not tell.
  func peakByteCount() -> Int? {
    guard let page = ask("GET", "/metrics") else { return nil }
    let name = "process_resident_memory_max_bytes "
    let lines = String(decoding: page, as: UTF8.self).split(separator: "\n")
    let line = lines.first { $0.hasPrefix(name) }
    return line.flatMap { Double($0.dropFirst(name.count)) }.map { Int($0) }
  }

  /// The `data` of a JSON answer.
  func data(_ target: String) -> TortureJSON? {
    ask("GET", target).flatMap { TortureJSON($0) }?["data"]
  }
}
