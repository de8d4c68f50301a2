#if S3
  internal import CCurl
  internal import Synchronization

  /// Requests through libcurl. Connections are kept and used again; safe from several threads.
  package final class CurlTransport: S3Transport {
    private static let connectMilliseconds = 3_000
    /// Of a whole request: a part of 16 MiB at 300 kB/s.
    private static let requestMilliseconds = 60_000
    private static let idleCountMax = 8

    private let idle = Mutex<[CurlHandle]>([])

    package init() {}

    package func send(
      _ method: String,
      url: String,
      headers: [(name: String, value: String)],
      body: [UInt8],
      answerByteCountMax: Int
    ) throws(S3Unreachable) -> S3Answer {
      guard let handle = idle.withLock({ $0.popLast() }) ?? CurlHandle() else {
        throw S3Unreachable("libcurl has no memory")
      }
      defer {
        idle.withLock { if $0.count < Self.idleCountMax { $0.append(handle) } }
      }
      return try handle.perform(
        method,
        url: url,
        headers: headers.map { "\($0.name): \($0.value)" },
        body: body,
        // Refusals come in a body too, however few bytes were asked for.
        answerByteCountMax: max(answerByteCountMax, 64 << 10),
        connectMilliseconds: Self.connectMilliseconds,
        requestMilliseconds: Self.requestMilliseconds
      )
    }
  }

  /// One connection of libcurl: one thread at a time, which ``CurlTransport`` sees to.
  @safe private final class CurlHandle: @unchecked Sendable {
    // @unchecked: whoever has taken it from the idle ones is alone with it.
    private let handle: UnsafeMutableRawPointer

    init?() {
      guard let handle = unsafe ccurl_open() else { return nil }
      unsafe self.handle = unsafe handle
    }

    deinit { unsafe ccurl_close(handle) }

    func perform(
      _ method: String,
      url: String,
      headers: [String],
      body: [UInt8],
      answerByteCountMax: Int,
      connectMilliseconds: Int,
      requestMilliseconds: Int
    ) throws(S3Unreachable) -> S3Answer {
      var answer = unsafe ccurl_answer()
      defer { unsafe ccurl_release(&answer) }
      // Texts for C, one after another, each with its end.
      var texts: [CChar] = []
      var starts: [Int] = []
      for text in [method, url] + headers {
        starts.append(texts.count)
        texts += text.utf8.map { CChar(bitPattern: $0) } + [0]
      }
      unsafe texts.withUnsafeBufferPointer { texts in
        guard let base = texts.baseAddress else { return }
        let lines: [UnsafePointer<CChar>?] = unsafe starts.dropFirst(2).map { unsafe base + $0 }
        unsafe lines.withUnsafeBufferPointer { lines in
          unsafe body.withUnsafeBufferPointer { body in
            var request = unsafe ccurl_request()
            unsafe request.method = base + starts[0]
            unsafe request.url = base + starts[1]
            unsafe request.headers = lines.baseAddress
            unsafe request.header_count = lines.count
            unsafe request.body = body.baseAddress
            unsafe request.body_count = body.count
            unsafe request.answer_count_max = answerByteCountMax
            unsafe request.connect_timeout_ms = connectMilliseconds
            unsafe request.timeout_ms = requestMilliseconds
            unsafe ccurl_perform(handle, &request, &answer)
          }
        }
      }
      guard unsafe answer.code == 0 else {
        let text = unsafe withUnsafeBytes(of: answer.error) { bytes in
          unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        throw S3Unreachable(text)
      }
      let lines = unsafe Self.array(answer.headers, answer.headers_count)
      let body = unsafe Self.array(answer.body, answer.body_count)
      let status = unsafe answer.status
      return S3Answer(status: status, headers: Self.fields(lines), body: body)
    }

    private static func array(_ base: UnsafeMutablePointer<UInt8>?, _ count: Int) -> [UInt8] {
      guard let base = unsafe base else { return [] }
      return unsafe Array(UnsafeBufferPointer(start: base, count: count))
    }

    /// Of the last answer: `100 Continue` may come before it.
    private static func fields(_ lines: [UInt8]) -> [String: String] {
      var fields: [String: String] = [:]
      for line in String(decoding: lines, as: UTF8.self).split(whereSeparator: \.isNewline) {
        if line.hasPrefix("HTTP/") {
          fields = [:]
          continue
        }
        guard let colon = line.firstIndex(of: ":") else { continue }
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        fields[line[..<colon].lowercased()] = String(value)
      }
      return fields
    }
  }
#endif
