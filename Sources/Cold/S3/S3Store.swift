internal import Bytes
public import Platform

/// Sends one request, signed already. The one of libcurl is ``CurlTransport``; tests have others.
package protocol S3Transport: Sendable {
  func send(
    _ method: String,
    url: String,
    headers: [(name: String, value: String)],
    body: [UInt8],
    answerByteCountMax: Int
  ) throws(S3Unreachable) -> S3Answer
}

/// Nothing came back.
package struct S3Unreachable: Error, Hashable, Sendable {
  package var what: String
  package init(_ what: String) { self.what = what }
}

/// Objects in a bucket of S3 or of a service that speaks like it.
///
/// Every body is signed with its SHA-256, which the service verifies. What may succeed when it is
/// asked again is asked again, a bounded number of times, after waits with full jitter.
public struct S3Store: ObjectStore {
  /// Larger objects go up in parts.
  package static let partByteCount = 16 << 20
  /// What the service allows.
  private static let partCountMax = 10_000
  private static let attemptCountMax = 4
  private static let waitNanosecondsMin: UInt64 = 100_000_000
  private static let waitNanosecondsMax: UInt64 = 2_000_000_000
  private static let listByteCountMax = 16 << 20

  private let place: S3Place
  private let account: S3Account
  private let transport: any S3Transport
  private let clock: any Clock
  private let partByteCount: Int
  /// Waits before another attempt.
  private let wait: @Sendable (_ nanosecondsMax: UInt64) -> Void

  package init(
    _ place: S3Place,
    _ account: S3Account,
    transport: any S3Transport,
    clock: any Clock,
    partByteCount: Int = partByteCount,
    wait: @escaping @Sendable (_ nanosecondsMax: UInt64) -> Void = { limit in
      _ = Signal().wait(timeoutNanoseconds: UInt64.random(in: 0...limit))
    }
  ) {
    self.place = place
    self.account = account
    self.transport = transport
    self.clock = clock
    self.partByteCount = partByteCount
    self.wait = wait
  }

  public var location: String {
    let url = place.url(of: "")
    return url.hasSuffix("/") ? String(url.dropLast()) : url
  }

  public func path(of key: String) -> String { place.url(of: key) }

  // MARK: Objects

  public func put(_ key: String, _ file: any ReadableFile) throws(ObjectError) {
    guard file.byteCount > partByteCount else {
      let body = try bytes(of: file, 0..<file.byteCount, key)
      _ = try ask("PUT", key, body: body, operation: "put")
      return
    }
    guard file.byteCount <= partByteCount * Self.partCountMax else {
      throw ObjectError(.refused, path(of: key), "put: \(file.byteCount) bytes are too many")
    }
    let begun = try ask("POST", key, query: [("uploads", "")], operation: "begin an upload")
    guard let upload = begun.text(of: "UploadId"), !upload.isEmpty else {
      throw ObjectError(.refused, path(of: key), "begin an upload: the answer names none")
    }
    do throws(ObjectError) {
      try putParts(key, file, upload)
    } catch {
      // What is left of it costs money until it is aborted.
      _ = try? ask("DELETE", key, query: [("uploadId", upload)], operation: "abort an upload")
      throw error
    }
  }

  private func putParts(
    _ key: String,
    _ file: any ReadableFile,
    _ upload: String
  ) throws(ObjectError) {
    var parts = ""
    var number = 1
    var position = 0
    while position < file.byteCount {
      let end = min(file.byteCount, position + partByteCount)
      let answer = try ask(
        "PUT",
        key,
        query: [("partNumber", "\(number)"), ("uploadId", upload)],
        body: try bytes(of: file, position..<end, key),
        operation: "put part \(number)"
      )
      guard let tag = answer.headers["etag"] else {
        throw ObjectError(.refused, path(of: key), "put part \(number): the answer has no ETag")
      }
      parts += "<Part><PartNumber>\(number)</PartNumber><ETag>\(tag)</ETag></Part>"
      position = end
      number += 1
    }
    let answer = try ask(
      "POST",
      key,
      query: [("uploadId", upload)],
      body: Array("<CompleteMultipartUpload>\(parts)</CompleteMultipartUpload>".utf8),
      operation: "end an upload"
    )
    // A failure may come behind a 200.
    guard answer.text(of: "Code") == nil else { throw answer.error("end an upload", path(of: key)) }
  }

  private func bytes(
    of file: any ReadableFile,
    _ range: Range<Int>,
    _ key: String
  ) throws(ObjectError) -> [UInt8] {
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try file.read(at: range.lowerBound, count: range.count)
    } catch {
      throw ObjectError(error)
    }
    guard bytes.count == range.count else {
      throw ObjectError(.refused, path(of: key), "put: the file has become shorter")
    }
    return bytes
  }

  public func get(_ key: String, at offset: Int, count: Int) throws(ObjectError) -> [UInt8] {
    guard count > 0 else { return [] }
    let answer = try ask(
      "GET",
      key,
      headers: [("range", "bytes=\(offset)-\(offset + count - 1)")],
      answerByteCountMax: count,
      // Behind the end of the object there is nothing.
      allowing: [416],
      operation: "get"
    )
    switch answer.status {
    case 416: return []
    case 206: return answer.body
    // A service that knows no ranges gave the whole object, and it fits.
    default: return Array(answer.body.dropFirst(offset).prefix(count))
    }
  }

  public func list(_ prefix: String) throws(ObjectError) -> [ObjectEntry] {
    var entries: [ObjectEntry] = []
    var token: String?
    repeat {
      var query = [("list-type", "2"), ("prefix", place.prefix + prefix)]
      if let token { query.append(("continuation-token", token)) }
      let answer = try ask(
        "GET",
        nil,
        query: query,
        answerByteCountMax: Self.listByteCountMax,
        operation: "list"
      )
      let (keys, sizes) = (answer.texts(of: "Key"), answer.texts(of: "Size"))
      guard keys.count == sizes.count else {
        throw ObjectError(.refused, location, "list: the answer makes no sense")
      }
      for (key, size) in zip(keys, sizes) where key.hasPrefix(place.prefix) {
        let name = String(key.dropFirst(place.prefix.count))
        entries.append(ObjectEntry(key: name, byteCount: Int(size) ?? 0))
      }
      let isCut = answer.text(of: "IsTruncated") == "true"
      token = isCut ? answer.text(of: "NextContinuationToken") : nil
    } while token != nil
    return entries.sorted { $0.key < $1.key }
  }

  public func delete(_ key: String) throws(ObjectError) {
    _ = try ask("DELETE", key, allowing: [404], operation: "delete")
  }

  public func byteCount(of key: String) throws(ObjectError) -> Int? {
    let answer = try ask("HEAD", key, allowing: [404], operation: "head")
    guard answer.status != 404 else { return nil }
    guard let count = answer.headers["content-length"].flatMap({ Int($0) }) else {
      throw ObjectError(.refused, path(of: key), "head: the answer has no length")
    }
    return count
  }

  // MARK: Requests

  private func ask(
    _ method: String,
    _ key: String?,
    query: [(String, String)] = [],
    headers: [(String, String)] = [],
    body: [UInt8] = [],
    answerByteCountMax: Int = 1 << 20,
    allowing allowed: Set<Int> = [],
    operation: String
  ) throws(ObjectError) -> S3Answer {
    let object = key.map { path(of: $0) } ?? location
    let digest = S3Signature.hexadecimal(SHA256.digest(body))
    var attempt = 1
    while true {
      var failure: ObjectError
      var isTransient = true
      do throws(S3Unreachable) {
        let answer = try send(method, key, query, headers, body, digest, answerByteCountMax)
        if 200..<300 ~= answer.status || allowed.contains(answer.status) { return answer }
        failure = answer.error(operation, object)
        isTransient = answer.isTransient
      } catch {
        failure = ObjectError(
          .unreachable,
          object,
          "\(operation): \(error.what); check the network"
            + (account.endpoint.map { " and AWS_ENDPOINT_URL (\($0))" } ?? "")
        )
      }
      guard isTransient, attempt < Self.attemptCountMax else {
        if attempt > 1 { failure.what += "; tried \(attempt) times" }
        throw failure
      }
      wait(min(Self.waitNanosecondsMax, Self.waitNanosecondsMin << UInt64(attempt)))
      attempt += 1
    }
  }

  private func send(
    _ method: String,
    _ key: String?,
    _ query: [(String, String)],
    _ headers: [(String, String)],
    _ body: [UInt8],
    _ digest: String,
    _ answerByteCountMax: Int
  ) throws(S3Unreachable) -> S3Answer {
    let (base, host, path) = place.address(of: key, account)
    let time = S3Signature.time(clock.now())
    var signed: [(name: String, value: String)] = headers.map { (name: $0.0, value: $0.1) }
    signed += [("host", host), ("x-amz-content-sha256", digest), ("x-amz-date", time)]
    if let token = account.sessionToken { signed.append(("x-amz-security-token", token)) }
    let items = query.map { (name: $0.0, value: $0.1) }
    let authorization = S3Signature(
      accessKey: account.accessKey,
      secretKey: account.secretKey,
      region: account.region
    ).authorization(
      .init(method: method, path: path, query: items, headers: signed, digest: digest),
      time: time
    )
    let text = S3Signature.query(items)
    return try transport.send(
      method,
      url: base + path + (text.isEmpty ? "" : "?\(text)"),
      headers: signed.filter { $0.name != "host" } + [("authorization", authorization)],
      body: body,
      answerByteCountMax: answerByteCountMax
    )
  }
}
