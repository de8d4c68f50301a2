import Cold
import Synchronization

/// A bucket in memory, behind the transport: what the service would do with the requests, and
/// refusals by order.
final class S3Bucket: S3Transport {
  struct Seen: Sendable {
    var method: String
    var url: String
    var headers: [String: String]
    var byteCount: Int
  }

  private struct State {
    var objects: [String: [UInt8]] = [:]
    var uploads: [String: [Int: [UInt8]]] = [:]
    var seen: [Seen] = []
    /// Answers to the next requests instead of the right ones; `nil` for no answer.
    var orders: [S3Answer?] = []
    var pageCount = 1_000
  }

  private let state = Mutex(State())

  var seen: [Seen] { state.withLock { $0.seen } }
  var objects: [String: [UInt8]] { state.withLock { $0.objects } }
  var uploadCount: Int { state.withLock { $0.uploads.count } }

  /// What comes back next, whatever is asked.
  func answer(_ orders: [S3Answer?]) { state.withLock { $0.orders = orders } }
  func set(keysPerList count: Int) { state.withLock { $0.pageCount = count } }

  static func refusal(_ status: Int, _ code: String) -> S3Answer {
    S3Answer(
      status: status,
      body: Array("<Error><Code>\(code)</Code><Message>No &amp; no</Message></Error>".utf8)
    )
  }

  func send(
    _ method: String,
    url: String,
    headers: [(name: String, value: String)],
    body: [UInt8],
    answerByteCountMax: Int
  ) throws(S3Unreachable) -> S3Answer {
    let fields = Dictionary(headers.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    let order: S3Answer?? = state.withLock { state in
      state.seen.append(
        Seen(method: method, url: url, headers: fields, byteCount: body.count)
      )
      return state.orders.isEmpty ? nil : .some(state.orders.removeFirst())
    }
    switch order {
    case .some(.some(let answer)): return answer
    case .some(.none): throw S3Unreachable("Connection refused")
    case .none: break
    }
    let parts = url.split(separator: "?", maxSplits: 1)
    let key = parts[0].split(separator: "/").dropFirst(3).joined(separator: "/")
    var query: [String: String] = [:]
    for item in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
      let pair = item.split(separator: "=", omittingEmptySubsequences: false)
      query[String(pair[0])] = pair.count > 1 ? String(pair[1]).replacing("%2F", with: "/") : ""
    }
    return state.withLock { state in
      switch method {
      case "GET" where query["list-type"] != nil: Self.list(query, state)
      case "GET": Self.get(key, fields["range"], state)
      case "HEAD":
        state.objects[key].map {
          S3Answer(status: 200, headers: ["content-length": "\($0.count)"])
        } ?? S3Answer(status: 404)
      default: Self.change(method, key, query, body, &state)
      }
    }
  }

  private static func get(_ key: String, _ range: String?, _ state: State) -> S3Answer {
    guard let object = state.objects[key] else { return refusal(404, "NoSuchKey") }
    let bounds = (range ?? "bytes=0-\(object.count)").dropFirst(6).split(separator: "-")
    guard let start = Int(bounds[0]), let end = Int(bounds[1]), start < object.count else {
      return refusal(416, "InvalidRange")
    }
    return S3Answer(status: 206, body: Array(object[start..<min(object.count, end + 1)]))
  }

  private static func list(_ query: [String: String], _ state: State) -> S3Answer {
    let keys = state.objects.keys.sorted().filter {
      $0.hasPrefix(query["prefix"] ?? "") && $0 > query["continuation-token"] ?? ""
    }
    var text = ""
    for key in keys.prefix(state.pageCount) {
      let size = state.objects[key]?.count ?? 0
      text += "<Contents><Key>\(key)</Key><Size>\(size)</Size></Contents>"
    }
    if keys.count > state.pageCount {
      let last = keys[state.pageCount - 1]
      text +=
        "<IsTruncated>true</IsTruncated>"
        + "<NextContinuationToken>\(last)</NextContinuationToken>"
    }
    return S3Answer(status: 200, body: Array("<ListBucketResult>\(text)</ListBucketResult>".utf8))
  }

  private static func change(
    _ method: String,
    _ key: String,
    _ query: [String: String],
    _ body: [UInt8],
    _ state: inout State
  ) -> S3Answer {
    switch (method, query["uploadId"]) {
    case ("DELETE", let upload?): state.uploads[upload] = nil
    case ("DELETE", nil): state.objects[key] = nil
    case ("POST", nil):
      let id = "u\(state.uploads.count + 1)"
      state.uploads[id] = [:]
      return S3Answer(status: 200, body: Array("<UploadId>\(id)</UploadId>".utf8))
    case ("PUT", let upload?):
      guard let number = query["partNumber"].flatMap({ Int($0) }) else {
        return refusal(400, "InvalidPart")
      }
      state.uploads[upload]?[number] = body
      return S3Answer(status: 200, headers: ["etag": "\"\(number)\""])
    case ("POST", let upload?):
      let parts = state.uploads.removeValue(forKey: upload) ?? [:]
      state.objects[key] = parts.sorted { $0.key < $1.key }.flatMap(\.value)
    default: state.objects[key] = body
    }
    return S3Answer(status: method == "DELETE" ? 204 : 200)
  }
}
